"""User data: what goes into the boot script, and what must not."""

import base64
import gzip
import json
import random
import re
import shlex
import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from cmlkit.clouds.aws.first_boot import USER_DATA_LIMIT_BYTES, first_boot
from cmlkit.clouds.launching import FirstBoot
from cmlkit.errors import SettingsError
from cmlkit.forges.github.agent import runner_agent
from cmlkit.forges.runners import RunnerAgent
from cmlkit.runner.boot import (
    BOOT_STEPS,
    BootProgress,
    BootSpec,
    ImageContents,
    boot_progress,
    boot_script,
    image_contents,
    image_recipe,
    user_data,
)
from cmlkit.runner.packages.project import ProjectPackages


def a_jit_config(key_bits: int) -> str:
    """A configuration as GitHub's answer has it: base64 of a JSON object of three base64 files.

    The largest has the parameters of an RSA key, numbers as long as the key or half as long, and as random as these.
    https://docs.github.com/en/rest/actions/self-hosted-runners#create-configuration-for-a-just-in-time-runner-for-a-repository
    """
    chance = random.Random(0)
    whole, half = key_bits // 8, key_bits // 16
    lengths = {
        "d": whole,
        "dp": half,
        "dq": half,
        "exponent": 3,
        "inverseQ": half,
        "modulus": whole,
        "p": half,
        "q": half,
    }
    key = {name: base64.b64encode(chance.randbytes(length)).decode() for name, length in lengths.items()}
    settings = {
        "agentId": "12",
        "agentName": "cmlkit-1-1",
        "serverUrl": "https://pipelines.actions.githubusercontent.com/" + "x" * 60,
    }
    credentials = {
        "scheme": "OAuth",
        "data": {"clientId": "x" * 36, "authorizationUrl": "https://vstoken.actions" + "x" * 60},
    }
    found = {".runner": settings, ".credentials": credentials, ".credentials_rsaparams": key}
    packed = {name: base64.b64encode(json.dumps(content).encode()).decode() for name, content in found.items()}
    return base64.b64encode(json.dumps(packed).encode()).decode()


def a_spec(**changes: object) -> BootSpec:
    values: dict[str, object] = {
        "cloud": first_boot(),
        "agent": runner_agent(),
        "credential": "aml0" * 1000,
        "runner_url": "https://github.com/actions/runner/releases/download/v2.330.0/actions-runner-linux-x64-2.330.0.tar.gz",
        "runner_sha256": "ab" * 32,
        "idle_timeout": 300,
        "max_lifetime": 7200,
    }
    return BootSpec(**(values | changes))  # type: ignore[arg-type]


def assigned(script: str, name: str) -> str:
    """The value that the shell would see in `name`, read with the shell's own quoting rules."""
    lexer = shlex.shlex(script[script.index(f"\n{name}=") :], posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    return str(lexer.get_token()).removeprefix(f"{name}=")


def life() -> str:
    return (files("cmlkit.runner") / "life.sh").read_text(encoding="utf-8")


def test_the_values_of_the_runner_stand_before_the_code() -> None:
    script = boot_script(a_spec())
    assert script.startswith("#!/bin/bash\nCMLKIT_CREDENTIAL=")
    assert assigned(script, "CMLKIT_MAX_LIFETIME") == "7200.00"
    assert assigned(script, "CMLKIT_IDLE_TIMEOUT") == "300.00"
    assert assigned(script, "CMLKIT_RUNNER_SHA256") == "ab" * 32


@pytest.mark.parametrize("value", ["it's", "$(reboot)", "`reboot`", 'a "b" c', "one\ntwo\n", "back\\slash", "$HOME"])
def test_a_value_stays_data_whatever_is_in_it(value: str) -> None:
    assert assigned(boot_script(a_spec(startup_script=value)), "CMLKIT_STARTUP_SCRIPT") == value


def test_a_comment_in_the_startup_script_is_kept_and_those_of_the_boot_script_are_not() -> None:
    script = boot_script(a_spec(startup_script="# drivers\nmodprobe nvidia"))
    assert assigned(script, "CMLKIT_STARTUP_SCRIPT") == "# drivers\nmodprobe nvidia"
    assert re.findall(r"^#.*$", script, re.MULTILINE) == ["#!/bin/bash"]


def test_job_variables_become_lines_of_the_runners_environment_file() -> None:
    script = boot_script(a_spec(job_environment={"CMLKIT_INSTANCE_TYPE": "t3.medium", "NOTE": "a b"}))
    assert assigned(script, "CMLKIT_JOB_ENVIRONMENT") == "CMLKIT_INSTANCE_TYPE=t3.medium\nNOTE=a b"


def test_a_recipe_fetches_through_the_proxy_too() -> None:
    recipe = image_recipe(runner_url="https://x", runner_sha256="0" * 64, proxy="http://p:3128", no_proxy=["a", "b"])
    assert assigned(recipe, "CMLKIT_PROXY") == "http://p:3128"
    assert assigned(recipe, "CMLKIT_NO_PROXY") == "a,b"


def test_the_proxys_password_does_not_appear_when_a_spec_is_printed() -> None:
    assert "hunter2" not in repr(a_spec(proxy="http://user:hunter2@proxy.internal:3128"))


@pytest.mark.parametrize(("name", "value"), [("A", "one\nB=two"), ("A", "one\rB=two"), ("A B", "x"), ("", "x")])
def test_a_job_variable_that_would_become_another_one_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match="one NAME=value per line"):
        boot_script(a_spec(job_environment={name: value}))


