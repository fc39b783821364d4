"""Promotion in the sandbox's GitHub: tags that nobody moves, pull requests that are merged for it, rolling back."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import Conflict, ModelError, NotFound, PermissionDenied, SettingsError
from cmlkit.registry.promotion import Promotion, promote
from cmlkit.registry.versions import list_versions, trailers
from cmlkit_sandbox.github.git_objects import Signature, TreeEntry, commit_content
from tests.integration.project import MANIFEST, MODEL, STARTED, Project, project

pytestmark = pytest.mark.slow


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def committed(there: Project, branch: str, accuracy: float, *, run: str) -> str:
    """A commit with a model on top of the base branch, as cmlkit publishes it; the branch is at it."""
    there.trained(accuracy)
    git, base = there.repository.git, there.head("main")
    blobs = {path: git.write("blob", (there.directory / path).read_bytes()) for path in (MODEL, MANIFEST)}
    tree = git.write_tree(
        base, [TreeEntry(mode="100644", kind="blob", sha=sha, path=path) for path, sha in blobs.items()]
    )
    who = Signature(name="ann", email="ann@example.com", seconds=int(STARTED))
    message = f"Retrain {MODEL}\n\n{there.github.url}/octo/forest/actions/runs/{run}\n"
    commit = git.write("commit", commit_content(tree=tree, parents=(base,), author=who, committer=who, message=message))
    git.update_ref(f"refs/heads/{branch}", commit, old=base if branch == "main" else "0" * 40)
    return str(commit)


def published(there: Project, accuracy: float, *, run: str = "100", draft: bool = False) -> int:
    """A pull request with a model; its number."""
    committed(there, f"cmlkit/main/{run}", accuracy, run=run)
    forge = there.client(token="ghp_person")
    return forge.create_pull_request(
        head=f"cmlkit/main/{run}", base="main", title="Retrain m", body="", draft=draft
    ).number


def merged(there: Project, accuracy: float, *, run: str = "100") -> str:
    """A model that came to the base branch, as a squashed pull request brings it; the branch's new head."""
    return committed(there, "main", accuracy, run=run)


def promoted(there: Project, *, token: str = "ghp_person", **options: Any) -> Promotion:
    return promote(forge=there.client(token=token), model=options.pop("model", MODEL), **options)


def tags(there: Project) -> dict[str, str]:
    """Name -> commit, of every tag."""
    lines = there.git("for-each-ref", "--format=%(refname:strip=2) %(*objectname)", "refs/tags").splitlines()
    return dict(line.split(" ") for line in lines)


def test_the_base_branchs_model_is_promoted_by_a_tag_that_says_all_of_it(there: Project) -> None:
    head = merged(there, 0.9, run="77")
    done = promoted(there, by="https://github.com/octo/forest/actions/runs/90")
    assert (done.tag, done.created, done.previous, done.commit) == ("model/m/production/1", True, None, head)
    assert tags(there) == {"model/m/production/1": head}
    message = there.git("tag", "--list", "--format=%(contents)", done.tag)
    assert message.startswith("Promote m to production (1)\n\naccuracy: 0.9\n\n")
    facts = trailers(message)
    assert facts["Sha256"] == done.sha256 == json.loads(there.git("show", f"main:{MANIFEST}"))["sha256"]
    assert json.loads(facts["Metrics"]) == {"accuracy": 0.9}
    assert facts["Model"] == MODEL
    assert facts["Run"] == f"{there.github.url}/octo/forest/actions/runs/77"
    assert facts["Promoted-By"].endswith("/90")


def test_what_is_in_production_already_gets_no_second_tag(there: Project) -> None:
    merged(there, 0.9)
    first = promoted(there)
    there.commit_to("main", {"README.md": "# Words"})
    again = promoted(there)
    assert (again.tag, again.created, again.commit) == (first.tag, False, first.commit)
    assert len(tags(there)) == 1


def test_rolling_back_is_another_tag(there: Project) -> None:
    old = merged(there, 0.9, run="1")
    promoted(there)
    new = merged(there, 0.8, run="2")
    assert promoted(there).production == 2
    back = promoted(there, to="1")
    assert (back.production, back.commit, back.previous) == (3, old, 2)
    assert tags(there) == {"model/m/production/1": old, "model/m/production/2": new, "model/m/production/3": old}
    assert not promoted(there, to="1").created
    assert promoted(there, to=new[:10]).production == 4
    assert not promoted(there, to="model/m/production/2").created


def test_a_clone_lists_what_was_promoted(there: Project) -> None:
    merged(there, 0.9, run="1")
    promoted(there)
    merged(there, 0.95, run="2")
    published(there, 0.97, run="3")
    clone = there.directory.parent / "clone"
    there.git("clone", "--quiet", str(there.repository.git.path), str(clone))
    found = list_versions(clone, model=MODEL)
    assert [(item.stage, item.run.rpartition("/")[2]) for item in found.versions] == [
        ("candidate", "3"),
        ("champion", "2"),
        ("production 1", "1"),
    ]


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_pull_request_is_merged_and_what_it_brought_is_promoted(there: Project, method: str) -> None:
    number = published(there, 0.9)
    done = promoted(there, pull_request=number, method=method)
    assert (done.commit, done.merged, done.metrics) == (there.head("main"), number, {"accuracy": 0.9})
    assert tags(there) == {done.tag: done.commit}
    assert there.repository.issues[number].merged
    # Run again, as after a lost connection, it finishes what was left and does nothing twice.
    assert not promoted(there, pull_request=number, method=method).created


