"""Generated files are collapsed in pull requests: the lines in .gitattributes, as git understands them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cmlkit.publishing.generated import with_mark
from cmlkit.publishing.git_owners import GitOwners
from tests.integration.project import MANIFEST, MODEL, REPOSITORY, Project, project

GENERATED = {f"{MODEL}{end}": "true" for end in (".json", ".profiles.json", ".trend.svg")}
OTHERS = {"model/metrics.json", MODEL, f"{MODEL}.md", "model/deep/x.joblib.json", "m.joblib.json"}
"""Files that people read, and files of others."""


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=ann", "-c", "user.email=ann@localhost")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def values(checkout: Path) -> Mapping[str, str]:
    command = ["git", "check-attr", "linguist-generated", *GENERATED, *OTHERS]
    output = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout
    lines = (line.split(": ") for line in output.splitlines())
    return {path: value for path, _, value in lines if value != "unspecified"}


def mark(checkout: Path, model: str = MODEL) -> list[str]:
    """Mark the files as publishing does, in the work tree; return the paths written."""
    read = {path: (checkout / path).read_bytes() for path in ("model/.gitattributes",) if (checkout / path).is_file()}
    found = with_mark((), model, owners=GitOwners.of(checkout), removes=(), read=read.get)
    for file in found:
        (checkout / file.path).parent.mkdir(exist_ok=True)
        (checkout / file.path).write_bytes(file.content)
    return [file.path for file in found]


def test_git_finds_the_generated_files_and_no_others(checkout: Path) -> None:
    assert mark(checkout) == ["model/.gitattributes"]
    assert values(checkout) == GENERATED


def test_a_checkout_with_the_lines_gets_no_others(checkout: Path) -> None:
    mark(checkout)
    assert mark(checkout) == []
    assert mark(checkout, "model/other.joblib") == []


@pytest.mark.parametrize(
    ("rules", "theirs"),
    [
        ({".gitattributes": "*.json -linguist-generated\n"}, "unset"),
        ({"model/.gitattributes": "*.json linguist-generated\n"}, "set"),
        ({"model/.gitattributes": "m.joblib.* linguist-generated=false\n"}, "false"),
    ],
)
def test_a_rule_of_the_user_wins(checkout: Path, rules: Mapping[str, str], theirs: str) -> None:
    for path, text in rules.items():
        (checkout / path).parent.mkdir(exist_ok=True)
        (checkout / path).write_text(text)
    mark(checkout)
    assert {values(checkout)[path] for path in GENERATED if path.endswith(".json")} == {theirs}
    assert all((checkout / path).read_text().startswith(text) for path, text in rules.items())


@pytest.mark.parametrize("second", [MODEL, "model/other.joblib"], ids=["a later run", "another model"])
def test_branches_that_each_mark_the_files_merge(checkout: Path, second: str) -> None:
    git(checkout, "commit", "--quiet", "--allow-empty", "--message", "Begin")
    git(checkout, "branch", "later")
    for branch, model in {"first": MODEL, "second": second}.items():
        git(checkout, "checkout", "--quiet", "-B", branch, "later")
        mark(checkout, model)
        git(checkout, "add", "--all")
        git(checkout, "commit", "--quiet", "--message", "Publish")
    git(checkout, "merge", "--quiet", "--no-edit", "first")
    assert values(checkout) == GENERATED


@pytest.fixture
def in_checkout(tmp_path: Path) -> Iterator[Project]:
    """A project whose folder is a clone, as a job's is."""
    with project(tmp_path) as found:
        git(found.directory, "clone", "--quiet", f"{found.github.url}/{REPOSITORY}.git", ".")
        yield found


def test_the_commit_marks_them_once(in_checkout: Project) -> None:
    first = in_checkout.publish(in_checkout.trained(0.9))
    assert "model/.gitattributes" in first.files
    in_checkout.merge(first.pull_request_number or 0)
    git(in_checkout.directory, "fetch", "--quiet")
    git(in_checkout.directory, "checkout", "--quiet", "--force", "-B", "main", "origin/main")
    assert set(values(in_checkout.directory)) == set(GENERATED)
    second = in_checkout.publish(in_checkout.trained(0.91), run_id="101")
    assert MANIFEST in second.files
    assert "model/.gitattributes" not in second.files


def test_a_checkout_from_before_the_lines_changes_nothing_in_them(in_checkout: Project) -> None:
    in_checkout.merge(in_checkout.publish(in_checkout.trained(0.9)).pull_request_number or 0)
    assert "model/.gitattributes" not in in_checkout.publish(in_checkout.trained(0.91), run_id="101").files
    in_checkout.commit_to("main", {"model/.gitattributes": "*.png binary\n"})
    third = in_checkout.publish(in_checkout.trained(0.92), run_id="102")
    assert in_checkout.git("show", f"{third.branch}:model/.gitattributes").startswith("*.png binary\n#")
