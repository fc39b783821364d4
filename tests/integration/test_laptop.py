"""Instances of a checkout on a laptop: each command is a process of its own, and none has a run's id from a CI."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from cmlkit.__main__ import run
from cmlkit.clouds import CLOUDS, KnownCloud
from cmlkit.errors import NotFound
from cmlkit.forges import FORGES
from cmlkit.git.checkout_id import FILE, checkout_id
from tests.toys import cloud as toy_cloud
from tests.toys import forge as toy_forge

LAPTOP = {"PATH": os.environ["PATH"], "TOY_TOKEN": "secret", "CMLKIT_RUNNER_CLOUD": "toy", "TOY_REGION": "attic"}
LAUNCH = ["runner", "launch", "--instance-type", "brick"]


@pytest.fixture(autouse=True)
def _at_home(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone, a cloud and a forge."""
    monkeypatch.setitem(CLOUDS, "toy", KnownCloud(name="Toy Cloud", module="tests.toys.cloud"))
    monkeypatch.setitem(FORGES, "github", "tests.toys.forge")
    for state in (toy_cloud.REGIONS, toy_forge.FORGES, toy_forge.RUNNERS):
        cast("dict[str, object]", state).clear()
    clone_of(checkout)


def clone_of(folder: Path, repository: str = "octo/forest") -> None:
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    address = f"https://github.com/{repository}.git"
    subprocess.run(["git", "-C", folder, "remote", "add", "origin", address], check=True)


