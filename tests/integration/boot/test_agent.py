"""The runner on the machine: from the download or the image, started with its credential, and how it ended."""

from pathlib import Path

import pytest

from cmlkit.runner.boot import boot_warnings
from tests import documented
from tests.integration.boot.machine import Machine, a_small_image, preinstall
from tests.stand_in_runner import write_tarball

PAGE = documented.ROOT / "docs" / "how-to" / "prepare-an-image.md"

pytestmark = pytest.mark.slow


def test_the_jit_config_reaches_the_runner_and_nothing_else(machine: Machine, tmp_path: Path) -> None:
    run = (
        'echo "given: $ACTIONS_RUNNER_INPUT_JITCONFIG, arguments: $#"\ncat /proc/[0-9]*/cmdline >"$MACHINE/processes"\n'
    )
    machine.boot(
        write_tarball(tmp_path / "runner.tgz", run=run), credential="c2VjcmV0", startup_script='env >"$MACHINE/startup"'
    )
    machine.wait_for_power_off()
    assert "given: c2VjcmV0, arguments: 0" in machine.console
    assert b"c2VjcmV0" not in (tmp_path / "processes").read_bytes()
    assert "c2VjcmV0" not in (tmp_path / "startup").read_text()
    assert [path for path in machine.home.rglob("*") if path.is_file() and b"c2VjcmV0" in path.read_bytes()] == []


@pytest.mark.parametrize(("user", "switches"), [("0", True), ("1000", False)])
def test_only_root_has_another_user_to_run_the_runner_as(
    machine: Machine, tmp_path: Path, user: str, switches: bool
) -> None:
    machine.replace("id", f'[ "$*" = -u ] && echo {user}')
    machine.boot(write_tarball(tmp_path / "runner.tgz", run="echo up\n"))
    machine.wait_for_power_off()
    assert any(command.startswith("setpriv --reuid=runner ") for command in machine.commands) is switches
    assert any(command.startswith("useradd ") for command in machine.commands) is switches
    assert "powering off: the runner ended with status 0" in machine.console


def test_a_runner_with_another_checksum_is_not_unpacked(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"), runner_sha256="0" * 64)
    machine.wait_for_power_off()
    assert f"does not have the checksum {'0' * 64}; it was not unpacked" in machine.console
    assert not machine.runner_directory.exists()


def test_a_download_that_fails_once_is_repeated(machine: Machine, tmp_path: Path) -> None:
    machine.replace(
        "curl",
        '[ -e "$MACHINE/tried" ] || { touch "$MACHINE/tried"; exit 22; }\nfor last; do :; done; exec cat "${last#file://}"',
    )
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert f"downloading file://{tmp_path}/runner.tgz failed; trying again in 1 s" in machine.console
    assert "the job is done" in machine.console


def test_a_runner_that_cannot_be_downloaded_is_named_before_the_power_off(machine: Machine, tmp_path: Path) -> None:
    machine.replace("curl", "exit 22")
    machine.replace("sleep", "")
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert machine.console.count("downloading file://") == 5
    assert f"the runner could not be downloaded from file://{tmp_path}/runner.tgz" in machine.console


def test_python_does_the_work_where_the_image_has_no_curl(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_small_image(tmp_path, monkeypatch)
    machine.metadata["/latest/meta-data/instance-id"] = "i-0123456789abcdef0"
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert "the job is done" in machine.console
    assert "CMLKIT_INSTANCE_ID=i-0123456789abcdef0" in (machine.runner_directory / ".env").read_text()


def test_a_runner_that_the_image_has_is_not_downloaded_again(machine: Machine, tmp_path: Path) -> None:
    tarball = write_tarball(tmp_path / "runner.tgz", worker="echo from the image\n")
    preinstall(machine, tarball)
    machine.boot(tarball, runner_url="file:///nowhere")
    machine.wait_for_power_off()
    assert "the image has this runner already" in machine.console
    assert "from the image" in machine.console


def test_an_older_runner_in_the_image_is_replaced(machine: Machine, tmp_path: Path) -> None:
    preinstall(machine, write_tarball(tmp_path / "old.tgz", worker="echo from the image\n"))
    (machine.runner_directory / "left-over").touch()
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert "the job is done" in machine.console
    assert not (machine.runner_directory / "left-over").exists()


NO_WAY_TO_THE_DOWNLOAD = "exit 22"


A_PAGE_IN_PLACE_OF_THE_DOWNLOAD = "echo '<h1>This host is not on the list.</h1>'"


@pytest.mark.parametrize(
    ("curl", "complaint"),
    [
        (NO_WAY_TO_THE_DOWNLOAD, "the runner could not be downloaded from https://x/runner.tgz."),
        (A_PAGE_IN_PLACE_OF_THE_DOWNLOAD, "it was not unpacked."),
    ],
)
def test_an_older_runner_in_the_image_does_where_the_current_one_cannot_be_had(
    machine: Machine, tmp_path: Path, curl: str, complaint: str
) -> None:
    preinstall(machine, write_tarball(tmp_path / "old.tgz", worker="echo from the image\n"))
    machine.replace("curl", curl)
    machine.replace("sleep", "")
    machine.boot(write_tarball(tmp_path / "runner.tgz"), runner_url="https://x/runner.tgz")
    machine.wait_for_power_off()
    assert "from the image" in machine.console
    [warning] = boot_warnings(machine.console)
    assert f"{complaint} The older runner of the image is used" in warning
    assert not (machine.home / "actions-runner.tar.gz").exists()
    [shown] = [block.text for block in documented.blocks("", pages=[PAGE]) if block.text.startswith("warning: ")]
    if curl == NO_WAY_TO_THE_DOWNLOAD:
        assert shown == f"warning: i-0123456789abcdef0: {warning.replace('//x/runner.tgz', '//github.com/…')}\n"


def test_a_boot_as_it_should_be_warns_of_nothing(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert boot_warnings(machine.console) == ()


# As runners print and log it; their run.sh ends with status 0 then, too: https://github.com/actions/runner/issues/2246
DEPRECATED = """
refusal="An error occurred: Error: Forbidden Runner version v2.321.0 is deprecated and cannot receive messages."
echo "$refusal"
mkdir -p _diag
echo "[2025-03-25 20:39:45Z ERR  Terminal] WRITE ERROR: $refusal" >_diag/Runner_20250325-203940-utc.log
"""


def test_a_runner_that_github_finds_too_old_is_no_job_that_is_done(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz", run=DEPRECATED))
    machine.wait_for_power_off()
    farewell = (
        "GitHub refuses the runner's version 2.321.0 as too old: prepare the image anew, or let it reach the download"
    )
    assert f"powering off: {farewell}" in machine.console


def test_a_runner_that_crashes_ends_the_machine(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz", run="exit 3\n"))
    machine.wait_for_power_off()
    assert "powering off: the runner ended with status 3" in machine.console
