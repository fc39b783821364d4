"""User data: what goes into the boot script, and what must not."""

import re
import shlex
from importlib.resources import files

import pytest

from cmlkit.errors import SettingsError
from cmlkit.runner.boot import (
    BOOT_STAGES,
    USER_DATA_LIMIT_BYTES,
    BootProgress,
    BootSpec,
    ImageContents,
    boot_progress,
    image_contents,
    image_recipe,
    user_data,
)

# The size of a real one: base64 of a JSON object of three base64 files, of which the RSA parameters are the largest.
JIT_CONFIG_BYTES = 4_600


def a_spec(**changes: object) -> BootSpec:
    values: dict[str, object] = {
        "jit_config": "aml0" * (JIT_CONFIG_BYTES // 4),
        "runner_url": "https://github.com/actions/runner/releases/download/v2.330.0/actions-runner-linux-x64-2.330.0.tar.gz",
        "runner_sha256": "ab" * 32,
        "idle_timeout": 300,
        "max_lifetime": 7200,
    }
    return BootSpec(**(values | changes))  # type: ignore[arg-type]


def assigned(script: str, name: str) -> str:
    """The value that the shell would see in `name`, read with the shell's own quoting rules."""
    words = shlex.split(script[script.index(f"\n{name}=") :])
    return words[0].removeprefix(f"{name}=")


def boot_script() -> str:
    return (files("cmlkit") / "resources" / "boot.sh").read_text(encoding="utf-8")


def test_the_values_of_the_runner_stand_before_the_code() -> None:
    script = user_data(a_spec())
    assert script.startswith("#!/bin/bash\nCMLKIT_JIT_CONFIG=")
    assert assigned(script, "CMLKIT_MAX_LIFETIME") == "7200.00"
    assert assigned(script, "CMLKIT_IDLE_TIMEOUT") == "300.00"
    assert assigned(script, "CMLKIT_RUNNER_SHA256") == "ab" * 32


@pytest.mark.parametrize("value", ["it's", "$(reboot)", "`reboot`", 'a "b" c', "one\ntwo\n", "back\\slash", "$HOME"])
def test_a_value_stays_data_whatever_is_in_it(value: str) -> None:
    assert assigned(user_data(a_spec(startup_script=value)), "CMLKIT_STARTUP_SCRIPT") == value


def test_a_comment_in_the_startup_script_is_kept_and_those_of_the_boot_script_are_not() -> None:
    script = user_data(a_spec(startup_script="# drivers\nmodprobe nvidia"))
    assert assigned(script, "CMLKIT_STARTUP_SCRIPT") == "# drivers\nmodprobe nvidia"
    assert re.findall(r"^#.*$", script, re.MULTILINE) == ["#!/bin/bash"]


def test_job_variables_become_lines_of_the_runners_environment_file() -> None:
    script = user_data(a_spec(job_environment={"CMLKIT_INSTANCE_TYPE": "t3.medium", "NOTE": "a b"}))
    assert assigned(script, "CMLKIT_JOB_ENVIRONMENT") == "CMLKIT_INSTANCE_TYPE=t3.medium\nNOTE=a b"


@pytest.mark.parametrize(("name", "value"), [("A", "one\nB=two"), ("A", "one\rB=two"), ("A B", "x"), ("", "x")])
def test_a_job_variable_that_would_become_another_one_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match="one NAME=value a line"):
        user_data(a_spec(job_environment={name: value}))


@pytest.mark.parametrize("checksum", ["", "ab" * 31, "zz" * 32, "ab" * 32 + "\n"])
def test_a_runner_without_a_checksum_is_refused(checksum: str) -> None:
    with pytest.raises(SettingsError, match="usable SHA-256 checksum"):
        user_data(a_spec(runner_sha256=checksum))


def test_a_checksum_in_capitals_is_written_as_sha256sum_prints_it() -> None:
    assert assigned(user_data(a_spec(runner_sha256="AB" * 32)), "CMLKIT_RUNNER_SHA256") == "ab" * 32


