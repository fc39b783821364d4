"""Every flag of CML's reference has a fate here, and meets it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from cmlkit.ci import credentials
from cmlkit.cli import ALIASES, CML_NAMES, cli
from cmlkit.cli.cml.commands import COMMANDS, EVERY
from cmlkit.cli.cml.flags import Becomes, Command, Flag, Nothing, Refused, Repository, Same, Token
from cmlkit.cli.cml.translation import translated
from cmlkit.errors import SettingsError

# The options that CML 0.20.6 declares, with their aliases and the hidden ones: bin/cml/*/*.js, and bin/cml.js for all.
REFERENCE = {
    "every command": "log driver repo driver-token token",
    "pr create": "md skip-ci merge auto-merge rebase squash branch target-branch title body message remote user-email"
    " user-name",
    "comment create": "target pr commit-sha head-sha watch trigger-file publish publish-url publish-native native"
    " update rm-watermark watermark-title",
    "check create": "token commit-sha head-sha conclusion status title",
    "asset publish": "url md title t native gitlab-uploads rm-watermark mime-type file f repo",
    "repo prepare": "fetch-depth unshallow user-email user-name",
    "runner launch": "labels idle-timeout name no-retry single reuse reuse-idle workdir path docker-volumes cloud"
    " cloud-region cloud-type cloud-permission-set cloud-metadata cloud-gpu cloud-hdd-size cloud-ssh-private cloud-spot"
    " cloud-spot-price cloud-startup-script cloud-aws-security-group cloud-aws-subnet cloud-aws-subnet-id"
    " cloud-kubernetes-node-selector cloud-image tpi-version cml-version tf-resource tf_resource gcp-access-token"
    " runner-path destroy-delay",
    "workflow rerun": "id",
    "tensorboard connect": "credentials c logdir name description md title t file f rm-watermark",
}
REFERENCE["comment update"] = REFERENCE["comment create"]
# Options that releases from 0.1 to 0.19 had: bin/cml-*.js and bin/cml/*.js there.
OLDER = {
    "comment create": "no-watermark",
    "runner launch": "docker-machine cloud-gpu-type cloud-ssh-private-visible",
    "tensorboard connect": "plugins",
}
OLDER["comment update"] = OLDER["comment create"]
# bin/legacy, and `bin` of package.json.
OLD_NAMES = {
    "pr": "pr create",
    "send-comment": "comment create",
    "send-github-check": "check create",
    "publish FILE": "asset publish",
    "ci": "repo prepare",
    "runner": "runner launch",
    "rerun-workflow": "workflow rerun",
    "tensorboard-dev": "tensorboard connect",
}
# A value that the flag takes, if not any will do.
VALUES = {
    "--cloud": "aws",
    "--driver": "github",
    "--repo": "octo/forest",
    "--cloud-startup-script": "bHM=",
    "--target": "pr",
}
ENVIRON = {"GITHUB_REPOSITORY": "octo/forest"}


WORKING = [command for command in COMMANDS if command.refusal is None]


def dashed(name: str) -> str:
    return f"--{name}" if len(name) > 1 else f"-{name}"


def spellings(command: Command) -> set[str]:
    return {name for flag in (*EVERY, *command.flags) for name in flag.names}


def cases() -> Iterator[tuple[Command, Flag, str]]:
    for command in COMMANDS:
        for flag in (*EVERY, *command.flags):
            for name in flag.names:
                yield command, flag, name


CASES = pytest.mark.parametrize(
    ("command", "flag", "name"), [pytest.param(*case, id=" ".join((*case[0].path, case[2]))) for case in cases()]
)


def options(path: tuple[str, ...]) -> dict[str, click.Option]:
    found: click.Command = cli
    for word in path:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), word) or pytest.fail(f"cmlkit has no {' '.join(path)}")
    return {
        name: option
        for option in found.params
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }


def line(command: Command, flag: Flag, name: str) -> list[str]:
    value = VALUES.get(flag.name, "7")
    return [*command.path, name] if flag.kind == "switch" else [*command.path, name, value]


def test_each_command_of_the_reference_is_here_under_each_of_its_names() -> None:
    assert {" ".join(command.path) for command in COMMANDS} == REFERENCE.keys() - {"every command"}
    names = {name: " ".join(command.path) for command in COMMANDS for name in command.names}
    assert names == {**OLD_NAMES, **{path: path for path in names.values()}}
    assert {name: " ".join(path) for name, path in ALIASES.items()}.items() <= OLD_NAMES.items()
    assert {name.split()[0] for name in names} == CML_NAMES


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.path))
def test_each_flag_of_the_reference_has_a_fate(command: Command) -> None:
    path = " ".join(command.path)
    listed = {dashed(name) for name in f"{REFERENCE['every command']} {REFERENCE[path]}".split()}
    older = {dashed(name) for name in OLDER.get(path, "").split()}
    here = spellings(command)
    assert {name.replace("_", "-") for name in listed} <= here
    assert {re.sub("^--no-", "--", name) for name in older} <= here
    assert here - {name.replace("_", "-") for name in listed} == {re.sub("^--no-", "--", name) for name in older}


@CASES
def test_a_flag_meets_its_fate(command: Command, flag: Flag, name: str) -> None:
    if command.refusal is not None:
        with pytest.raises(SettingsError, match="TensorBoard.dev"):
            translated(line(command, flag, name), environ=ENVIRON, has_settings=True)
        return
    match flag.fate:
        case Refused(why=why):
            with pytest.raises(SettingsError, match=re.escape(why)):
                translated(line(command, flag, name), environ=ENVIRON, has_settings=True)
            return
        case Same(negative=negative):
            option = options(command.path)[flag.name]
            assert option.is_flag == (flag.kind == "switch")
            assert negative == bool(option.secondary_opts)
    translation = translated(line(command, flag, name), environ=ENVIRON, has_settings=True)
    ours = list(translation.arguments)[2:]
    match flag.fate:
        case Same():
            assert ours == [flag.name] if flag.kind == "switch" else [flag.name, VALUES.get(flag.name, "7")]
        case Becomes(shown=shown):
            assert shown == "accepted" or ours[0] in shown
            assert {word for word in ours if word.startswith("--")} <= options(command.path).keys()
        case Nothing(noted=noted):
            assert (ours, bool(translation.notes)) == ([], noted)
        case Token():
            assert (ours, translation.variables["CMLKIT_TOKEN"]) == ([], "7")
        case Repository():
            assert (ours, translation.variables) == ([], {})


@CASES
def test_a_flag_may_be_written_in_camel_case_and_with_an_equals_sign(command: Command, flag: Flag, name: str) -> None:
    if command.refusal is not None or isinstance(flag.fate, Refused) or len(name) == 2:
        return
    value = "true" if flag.kind == "switch" else VALUES.get(flag.name, "7")
    camel = re.sub(r"(?<=[a-z])-([a-z])", lambda match: match[1].upper(), name)
    plain = translated(line(command, flag, name), environ=ENVIRON, has_settings=True)
    assert (
        translated([*command.path, f"{camel}={value}"], environ=ENVIRON, has_settings=True).arguments == plain.arguments
    )


@CASES
def test_a_switch_can_be_off_in_every_spelling_of_yargs(command: Command, flag: Flag, name: str) -> None:
    if command.refusal is not None or flag.kind != "switch" or name.startswith("--no-"):
        return
    off = translated([*command.path, f"{name}=false"], environ=ENVIRON, has_settings=True).arguments
    for words in ([name, "false"], [f"--no-{name.removeprefix('--')}"], [f"--no-{name.removeprefix('--')}=true"]):
        assert translated([*command.path, *words], environ=ENVIRON, has_settings=True).arguments == off
    assert flag.name not in off
    assert {word for word in off if word.startswith("--")} <= options(command.path).keys()


@CASES
def test_a_variable_does_what_its_flag_does(command: Command, flag: Flag, name: str) -> None:
    if command.refusal is not None or len(name) == 2:
        return
    variable = f"{command.prefixes[-1]}_{name.removeprefix('--').replace('-', '_').upper()}"
    value = "true" if flag.kind == "switch" else VALUES.get(flag.name, "7")
    environ = {**ENVIRON, variable: value}
    if isinstance(flag.fate, Refused):
        with pytest.raises(SettingsError, match=rf"^{variable} is not supported"):
            translated([*command.path, "word"], environ=environ)
        return
    from_flag = translated(line(command, flag, name), environ=ENVIRON, has_settings=True)
    from_variable = translated([*command.path, "word"], environ=environ, has_settings=True)
    assert list(from_variable.arguments) == [*from_flag.arguments, "word"]
    if isinstance(flag.fate, Token):
        assert from_variable.variables == {"CMLKIT_TOKEN": "7"}


@pytest.mark.parametrize("command", WORKING, ids=lambda command: command.path[0])
def test_no_variable_with_a_token_reaches_the_training(command: Command) -> None:
    for prefix in ("CML", *command.prefixes):
        for name in (f"{prefix}_TOKEN", f"{prefix}_DRIVER_TOKEN"):
            assert translated([*command.path, "word"], environ={name: "t"}).variables["CMLKIT_TOKEN"] == "t"
            assert name in credentials()