def test_a_pull_request_that_cannot_be_merged_says_why_and_nothing_is_tagged(there: Project) -> None:
    conflicting = published(there, 0.9, run="1")
    merged(there, 0.8, run="2")
    with pytest.raises(Conflict, match=f"pull request {conflicting} cannot be merged now") as caught:
        promoted(there, pull_request=conflicting)
    assert f"/pull/{conflicting}" in caught.value.next_step
    rejected = published(there, 0.7, run="3", draft=True)
    with pytest.raises(Conflict, match="is a draft"):
        promoted(there, pull_request=rejected)
    there.client(token="ghp_person").update_pull_request(rejected, state="closed")
    with pytest.raises(Conflict, match="closed without a merge"):
        promoted(there, pull_request=rejected)
    assert tags(there) == {}


def test_a_pull_request_without_the_model_is_not_merged(there: Project) -> None:
    number = published(there, 0.9)
    with pytest.raises(ModelError, match="no manifest of model/other.joblib"):
        promoted(there, pull_request=number, model="model/other.joblib")
    assert there.open_pulls() == [number]


def test_a_model_that_is_not_what_its_manifest_says_is_refused(there: Project) -> None:
    merged(there, 0.9)
    there.commit_to("main", {MODEL: "something else"})
    with pytest.raises(ModelError, match="not the file that its manifest describes"):
        promoted(there)
    assert tags(there) == {}


def test_a_pointer_stands_for_the_file_whose_hash_it_names(there: Project) -> None:
    merged(there, 0.9)
    sha256 = json.loads(there.git("show", f"main:{MANIFEST}"))["sha256"]
    there.commit_to("main", {MODEL: f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize 12\n"})
    assert promoted(there).created
    there.commit_to("main", {MODEL: f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"})
    with pytest.raises(ModelError, match="not the file that its manifest describes"):
        promoted(there)


def test_a_dry_run_checks_all_and_writes_nothing(there: Project) -> None:
    number = published(there, 0.9)
    done = promoted(there, pull_request=number, dry_run=True)
    assert (done.tag, done.created) == ("model/m/production/1", False)
    assert (tags(there), there.open_pulls()) == ({}, [number])


def test_promotions_at_once_all_get_numbers_of_their_own(there: Project) -> None:
    commits = [merged(there, accuracy, run=str(accuracy)) for accuracy in (0.90, 0.91, 0.92, 0.93)]
    with ThreadPoolExecutor(len(commits)) as pool:
        done = list(pool.map(lambda commit: promoted(there, to=commit), commits))
    assert sorted(item.production for item in done) == [1, 2, 3, 4]
    assert tags(there) == {item.tag: item.commit for item in done}


def test_a_number_that_somebody_used_for_a_plain_tag_is_left_alone(there: Project) -> None:
    head = merged(there, 0.9)
    there.git("tag", "model/m/production/4", head)
    assert promoted(there).production == 5


def test_two_models_of_one_file_name_need_names(there: Project) -> None:
    merged(there, 0.9)
    promoted(there)
    manifest = there.git("show", f"main:{MANIFEST}")
    there.commit_to("main", {"other/m.joblib": "model of 0.9", "other/m.joblib.json": manifest})
    with pytest.raises(SettingsError, match="belongs to model/m.joblib") as caught:
        promoted(there, model="other/m.joblib")
    suggested = re.findall(r"--name (\S+)\.", caught.value.next_step)[0]
    assert promoted(there, model="other/m.joblib", name=suggested).tag == "model/other-m/production/1"


def test_what_cannot_be_promoted_says_why(there: Project) -> None:
    merged(there, 0.9)
    there.github.add_token("ghp_reader", "octo", permissions={"contents": "read", "metadata": "read"})
    refused: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"to": "7"}, SettingsError, "no promotion 7"),
        ({"to": "deadbeef"}, NotFound, "no commit 'deadbeef'"),
        ({"to": "1", "pull_request": 1}, SettingsError, "at once"),
        ({"pull_request": 99}, NotFound, "404"),
        ({"pull_request": 1, "method": "octopus"}, SettingsError, "octopus"),
        ({"base": "absent"}, SettingsError, "no branch 'absent'"),
        ({"model": "absent.joblib"}, ModelError, "no manifest of absent.joblib"),
        ({"token": "ghp_reader"}, PermissionDenied, "contents: write|not accessible"),
    ]
    for options, error, message in refused:
        with pytest.raises(error, match=message):
            promoted(there, **options)
    assert tags(there) == {}


def test_the_command_prints_it_and_sets_the_steps_outputs(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cmlkit.__main__ import run

    with project(tmp_path / "served") as there:
        there.github.add_token("ghp_owner", "octo")
        number = published(there, 0.9)
        for name, value in {
            "GITHUB_API_URL": there.github.api_url,
            "GITHUB_REPOSITORY": "octo/forest",
            "GITHUB_RUN_ID": "90",
            "GITHUB_SHA": there.head("main"),
            "CMLKIT_TOKEN": "ghp_owner",
        }.items():
            monkeypatch.setenv(name, value)
        command = ["model", "promote", MODEL, "--pull-request", str(number), "--squash"]
        assert run([*command, "--dry-run"], environ=os.environ) == 0
        assert run([*command, "--json"], environ=os.environ) == 0
        shown = capsys.readouterr()
        assert "nothing was written" in shown.err
        result = json.loads(shown.out[shown.out.index("{") :])
        assert (result["tag"], result["promoted"]) == ("model/m/production/1", True)
        assert result["commit_sha"] == there.head("main")
        assert run(command[:3], environ=os.environ) == 0
        assert "in production already" in capsys.readouterr().err