def test_user_data_that_ec2_would_refuse_names_what_is_large() -> None:
    with pytest.raises(SettingsError, match=r"EC2 takes 16,384.*CMLKIT_STARTUP_SCRIPT with 20,000 bytes") as refused:
        user_data(a_spec(startup_script="x" * 20_000))
    assert "startup-script" in refused.value.next_step


def test_the_limit_counts_bytes_not_characters() -> None:
    room = USER_DATA_LIMIT_BYTES - len(user_data(a_spec(startup_script="é")).encode()) + 2
    assert user_data(a_spec(startup_script="é" * (room // 2)))
    with pytest.raises(SettingsError):
        user_data(a_spec(startup_script="é" * (room // 2 + 1)))


def test_a_real_runner_leaves_three_kilobytes_for_the_startup_script() -> None:
    assert len(user_data(a_spec()).encode()) <= USER_DATA_LIMIT_BYTES - 3 * 1024


def test_the_jit_config_does_not_appear_when_a_spec_is_printed() -> None:
    assert "aml0" not in repr(a_spec())


def test_the_exported_stages_are_those_that_the_script_reports_in_that_order() -> None:
    code = boot_script()
    calls = re.findall(r"^  (\w+)$", code[code.index("\nmain() {") :], re.MULTILINE)
    reported = [stage for call in calls for stage in stages_of(code, call)]
    assert (*reported, "power-off") == BOOT_STAGES


def test_the_console_tells_how_far_a_boot_has_come() -> None:
    console = "cmlkit: stage=user uptime=20.50\r\n[   21.1] cloud-init[9]: cmlkit: stage=runner-files uptime=21.00\r\n"
    assert boot_progress(console) == BootProgress(stage="runner-files", uptime=21.0)


def test_the_console_tells_why_a_machine_powered_off() -> None:
    console = "login: cmlkit: stage=power-off uptime=35.20\r\ncmlkit: powering off: no job came within 300.00 s\r\n"
    progress = BootProgress(stage="power-off", uptime=35.2, farewell="no job came within 300.00 s")
    assert boot_progress(console) == progress


def test_a_console_without_the_boot_script_tells_nothing() -> None:
    assert boot_progress("[    0.000000] Linux version 6.8.0-1021-aws\n") is None


def stages_of(code: str, function: str) -> list[str]:
    body = code[code.index(f"\n{function}() {{") :].split("\n}", 1)[0]
    return re.findall(r"^  stage (\S+)$", body, re.MULTILINE)


def stage(console: str) -> str:
    """The stage that a boot is at, by its console; empty where it says none."""
    progress = boot_progress(console)
    return progress.stage if progress else ""


def test_the_last_stage_is_the_one_a_boot_is_at() -> None:
    console = "[  1.0] Linux\r\ncmlkit: stage=user uptime=9.1\r\ncmlkit: stage=runner-files uptime=9.5\r\nnoise"
    assert stage(console) == "runner-files"


@pytest.mark.parametrize("console", ["", "Linux", "cmlkit: stage=unheard-of uptime=1", "stage=user"])
def test_what_is_no_stage_of_the_boot_script_is_none(console: str) -> None:
    assert stage(console) == ""


@pytest.mark.parametrize("name", BOOT_STAGES)
def test_every_stage_of_the_boot_script_is_known(name: str) -> None:
    assert stage(f"cmlkit: stage={name} uptime=1.00\n") == name


def test_an_image_tells_what_it_has() -> None:
    console = "[ 3.1] cloud-init\ncmlkit: image runner=0123 git=2.43.0 uv=none\n"
    found = image_contents(console)
    assert found == ImageContents(runner_sha256="0123", git="2.43.0", uv="")
    assert found.missing("0123") == ["uv"]
    assert found.missing("4567") == ["the current runner: it has an older one", "uv"]
    assert image_contents("nothing yet") is None


def test_a_recipe_keeps_the_users_lines_as_they_are() -> None:
    lines = "echo 'it'\"'\"'s $HOME' # a comment\napt-get install -y libgomp1"
    recipe = image_recipe(runner_url="https://github.example/r.tgz", runner_sha256="0" * 64, startup_script=lines)
    assert recipe.startswith("#!/bin/bash\n")
    assert f"CMLKIT_STARTUP_SCRIPT={shlex.quote(lines)}\n" in recipe
