"""A spot interruption on its way to the training."""

import json
import shutil
from pathlib import Path

import pytest

from cmlkit.clouds.launching import FirstBoot
from cmlkit.forges.runners import RunnerAgent
from tests.integration.boot.machine import NOTICE, Machine
from tests.stand_in_runner import write_tarball

pytestmark = pytest.mark.slow


STEP_WITH_A_CHECKPOINT = '''
import subprocess
TRAINING = """
import pathlib, signal, sys
def save(*_):
    print("checkpoint written", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
pathlib.Path("{ready}").touch()
signal.pause()
"""
command = "python3 -c '" + TRAINING + "' {pipeline}"
step = subprocess.Popen(["bash", "-e", "-c", command], stdout=subprocess.PIPE, text=True)
for line in step.stdout:
    print("job log:", line, end="", flush=True)
print("step ended with", step.wait(), flush=True)
'''


# What another cloud and another forge would bring, as small as it can be.
NIMBUS = """
local_services() { echo 192.0.2.1; }
instance_id() { echo vm-1; }
launch_time() { return 1; }
taken_back() { [ -e "$MACHINE/ready" ] && echo soon; }
"""


SMITHY = """
agent_install() { as_runner touch "$MACHINE/installed"; }
agent_environment() { cat >"$MACHINE/variables"; }
agent_run() {
  echo "the agent has $CMLKIT_CREDENTIAL"
  exec "$@" sh -c 'echo $$ >"$MACHINE/job"; exec python3 "$MACHINE/agent"'
}
agent_jobs() { cat "$MACHINE/job" 2>/dev/null || true; }
agent_refusal() { return 1; }
agent_warning() { echo "WARNING $1: $2"; }
"""


def test_an_agent_of_another_forge_on_another_cloud_has_the_same_life(machine: Machine, tmp_path: Path) -> None:
    machine.replace("sleep", f"exec {shutil.which('sleep')} 0.1")
    (tmp_path / "agent").write_text(STEP_WITH_A_CHECKPOINT.format(ready=tmp_path / "ready", pipeline=""))
    machine.boot(
        write_tarball(tmp_path / "runner.tgz"),
        cloud=FirstBoot(cloud="Nimbus", metadata_script=NIMBUS, user_data_limit=16_384),
        agent=RunnerAgent(forge="Smithy", script=SMITHY, service="", status_page="", greeting=""),
        credential="c2VjcmV0",
    )
    machine.wait_for_power_off()
    assert (tmp_path / "installed").exists()
    assert "CMLKIT_INSTANCE_ID=vm-1" in (tmp_path / "variables").read_text()
    assert "the agent has c2VjcmV0" in machine.console
    assert "job log: WARNING Spot interruption: Nimbus takes this instance back: soon." in machine.console
    assert "job log: checkpoint written" in machine.console
    assert "powering off: the runner ended with status 0" in machine.console


@pytest.mark.parametrize("pipeline", ["", "| tee training.log"])
def test_a_spot_interruption_lets_the_training_write_its_checkpoint(
    machine: Machine, tmp_path: Path, pipeline: str
) -> None:
    machine.replace("sleep", f"exec {shutil.which('sleep')} 0.1")
    worker = STEP_WITH_A_CHECKPOINT.format(ready=tmp_path / "ready", pipeline=pipeline)
    machine.boot(write_tarball(tmp_path / "runner.tgz", worker=worker, worker_shebang="#!/usr/bin/env python3"))
    machine.wait_for((tmp_path / "ready").exists, "the training")
    machine.metadata["/latest/meta-data/spot/instance-action"] = json.dumps(NOTICE)
    machine.wait_for_power_off()
    assert "job log: checkpoint written" in machine.console
    assert "job log: ::warning title=Spot interruption::AWS takes this instance back" in machine.console
    assert "step ended with" in machine.console
    assert json.loads((machine.home / "interrupted").read_text()) == NOTICE


# The processes of a step in a job with `container:`. GitHub's runner waits for `docker exec`; the step is a child of
# the container's shim, beside the process that keeps the container up. No signal to `docker exec` reaches the step:
# https://docs.docker.com/reference/cli/docker/container/exec/
STEP_IN_A_CONTAINER = '''
import pathlib, subprocess, sys
here = pathlib.Path("{here}")
(here / "shim.py").write_text("""
import pathlib, subprocess
here = pathlib.Path("{here}")
first = subprocess.Popen(["sh", "-c", "until [ -e {here}/log ]; do sleep 0.1; done"])
(here / "first").write_text(str(first.pid))
script = "python3 {here}/training.py; echo the step goes on"
step = subprocess.run(["sh", "-e", "-c", script], stdout=subprocess.PIPE, text=True)
(here / "log.part").write_text(step.stdout)
(here / "log.part").rename(here / "log")
""")
(here / "training.py").write_text("""
import pathlib, signal, sys
def save(*_):
    print("checkpoint written", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
pathlib.Path("{here}/ready").touch()
signal.pause()
""")
(here / "exec").write_text("""
import pathlib, time
while not pathlib.Path("{here}/log").exists():
    time.sleep(0.05)
""")
subprocess.run(["sh", "-c", "python3 {here}/shim.py &"], check=True)
client = subprocess.Popen(["docker", "exec", "-i", "0123abc"], executable=sys.executable, cwd=here)
print("docker exec ended with", client.wait(), flush=True)
print((here / "log").read_text(), flush=True)
'''


def test_a_spot_interruption_reaches_a_training_in_a_container(machine: Machine, tmp_path: Path) -> None:
    machine.replace("sleep", f"exec {shutil.which('sleep')} 0.1")
    machine.replace("docker", 'if [ "$1" = ps ]; then echo 0123abc; else cat "$MACHINE/first"; fi')
    worker = STEP_IN_A_CONTAINER.format(here=tmp_path)
    machine.boot(write_tarball(tmp_path / "runner.tgz", worker=worker, worker_shebang="#!/usr/bin/env python3"))
    machine.wait_for((tmp_path / "ready").exists, "the training")
    machine.metadata["/latest/meta-data/spot/instance-action"] = json.dumps(NOTICE)
    machine.wait_for_power_off()
    assert "checkpoint written" in machine.console
    assert "the step goes on" in machine.console
    assert "docker exec ended with 0" in machine.console