@pytest.mark.parametrize("checksum", ["", "ab" * 31, "zz" * 32, "ab" * 32 + "\n"])
def test_a_runner_without_a_checksum_is_refused(checksum: str) -> None:
    with pytest.raises(SettingsError, match="usable SHA-256 checksum"):
        boot_script(a_spec(runner_sha256=checksum))


def test_a_checksum_in_capitals_is_written_as_sha256sum_prints_it() -> None:
    assert assigned(boot_script(a_spec(runner_sha256="AB" * 32)), "CMLKIT_RUNNER_SHA256") == "ab" * 32


def incompressible(size: int) -> str:
    return base64.b64encode(random.Random(1).randbytes(size)).decode()[:size]


def test_user_data_is_the_boot_script_gzipped() -> None:
    assert gzip.decompress(user_data(a_spec())).decode() == boot_script(a_spec())


def test_a_repeated_launch_sends_the_same_bytes() -> None:
    # EC2 refuses a repeated client token with other parameters: IdempotentParameterMismatch in its list of error codes.
    first = user_data(a_spec())
    assert first == user_data(a_spec())
    # https://www.rfc-editor.org/rfc/rfc1952: the time of modification, at bytes 4 to 8, is 0 if there is none
    assert first[4:8] == bytes(4)


def test_user_data_that_the_cloud_would_refuse_names_what_is_large() -> None:
    named = r"after compression; AWS takes 16,384.*CMLKIT_STARTUP_SCRIPT: 30,000 bytes, 2\d,\d{3} after compression"
    with pytest.raises(SettingsError, match=named) as refused:
        user_data(a_spec(startup_script=incompressible(30_000)))
    assert "startup-script" in refused.value.next_step


def test_what_compresses_well_is_not_what_is_large() -> None:
    with pytest.raises(SettingsError, match="largest value in it is CMLKIT_CREDENTIAL"):
        user_data(a_spec(credential=incompressible(20_000), startup_script="echo it\n" * 10_000))


def test_the_limit_is_that_of_the_compressed_script() -> None:
    size = len(user_data(a_spec()))
    assert user_data(a_spec(cloud=replace(first_boot(), user_data_limit=size)))
    with pytest.raises(SettingsError):
        user_data(a_spec(cloud=replace(first_boot(), user_data_limit=size - 1)))


@pytest.mark.parametrize(("key_bits", "room"), [(2048, 8_000), (4096, 6_000)])
def test_a_real_runner_leaves_room_for_a_startup_script_of_many_pages(key_bits: int, room: int) -> None:
    # The worst case, which no shell script is: characters without any pattern.
    spec = a_spec(credential=a_jit_config(key_bits), startup_script=incompressible(room))
    assert len(user_data(spec)) <= USER_DATA_LIMIT_BYTES
    assert len(boot_script(spec).encode()) > USER_DATA_LIMIT_BYTES


def test_the_credential_does_not_appear_when_a_spec_is_printed() -> None:
    assert a_spec().credential.startswith("aml0")
    assert "aml0" not in repr(a_spec())


