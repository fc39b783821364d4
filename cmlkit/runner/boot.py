"""User data: the script of a new instance from its first boot to its power-off.

`life.sh` is the same everywhere. It calls functions of two parts: the cloud's, which tells an instance about itself,
and the forge's, which installs and runs the agent that takes the job. This module puts both parts before `life.sh`,
and the values of one runner before them. When the script begins one of BOOT_STEPS, it prints
`cmlkit: stage=NAME uptime=SECONDS` on standard output and on the console; when the runner gets its job,
`cmlkit: a job came`; when it powers off, `cmlkit: powering off: REASON`.

The script needs these commands on a machine, looked up on PATH:

    systemd-run --quiet --unit=… --description=… --on-active=SECONDS --timer-property=… COMMAND…
                                        start the lifetime timer; SECONDS has two decimals
    systemd-run --quiet --scope --description=… --property=… COMMAND…
                                        run COMMAND in the foreground, in this environment
    systemctl poweroff; poweroff; systemctl is-system-running; systemctl poweroff --force --force
                                        each only if the one before it failed, or did not say `stopping`
    systemctl --quiet --no-reload enable UNIT_FILE
    systemctl --quiet stop UNIT…        may fail: apt's timers, and what they have started

and only if `id -u` prints 0:

    useradd --create-home --home-dir DIRECTORY --shell SHELL --user-group runner
                                        unless `id -u runner` succeeds; then `chown runner: DIRECTORY`
    setpriv --reuid=runner --regid=GROUP --init-groups -- COMMAND…
                                        run COMMAND as that user, in this environment

and only with the setting `docker`:

    apt-get update; apt-get install … docker.io, docker-cli; dnf install … docker
                                        dnf if there is no apt-get; neither if there is a docker
    nvidia-ctk runtime configure --runtime=docker
                                        if there is a GPU
    systemctl set-environment NAME=VALUE…
                                        if there is a proxy
    systemctl --quiet enable docker; systemctl restart docker; usermod --append --groups docker runner
    docker version; docker ps …; docker inspect …

and with the setting `sudo`, `sudo --non-interactive true` as the user, after it has written 90-cmlkit below the
environment's CMLKIT_SUDOERS_FOLDER (default /etc/sudoers.d);

besides bash, coreutils, findutils, sed, grep, tar, gzip, and curl or python3. Else it writes only below the
environment's CMLKIT_HOME (default /opt/cmlkit), and to /dev/console if that is writable:

    home/                       the agent, in its own folder
    apt.conf                    apt's configuration for the startup script: how long to wait for a lock
    booted                      the machine's one boot has begun: if it exists, the script powers off at once
    marks                       when each step began: its name and seconds since the epoch
    interrupted                 the cloud's notice of a spot interruption, unchanged
    home/keep                   written by a training that failed: the script waits before it powers off

The agent gives its jobs the variables of job_environment, and LANG, CMLKIT_HOME, CMLKIT_INSTANCE_ID and
CMLKIT_INSTANCE_STARTED (seconds since the epoch); with a proxy, those that name it, in both spellings.

The script asks the cloud every five seconds for a spot
interruption; on one, it sends SIGTERM to the programs that the job's steps run.
"""

import gzip
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from cmlkit.clouds.launching import FirstBoot
from cmlkit.errors import SettingsError
from cmlkit.forges.runners import RunnerAgent
from cmlkit.runner.packages.project import ProjectPackages

BOOT_STEPS = (
    "lifetime-timer",
    "exit-trap",
    "first-boot",
    "user",
    "runner-files",
    "job-environment",
    "docker",
    "startup-script",
    "watchers",
    "runner",
    "power-off",
)


@dataclass(frozen=True, kw_only=True)
class BootSpec:
    """The values that make an instance one runner for one job.

    Attributes:
        cloud: The instance's cloud.
        agent: The forge's runner application.
        credential: Lets the agent become the runner; single use, and the only secret in user data.
        runner_url: URL of the agent's archive, from the forge.
        runner_sha256: Checksum of that archive, from the forge, in hexadecimal.
        idle_timeout: Seconds without a job after which the instance powers off.
        max_lifetime: Seconds after which it powers off, even during a job.
        keep_on_failure: Seconds for which it stays after a training that failed, within `max_lifetime`.
        startup_script: The user's own lines, run by `bash -e` as root before the runner starts, so that packages can
            be installed: with HOME, without questions, and with patience for apt's lock.
        job_environment: Variables for every job on the runner.
        proxy: URL of the proxy for everything that the instance fetches; the image's own if empty.
        no_proxy: Hosts that are reached without it, besides the instance itself and its cloud's local services.
        docker: Whether the job may use Docker, which is installed if the image lacks it; amounts to root.
        sudo: Whether the job may use sudo without a password.
    """

    cloud: FirstBoot
    agent: RunnerAgent
    credential: str = field(repr=False)
    runner_url: str
    runner_sha256: str
    idle_timeout: float
    max_lifetime: float
    keep_on_failure: float = 0.0
    startup_script: str = ""
    job_environment: Mapping[str, str] = field(default_factory=dict)
    proxy: str = field(default="", repr=False)
    no_proxy: Sequence[str] = ()
    docker: bool = False
    sudo: bool = False


