"""The program that becomes a GitHub runner: actions/runner.

On an instance it lies below CMLKIT_HOME (default /opt/cmlkit):

    home/actions-runner/        the runner; used without a download if its .cmlkit-sha256 has the wanted checksum
    home/actions-runner/.env    the variables of its jobs

It is started as `./run.sh`, in its directory, without arguments: the JIT config is in the environment variable
ACTIONS_RUNNER_INPUT_JITCONFIG, which actions/runner reads and removes like its argument `--jitconfig`. It counts as
busy while a process exists whose first or second argument is the full path home/actions-runner/bin*/Runner.Worker.
"""

from __future__ import annotations

from importlib.resources import files

from cmlkit.forges.runners import RunnerAgent


def runner_agent() -> RunnerAgent:
    """Return GitHub's part of the boot script, and the services that its runner depends on."""
    return RunnerAgent(
        forge="GitHub",
        script=(files(__package__ or "") / "agent.sh").read_text(encoding="utf-8"),
        service="GitHub's Actions service",
        status_page="https://www.githubstatus.com",
        # https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/add-runners
        greeting="Listening for Jobs",
    )