@pytest.mark.parametrize(
    ("heading", "part"),
    [("The cloud's part", first_boot().metadata_script), ("The forge's part", runner_agent().script)],
)
def test_a_part_defines_what_the_boot_script_calls_and_nothing_that_another_defines(heading: str, part: str) -> None:
    asked = re.search(rf"# {heading}.*\n((#   .*\n)+)", life())
    assert asked
    assert set(re.findall(r"^#   (\w+) ", asked[1], re.MULTILINE)) <= set(functions(part))
    script = boot_script(a_spec())
    assert [name for name in functions(part) if script.count(f"\n{name}() {{\n") != 1] == []


@pytest.mark.parametrize("part", [first_boot().metadata_script, runner_agent().script])
def test_a_part_does_nothing_before_the_lifetime_timer(part: str) -> None:
    at_top = [line for line in part.splitlines() if line and not line.startswith((" ", "#", "}"))]
    assert [line for line in at_top if not re.fullmatch(r"[a-z_]+\(\) \{|[A-Z_]+=[^`]*", line) or "$(" in line] == []


def test_another_cloud_and_forge_bring_their_own_parts() -> None:
    cloud = FirstBoot(
        cloud="Nimbus", metadata_script="# none\ninstance_id() {\n  echo vm-1\n}\n", user_data_limit=30_000
    )
    agent = RunnerAgent(forge="Smithy", script="agent_jobs() {\n  true\n}\n", service="", status_page="", greeting="")
    script = boot_script(
        a_spec(cloud=cloud, agent=agent, runner_url="https://smithy.example/agent", startup_script="x" * 17_000)
    )
    assert "\ninstance_id() {\necho vm-1\n}\n" in script
    assert "\nagent_jobs() {\ntrue\n}\n" in script
    assert assigned(script, "CMLKIT_CLOUD") == "Nimbus"
    assert re.findall("(?i)aws|ec2|github|actions", script) == []
    with pytest.raises(SettingsError, match="Nimbus takes 30,000"):
        user_data(a_spec(cloud=cloud, startup_script=incompressible(60_000)))
    with pytest.raises(SettingsError) as refused:
        boot_script(a_spec(agent=agent, runner_sha256=""))
    assert "the Smithy server" in refused.value.next_step


def functions(code: str) -> list[str]:
    return re.findall(r"^(\w+)\(\) \{$", code, re.MULTILINE)


def test_the_exported_steps_are_those_that_the_script_reports_in_that_order() -> None:
    code = life()
    calls = re.findall(r"^  (\w+)$", code[code.index("\nmain() {") :], re.MULTILINE)
    reported = [step for call in calls for step in steps_of(code, call)]
    assert (*reported, "power-off") == BOOT_STEPS


def test_the_console_tells_how_far_a_boot_has_come() -> None:
    console = "cmlkit: stage=user uptime=20.50\r\n[   21.1] cloud-init[9]: cmlkit: stage=runner-files uptime=21.00\r\n"
    assert boot_progress(console) == BootProgress(step="runner-files", uptime=21.0)


def test_the_console_tells_why_a_machine_powered_off() -> None:
    console = "login: cmlkit: stage=power-off uptime=35.20\r\ncmlkit: powering off: no job came within 300.00 s\r\n"
    progress = BootProgress(step="power-off", uptime=35.2, farewell="no job came within 300.00 s")
    assert boot_progress(console) == progress


def test_the_first_farewell_is_why_a_machine_powered_off() -> None:
    console = "cmlkit: powering off: no job came within 9 s\ncmlkit: powering off: the runner ended with status 0\n"
    progress = boot_progress(f"cmlkit: stage=power-off uptime=35.20\n{console}")
    assert progress is not None
    assert progress.farewell == "no job came within 9 s"


def test_the_console_tells_whether_the_runner_had_a_job() -> None:
    console = "cmlkit: stage=runner uptime=40.00\r\n"
    assert boot_progress(console) == BootProgress(step="runner", uptime=40.0)
    console += "cmlkit: a job came\r\ncmlkit: stage=power-off uptime=90.00\r\n"
    assert boot_progress(console) == BootProgress(step="power-off", uptime=90.0, had_job=True)


def test_a_console_without_the_boot_script_tells_nothing() -> None:
    assert boot_progress("[    0.000000] Linux version 6.8.0-1021-aws\n") is None