@dataclass(frozen=True, kw_only=True)
class BootProgress:
    """The progress of a boot when its console was read.

    Attributes:
        step: The last of BOOT_STEPS that it began.
        uptime: Seconds from the machine's start to that moment.
        farewell: Why it began to power off; empty if it has not.
        had_job: Whether the runner has had a job. Scripts of older versions do not tell.
    """

    step: str
    uptime: float
    farewell: str = ""
    had_job: bool = False


def boot_progress(console: str) -> BootProgress | None:
    """Return the boot script's progress according to the console's output; None if it had not begun."""
    said = re.findall(r"cmlkit: stage=(\S+) uptime=([0-9.]+)", console)
    # Other programs print on the console, too; only this script's own steps count.
    steps = [(step, uptime) for step, uptime in said if step in BOOT_STEPS]
    if not steps:
        return None
    farewells = re.findall(r"cmlkit: powering off: ([^\r\n]+)", console)
    step, uptime = steps[-1]
    return BootProgress(
        step=step,
        uptime=float(uptime),
        # Ending what still runs says farewell again, with that as the reason.
        farewell=farewells[0] if farewells else "",
        had_job="cmlkit: a job came" in console,
    )


def boot_warnings(console: str) -> tuple[str, ...]:
    """Return the boot script's warnings on the console, each once."""
    return tuple(dict.fromkeys(re.findall(r"cmlkit: warning: ([^\r\n]+)", console)))


def user_data(spec: BootSpec) -> bytes:
    """Return the boot script, gzipped, as cloud-init unpacks and runs it on the instance's first boot.

    Equal specs give equal bytes: a repeated launch is the same request.
    https://docs.cloud-init.io/en/latest/explanation/format/gzip.html

    Raises:
        SettingsError: The script is larger than the cloud allows, or a value cannot be put into it.
    """
    values = _values(spec)
    packed = _gzipped(_script(spec, values))
    _require_room(packed, values, spec.cloud)
    return packed


def boot_script(spec: BootSpec) -> str:
    """Return the script of the user data, before compression.

    Raises:
        SettingsError: A value cannot be put into it.
    """
    return _script(spec, _values(spec))


def _values(spec: BootSpec) -> dict[str, str]:
    return {
        "CMLKIT_CREDENTIAL": spec.credential,
        "CMLKIT_CLOUD": spec.cloud.cloud,
        "CMLKIT_RUNNER_URL": spec.runner_url,
        "CMLKIT_RUNNER_SHA256": _checksum(spec),
        "CMLKIT_IDLE_TIMEOUT": f"{spec.idle_timeout:.2f}",
        "CMLKIT_MAX_LIFETIME": f"{spec.max_lifetime:.2f}",
        "CMLKIT_KEEP_ON_FAILURE": f"{spec.keep_on_failure:.2f}",
        "CMLKIT_STARTUP_SCRIPT": spec.startup_script,
        "CMLKIT_JOB_ENVIRONMENT": _environment_lines(spec.job_environment),
        "CMLKIT_PROXY": spec.proxy,
        "CMLKIT_NO_PROXY": ",".join(spec.no_proxy),
        "CMLKIT_DOCKER": "yes" if spec.docker else "",
        "CMLKIT_SUDO": "yes" if spec.sudo else "",
    }


def _script(spec: BootSpec, values: Mapping[str, str]) -> str:
    shebang, *life = (files(__package__ or "") / "life.sh").read_text(encoding="utf-8").splitlines()
    assignments = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    parts = [*spec.cloud.metadata_script.splitlines(), *spec.agent.script.splitlines(), *life]
    return "\n".join([shebang, *assignments, *_code(parts)]) + "\n"


