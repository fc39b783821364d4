"""The versions of a model, read from real repositories: by the commands and by Python."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cmlkit.__main__ import run
from cmlkit.errors import ModelError, SettingsError
from cmlkit.registry.versions import list_versions
from tests.integration.model_repository import MODEL, RUN, ModelRepository, model_repository


@pytest.fixture
def there(checkout: Path) -> ModelRepository:
    (checkout / "cmlkit.yaml").write_text(f"train: {{model: {MODEL}}}\n")
    return model_repository(checkout)


def stages(there: ModelRepository, **options: Any) -> list[tuple[float, str]]:
    found = list_versions(there.directory, model=MODEL, **options)
    return [(version.manifest.metrics["accuracy"], version.stage) for version in found.versions]


def listed(capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["model", "list", "--json", *flags], environ=os.environ) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_base_branchs_latest_model_is_the_champion_and_the_tags_say_what_is_in_production(
    there: ModelRepository,
) -> None:
    first, second = there.commit(0.90), there.commit(0.95)
    there.commit(0.93)
    there.promote(1, first)
    there.promote(2, second)
    assert stages(there) == [(0.93, "champion"), (0.95, "production 2"), (0.90, "formerly production 1")]
    there.promote(3, first)
    assert stages(there) == [
        (0.93, "champion"),
        (0.95, "formerly production 2"),
        (0.90, "production 3, formerly production 1"),
    ]


def test_the_tenth_promotion_comes_after_the_ninth(there: ModelRepository) -> None:
    commit = there.commit(0.90)
    for number in (9, 10):
        there.promote(number, commit)
    assert stages(there) == [(0.90, "production 10, formerly production 9, champion")]


def test_a_merge_is_one_version_with_the_run_of_what_it_merged(there: ModelRepository) -> None:
    there.commit(0.90)
    there.git("checkout", "--quiet", "-b", "cmlkit/main/77")
    there.commit(0.91, run=76)
    there.commit(0.95, run=77)
    there.git("checkout", "--quiet", "main")
    there.git("merge", "--quiet", "--no-ff", "--message", "Merge pull request #1", "cmlkit/main/77")
    [merged, first] = list_versions(there.directory, model=MODEL).versions
    assert (merged.commit, merged.run, merged.stages) == (there.head(), f"{RUN}/77", ("champion",))
    assert first.run == ""


def test_what_waits_on_experiment_branches_is_a_candidate(there: ModelRepository) -> None:
    there.commit(0.90)
    for number, accuracy in ((1, 0.91), (2, 0.92)):
        there.git("checkout", "--quiet", "-b", f"cmlkit/main/{number}", "main")
        there.commit(accuracy, run=number)
    there.git("checkout", "--quiet", "-b", "cmlkit/other/3", "main")
    there.commit(0.93)
    there.git("checkout", "--quiet", "main")
    assert stages(there) == [(0.92, "candidate"), (0.91, "candidate"), (0.90, "champion")]
    there.git("merge", "--quiet", "--squash", "cmlkit/main/2")
    there.git("commit", "--quiet", "--message", "Retrain (#2)")
    assert stages(there) == [(0.91, "candidate"), (0.92, "champion"), (0.90, "")]


def test_a_promoted_experiment_stays_listed_when_its_branch_is_gone(there: ModelRepository) -> None:
    there.commit(0.90)
    there.git("checkout", "--quiet", "-b", "cmlkit/main/1")
    there.promote(1, there.commit(0.97))
    there.git("checkout", "--quiet", "main")
    there.git("branch", "--quiet", "-D", "cmlkit/main/1")
    assert stages(there) == [(0.97, "production 1"), (0.90, "champion")]


def test_a_promotion_of_a_later_commit_is_one_of_the_model_in_it(there: ModelRepository) -> None:
    there.commit(0.90)
    (there.directory / "README.md").write_text("# Forest of trees\n")
    there.git("commit", "--quiet", "--all", "--message", "Words")
    there.promote(1, there.head())
    assert stages(there) == [(0.90, "production 1, champion")]


def test_other_tags_and_broken_or_removed_manifests_are_no_versions(there: ModelRepository) -> None:
    first = there.commit(0.90)
    there.git("tag", "model/forest/production/7", first)
    there.git("tag", "--annotate", "model/forest/production/next", first, "--message", "No number")
    (there.directory / f"{MODEL}.json").write_text("{")
    there.git("commit", "--quiet", "--all", "--message", "Break it")
    there.git("rm", "--quiet", "-r", "model")
    there.git("commit", "--quiet", "--message", "Remove it")
    assert stages(there) == [(0.90, "champion")]


def test_a_shallow_clone_lists_what_it_has_and_says_that_it_is_shallow(
    there: ModelRepository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for accuracy in (0.90, 0.91):
        there.commit(accuracy)
    clone = there.directory.parent / "clone"
    there.git("clone", "--quiet", "--depth=1", f"file://{there.directory}", str(clone))
    monkeypatch.chdir(clone)
    assert [version["metrics"]["accuracy"] for version in listed(capsys)["versions"]] == [0.91]
    assert run(["model", "list"], environ=os.environ) == 0
    assert "shallow" in capsys.readouterr().err


def test_fetching_brings_new_versions_branches_and_promotions_and_takes_gone_branches_away(
    there: ModelRepository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = there.commit(0.90)
    there.git("branch", "cmlkit/main/1")
    clone = there.directory.parent / "clone"
    there.git("clone", "--quiet", f"file://{there.directory}", str(clone))
    there.git("branch", "--quiet", "-D", "cmlkit/main/1")
    there.commit(0.91)
    there.promote(1, first)
    there.git("checkout", "--quiet", "-b", "cmlkit/main/2")
    there.commit(0.92)
    monkeypatch.chdir(clone)
    assert [version["stages"] for version in listed(capsys)["versions"]] == [["champion"]]
    fetched = listed(capsys, "--fetch")
    assert [version["stages"] for version in fetched["versions"]] == [["candidate"], ["champion"], ["production 1"]]
    assert (fetched["name"], fetched["base"], fetched["production"]) == ("forest", "main", 1)
    assert "cmlkit/main/1" not in there.git("-C", str(clone), "branch", "--all")


def test_a_promotion_that_somebody_moved_is_noticed_when_it_is_fetched(
    there: ModelRepository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there.promote(1, there.commit(0.90))
    clone = there.directory.parent / "clone"
    there.git("clone", "--quiet", f"file://{there.directory}", str(clone))
    there.git("tag", "--delete", "model/forest/production/1")
    there.promote(1, there.commit(0.91))
    monkeypatch.chdir(clone)
    assert run(["model", "list", "--fetch"], environ=os.environ) == 7
    assert "find out who moved it" in capsys.readouterr().err


def test_the_table_has_a_line_for_each_version_and_the_gates_metric_first(
    there: ModelRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    with (there.directory / "cmlkit.yaml").open("a") as settings:
        settings.write("gate: [log_loss <= 0.5]\n")
    there.commit(0.9, run=77)
    there.commit(0.95)
    assert run(["model", "list", "--limit", "1"], environ=os.environ) == 0
    shown = capsys.readouterr()
    [header, line] = shown.out.splitlines()
    assert header.split() == ["date", "commit", "stage", "log_loss", "accuracy", "sha256", "size", "run"]
    assert line.split()[2:5] == ["champion", "0.05", "0.95"]
    assert "--limit 0" in shown.err


def test_a_limit_hides_neither_the_champion_nor_what_is_in_production(
    there: ModelRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    there.promote(1, there.commit(0.90))
    for accuracy in (0.91, 0.92):
        there.commit(accuracy)
    for number in (1, 2):
        there.git("checkout", "--quiet", "-b", f"cmlkit/main/{number}", "main")
        there.commit(0.93 + number / 100)
    there.git("checkout", "--quiet", "main")
    shown = [version["stages"] for version in listed(capsys, "--limit", "1")["versions"]]
    assert shown == [["candidate"], ["champion"], ["production 1"]]
    assert len(listed(capsys, "--limit", "0")["versions"]) == 5


def test_what_is_not_there_says_what_is(there: ModelRepository) -> None:
    with pytest.raises(ModelError, match="No commit of main") as caught:
        list_versions(there.directory, model=MODEL)
    assert "publish" in caught.value.next_step
    there.commit(0.90)
    with pytest.raises(ModelError) as caught:
        list_versions(there.directory, model="model/other.joblib")
    assert f"cmlkit model list {MODEL}" in caught.value.next_step
    with pytest.raises(SettingsError, match="no branch 'absent'"):
        list_versions(there.directory, model=MODEL, base="absent")


def test_outside_a_repository_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The folder for temporary files may be inside of this project's own checkout.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SettingsError, match="not a git repository"):
        list_versions(tmp_path, model=MODEL)


def test_in_a_repository_without_a_commit_it_says_so(checkout: Path) -> None:
    with pytest.raises(SettingsError, match="has no commit yet"):
        list_versions(checkout, model=MODEL)


def differing(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str, float]:
    """Names of both sides, and the change of the accuracy."""
    capsys.readouterr()
    assert run(["model", "diff", "--json", *arguments], environ=os.environ) == 0
    record = json.loads(capsys.readouterr().out)
    [delta] = [item["delta"] for item in record["metrics"] if item["name"] == "accuracy"]
    return record["before"]["name"], record["after"]["name"], round(delta, 4)


def test_any_two_versions_or_files_are_compared(there: ModelRepository, capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = there.commit(0.90), there.commit(0.93)
    there.promote(1, first)
    there.git("checkout", "--quiet", "-b", "cmlkit/main/1")
    there.commit(0.94)
    there.git("checkout", "--quiet", "main")
    there.write(0.95)
    assert differing(capsys) == ("main", "working tree", 0.02)
    assert differing(capsys, "production", "champion") == ("production 1", "main", 0.03)
    assert differing(capsys, "1", "cmlkit/main/1") == ("production 1", "cmlkit/main/1", 0.04)
    assert differing(capsys, first[:8]) == (first[:8], "working tree", 0.05)
    there.git("show", f"{first}:{MODEL}.json")
    Path("old.joblib.json").write_text(there.git("show", f"{first}:{MODEL}.json"))
    assert differing(capsys, "old.joblib.json", MODEL) == ("old.joblib.json", MODEL, 0.05)


def test_from_a_subfolder_paths_are_those_of_the_folder(
    there: ModelRepository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there.commit(0.90)
    there.write(0.95)
    monkeypatch.chdir("model")
    assert differing(capsys, "--model", "forest.joblib") == ("main", "working tree", 0.05)
    assert [item["stages"] for item in listed(capsys, "forest.joblib")["versions"]] == [["champion"]]


def test_the_difference_prints_as_tables_or_as_markdown(
    there: ModelRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    there.commit(0.90, depth=5)
    there.write(0.95, depth=7)
    assert run(["model", "diff"], environ=os.environ) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["accuracy", "0.9", "0.95", "+0.05", "better"] in lines
    assert ["max_depth", "5", "7"] in lines
    assert run(["model", "diff", "--md"], environ=os.environ) == 0
    assert "| accuracy | 0.9 | 0.95 | +0.05 | better |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent"], "'absent' is neither a file nor a commit"),
        (["7"], "no promotion 7 of forest; it has: none"),
        (["--model", "absent.joblib"], "main has no manifest of absent.joblib"),
        (["--base", "absent"], "'absent' is neither"),
        (["main", "README.md"], "The manifest README.md.json cannot be read"),
    ],
)
def test_what_cannot_be_compared_says_why(
    there: ModelRepository, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    there.commit(0.90)
    assert run(["model", "diff", *arguments], environ=os.environ) == 2
    assert message in capsys.readouterr().err


def test_the_manifest_of_a_version_is_shown(there: ModelRepository, capsys: pytest.CaptureFixture[str]) -> None:
    there.promote(1, there.commit(0.90))
    there.commit(0.95)
    for at, accuracy in (("production", 0.90), ("champion", 0.95), ("main~1", 0.90)):
        capsys.readouterr()
        assert run(["model", "show", MODEL, "--at", at, "--json"], environ=os.environ) == 0
        assert json.loads(capsys.readouterr().out)["metrics"]["accuracy"] == accuracy