def steps_of(code: str, function: str) -> list[str]:
    body = code[code.index(f"\n{function}() {{") :].split("\n}", 1)[0]
    return re.findall(r"^  begin (\S+)$", body, re.MULTILINE)


def step(console: str) -> str:
    """The boot step on the console; empty if none."""
    progress = boot_progress(console)
    return progress.step if progress else ""


def test_the_last_step_is_the_one_a_boot_is_at() -> None:
    console = "[  1.0] Linux\r\ncmlkit: stage=user uptime=9.1\r\ncmlkit: stage=runner-files uptime=9.5\r\nnoise"
    assert step(console) == "runner-files"


@pytest.mark.parametrize("console", ["", "Linux", "cmlkit: stage=unheard-of uptime=1", "stage=user"])
def test_what_is_no_step_of_the_boot_script_is_none(console: str) -> None:
    assert step(console) == ""


@pytest.mark.parametrize("name", BOOT_STEPS)
def test_every_step_of_the_boot_script_is_known(name: str) -> None:
    assert step(f"cmlkit: stage={name} uptime=1.00\n") == name


def test_an_image_tells_what_it_has() -> None:
    console = "[ 3.1] cloud-init\ncmlkit: image runner=0123 git=2.43.0 uv=none\n"
    found = image_contents(console)
    assert found == ImageContents(runner_sha256="0123", git="2.43.0", uv="")
    assert found.missing("0123") == ["uv"]
    assert found.missing("4567") == ["the current runner: it has an older one", "uv"]
    assert image_contents("nothing yet") is None


def test_an_image_tells_whether_its_packages_are_those_of_the_project() -> None:
    line = "cmlkit: image runner=0123 git=2.43.0 uv=0.13.9 packages="
    same, other, none = (image_contents(f"{line}{value}\r\n") for value in ("abcd", "ffff", "none"))
    assert same is not None
    assert other is not None
    assert none is not None
    assert same.missing("0123", "abcd") == other.missing("0123") == []
    assert other.missing("0123", "abcd") == ["packages that were added or changed since"]
    assert none.missing("0123", "abcd") == ["the project's packages"]


def test_a_recipe_with_200_locked_packages_is_within_the_limit_of_user_data() -> None:
    lock = tomllib.loads((Path(__file__).parents[3] / "uv.lock").read_text(encoding="utf-8"))
    packages = [item for item in lock["package"] if item.get("wheels")][:200]
    lines = [f"{item['name']}=={item['version']} --hash={item['wheels'][0]['hash']}" for item in packages]
    assert len(lines) == 200
    url = "https://github.com/actions/runner/releases/download/v2.330.0/actions-runner-linux-x64-2.330.0.tar.gz"
    recipe = image_recipe(
        runner_url=url,
        runner_sha256="ab" * 32,
        startup_script="apt-get install -y libgomp1",
        packages=ProjectPackages(locked=("\n".join(lines),), uv=("hatchling",), python="3.12"),
    )
    assert len(gzip.compress(recipe.encode())) <= USER_DATA_LIMIT_BYTES


def test_the_packages_of_a_recipe_stay_data() -> None:
    packages = ProjectPackages(pip=("numpy\n--index-url https://x/'$(reboot)'", "b"), python=">=3.11")
    recipe = image_recipe(runner_url="https://x", runner_sha256="0" * 64, packages=packages)
    assert shlex.split(recipe[recipe.index("\nCMLKIT_PIP=(") : recipe.index("\nset -euo")]) == [
        "CMLKIT_PIP=(numpy\n--index-url https://x/'$(reboot)'",
        "b)",
    ]
    assert assigned(recipe, "CMLKIT_PACKAGES") == packages.digest
    assert assigned(recipe, "CMLKIT_PYTHON") == ">=3.11"
    assert assigned(image_recipe(runner_url="https://x", runner_sha256="0" * 64), "CMLKIT_PACKAGES") == ""


def test_a_recipe_keeps_the_users_lines_as_they_are() -> None:
    lines = "echo 'it'\"'\"'s $HOME' # a comment\napt-get install -y libgomp1"
    recipe = image_recipe(runner_url="https://github.example/r.tgz", runner_sha256="0" * 64, startup_script=lines)
    assert recipe.startswith("#!/bin/bash\n")
    assert f"CMLKIT_STARTUP_SCRIPT={shlex.quote(lines)}\n" in recipe