@pytest.fixture
def cmlkit(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command, and return its result."""

    def ran(*words: str) -> Any:
        capsys.readouterr()
        assert run([*words, "--json"], environ=LAPTOP) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return ran


def listed(cmlkit: Any, *flags: str) -> list[str]:
    return [item["id"] for item in cmlkit("runner", "list", *flags)["instances"]]


def test_a_launch_is_found_by_list_and_stop_in_the_same_checkout(
    cmlkit: Any, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = cmlkit(*LAUNCH)["instance_id"]
    (checkout / "src").mkdir()
    monkeypatch.chdir(checkout / "src")
    assert listed(cmlkit, "--this-run") == [launched]
    assert cmlkit("runner", "stop")["terminated"] == [launched]
    assert listed(cmlkit) == []


def test_the_command_that_a_launch_prints_ends_it_from_anywhere(
    cmlkit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*LAUNCH, "--region", "cellar"], environ=LAPTOP) == 0
    shown = capsys.readouterr().out
    [line] = [line for line in shown.splitlines() if line.startswith("end it with")]
    command = shlex.split(line.removeprefix("end it with"))
    assert command[-2:] == ["--region", "cellar"]
    assert "expires " in shown
    assert "ends in 1 h 59 min" in shown or "ends in 2 h" in shown
    clone_of(tmp_path / "another")
    monkeypatch.chdir(tmp_path / "another")
    assert len(cmlkit(*command[1:])["terminated"]) == 1
    assert listed(cmlkit, "--region", "cellar") == []


def test_another_clone_is_another_run_and_its_instance_is_named_but_stays(
    cmlkit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launched = cmlkit(*LAUNCH)["instance_id"]
    clone_of(tmp_path / "another")
    monkeypatch.chdir(tmp_path / "another")
    stopped = cmlkit("runner", "stop")
    assert (stopped["terminated"], stopped["others"]) == ([], [launched])
    assert run(["runner", "stop"], environ=LAPTOP) == 0
    shown = capsys.readouterr()
    assert f"still there   {launched}: run local" in shown.out
    assert "--instance ID, --run ID or --all" in shown.err
    assert listed(cmlkit) == [launched]
    assert cmlkit("runner", "stop", "--instance", launched)["terminated"] == [launched]
    assert toy_forge.RUNNERS["octo/forest"].runners_by_id == {}


def test_an_instance_of_another_repository_is_never_stopped(
    cmlkit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launched = cmlkit(*LAUNCH)["instance_id"]
    clone_of(tmp_path / "another", "octo/steppe")
    monkeypatch.chdir(tmp_path / "another")
    assert run(["runner", "stop", "--instance", launched], environ=LAPTOP) == NotFound.exit_code
    assert f"octo/steppe has no instance {launched}" in capsys.readouterr().err
    assert cmlkit("runner", "stop", "--all", "--yes")["terminated"] == []
    assert listed(cmlkit) == [launched]


def test_all_of_the_repository_go_only_if_somebody_agrees(cmlkit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    both = {cmlkit(*LAUNCH)["instance_id"], cmlkit(*LAUNCH, "--labels", "other")["instance_id"]}
    assert run(["runner", "stop", "--all"], environ=LAPTOP) == 2
    said = capsys.readouterr().err
    assert "octo/forest has 2 instances, and nobody is here to ask" in said
    assert "--yes" in said
    assert set(listed(cmlkit)) == both
    assert set(cmlkit("runner", "stop", "--all", "--yes")["terminated"]) == both


def test_two_ways_to_choose_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runner", "stop", "--all", "--run", "7"], environ=LAPTOP) == 2
    assert "--run, --instance and --all exclude each other" in capsys.readouterr().err


def test_a_list_is_for_people_and_its_json_for_programs(cmlkit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cmlkit(*LAUNCH)
    [row] = cmlkit("runner", "list")["instances"]
    assert row["expires"].isdecimal()
    assert run(["runner", "list"], environ=LAPTOP) == 0
    shown = capsys.readouterr().out
    assert " ends in " in shown
    assert row["expires"] not in shown


def test_a_checkout_keeps_its_id_and_a_worktree_has_another(checkout: Path, tmp_path: Path) -> None:
    assert checkout_id(checkout) == ""
    made = checkout_id(checkout, make=True)
    assert checkout_id(checkout / ".", make=True) == checkout_id(checkout) == made
    subprocess.run(["git", "-C", checkout, *IDENTITY, "commit", "-qm", "x", "--allow-empty"], check=True)
    subprocess.run(["git", "-C", checkout, "worktree", "add", "-q", tmp_path / "tree"], check=True)
    assert checkout_id(tmp_path / "tree", make=True) not in ("", made)


IDENTITY = ("-c", "user.name=octo", "-c", "user.email=octo@example.com")


@pytest.mark.parametrize("content", ["", "../../etc", "xyz\n", "0" * 4096])
def test_a_file_that_is_no_id_is_not_taken_for_one(checkout: Path, content: str) -> None:
    file = checkout / ".git" / FILE
    file.parent.mkdir()
    file.write_text(content)
    assert checkout_id(checkout, make=True) == ""


def test_outside_a_repository_there_is_no_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    outside = tmp_path / "outside"
    outside.mkdir()
    assert checkout_id(outside, make=True) == ""


def plugin(folder: Path) -> str:
    """Put the toy cloud's program for shells on a PATH that is returned; it tells what it was given."""
    folder.mkdir()
    program = folder / "toy-shell"
    program.write_text('#!/bin/sh\necho "$@ $TOY_LINE ${TOY_TOKEN-no token}" >"$0.told"\nexit 7\n')
    program.chmod(0o755)
    return f"{folder}:{LAPTOP['PATH']}"


def test_connect_hands_over_to_the_clouds_program_without_tokens(cmlkit: Any, tmp_path: Path) -> None:
    launched = cmlkit(*LAUNCH)["instance_id"]
    environ = {**LAPTOP, "PATH": plugin(tmp_path / "bin"), "GITHUB_TOKEN": "ghp_x"}
    assert run(["runner", "connect"], environ=environ) == 7
    assert (tmp_path / "bin/toy-shell.told").read_text().startswith(f"talk-to {launched} open")


def test_connect_says_what_is_missing(cmlkit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runner", "connect"], environ=LAPTOP) == NotFound.exit_code
    first = cmlkit(*LAUNCH)["instance_id"]
    assert run(["runner", "connect"], environ=LAPTOP) == 2
    assert "toy-shell is not installed" in capsys.readouterr().err
    second = cmlkit(*LAUNCH, "--labels", "other")["instance_id"]
    assert run(["runner", "connect"], environ=LAPTOP) == 2
    assert f"several instances: {first}, {second}" in capsys.readouterr().err