@dataclass(frozen=True, kw_only=True)
class ImageContents:
    """The contents of a machine image; each is empty if it lacks it.

    Attributes:
        runner_sha256: SHA-256 of the runner's archive.
        git: Version of git.
        uv: Version of uv.
        packages: Digest of the project's packages.
    """

    runner_sha256: str
    git: str
    uv: str
    packages: str = ""

    def missing(self, runner_sha256: str, packages: str = "") -> list[str]:
        """Return the things that each boot would have to fetch.

        Args:
            runner_sha256: Checksum of the current runner.
            packages: Digest of the project's packages; not looked at if empty.
        """
        if not self.runner_sha256:
            lacks = ["the runner"]
        else:
            lacks = [] if self.runner_sha256 == runner_sha256 else ["the current runner: it has an older one"]
        lacks += [name for name in ("git", "uv") if not getattr(self, name)]
        if packages and self.packages != packages:
            changed = "packages that were added or changed since" if self.packages else "the project's packages"
            lacks.append(changed)
        return lacks


def image_recipe(
    *,
    runner_url: str,
    runner_sha256: str,
    startup_script: str = "",
    proxy: str = "",
    no_proxy: Sequence[str] = (),
    packages: ProjectPackages | None = None,
) -> str:
    """Return the user data for a machine that will become an image.

    Args:
        startup_script: The user's own lines, run as root before the packages are fetched.
        proxy: URL of the proxy for what the recipe fetches; the image does not keep it.
        no_proxy: Hosts that are reached without it.
        packages: The project's packages, which the image is to have.
    """
    found = packages or ProjectPackages()
    values = {
        "CMLKIT_RUNNER_URL": runner_url,
        "CMLKIT_RUNNER_SHA256": runner_sha256,
        "CMLKIT_STARTUP_SCRIPT": startup_script,
        "CMLKIT_PROXY": proxy,
        "CMLKIT_NO_PROXY": ",".join(no_proxy),
        "CMLKIT_PACKAGES": packages.digest if packages else "",
        "CMLKIT_PYTHON": found.python,
        "CMLKIT_CONSTRAINTS": found.constraints,
    }
    lists = {"CMLKIT_LOCKED": found.locked, "CMLKIT_UV": found.uv, "CMLKIT_PIP": found.pip}
    shebang, *lines = _resource("prepare-image.sh")
    head = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    assignments = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    assignments += [f"{name}=({' '.join(map(shlex.quote, texts))})" for name, texts in lists.items()]
    return "\n".join([shebang, *lines[:head], *assignments, *lines[head:]]) + "\n"


def check_image_script() -> str:
    """Return the user data for an instance that reports its image's contents on the console."""
    return "\n".join(_resource("check-image.sh")) + "\n"


def image_contents(console: str) -> ImageContents | None:
    """Return the image's contents according to the console's output; None if not reported yet."""
    found = re.search(r"cmlkit: image runner=(\S+) git=(\S*) uv=(\S*)(?: packages=(\S*))?", console)
    if found is None:
        return None
    runner, git, uv, packages = ("" if value in (None, "none") else value for value in found.groups())
    return ImageContents(runner_sha256=runner, git=git, uv=uv, packages=packages)


def _resource(name: str) -> list[str]:
    return (files("cmlkit") / "resources" / name).read_text(encoding="utf-8").splitlines()


def _code(lines: Iterable[str]) -> list[str]:
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("#")]


def _checksum(spec: BootSpec) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", spec.runner_sha256):
        raise SettingsError(
            f"The runner at {spec.runner_url} comes without a usable SHA-256 checksum ({spec.runner_sha256!r}).",
            next_step=f"An unverified runner is not started; check that the {spec.agent.forge} server is up to date.",
        )
    return spec.runner_sha256.lower()


def _environment_lines(environment: Mapping[str, str]) -> str:
    for name, value in environment.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or "\n" in value or "\r" in value:
            raise SettingsError(
                f"The runner cannot give the variable {name!r} to its jobs: its .env file has one NAME=value per line.",
                next_step="Use letters, digits and underscores in the name, and a value of one line.",
            )
    return "\n".join(f"{name}={value}" for name, value in environment.items())


def _gzipped(text: str) -> bytes:
    # Without a time, so that the same text is the same bytes.
    return gzip.compress(text.encode(), mtime=0)


def _require_room(packed: bytes, values: Mapping[str, str], cloud: FirstBoot) -> None:
    if len(packed) <= cloud.user_data_limit:
        return
    sizes = {name: len(_gzipped(value)) for name, value in values.items()}
    largest = max(sizes, key=lambda name: sizes[name])
    raise SettingsError(
        f"The instance's user data is {len(packed):,} bytes after compression; {cloud.cloud} takes"
        f" {cloud.user_data_limit:,}. The largest value in it is {largest}: {len(values[largest].encode()):,} bytes,"
        f" {sizes[largest]:,} after compression.",
        next_step="Shorten `startup-script`: let it fetch its longer part, or prepare an image that has it.",
    )
