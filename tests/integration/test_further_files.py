"""What `cmlkit publish` commits of the files in `publish.files`: what the job changed, beside others' changes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys

import pytest

from cmlkit.__main__ import run
from tests.integration.clone import TRACKED, Job

pytestmark = pytest.mark.slow

TRAIN = "import pathlib as p; p.Path('model').mkdir(exist_ok=True); p.Path('model/m.bin').write_bytes(b'weights');\
p.Path('model/metrics.txt').write_text('accuracy: 0.9')"
PARAMS = TRACKED["params.yaml"]


def trained(job: Job) -> None:
    job.write("fit.py", TRAIN)
    job.write(".git/info/exclude", "fit.py\ncmlkit.yaml\n.cmlkit/\n")
    job.monkeypatch.chdir(job.directory)
    job.write(
        "cmlkit.yaml",
        f"train:\n  run: {sys.executable} fit.py\n  model: model/m.bin\n  metrics: [model/metrics.txt]\n  plots: []\n",
    )
    assert run(["train"], environ=os.environ) == 0


def published(job: Job, *arguments: str) -> str:
    """Publish; return what it says."""
    job.capsys.readouterr()
    code = run(["publish", "--json", *arguments], environ=os.environ)
    shown = job.capsys.readouterr()
    assert code == 0, shown.err
    assert json.loads(shown.out)["changed"]
    return shown.err


def changes_besides_the_model(job: Job) -> dict[str, str]:
    return {path: status for path, status in job.changes().items() if not path.startswith("model/")}


def test_a_file_that_the_job_did_not_change_is_not_committed(job: Job) -> None:
    job.colleague({"params.yaml": PARAMS.replace("p1: 1", "p1: 100")})
    trained(job)
    published(job, "--files", "params.yaml,README.md")
    assert changes_besides_the_model(job) == {}
    assert b"p1: 100\n" in job.content("params.yaml")


def test_changes_of_the_job_and_of_a_colleague_come_together(job: Job) -> None:
    job.colleague({"params.yaml": PARAMS.replace("p1: 1", "p1: 100")})
    trained(job)
    job.write("params.yaml", PARAMS.replace("p9: 9", "p9: 900"))
    job.write("notes/a.md", "a")
    (job.directory / "data/a.csv").unlink()
    published(job, "--files", "params.yaml,notes,data/*.csv")
    assert changes_besides_the_model(job) == {"params.yaml": "M", "notes/a.md": "A", "data/a.csv": "D"}
    assert {b"p1: 100", b"p9: 900"} <= set(job.content("params.yaml").splitlines())


def test_in_a_conflict_the_bases_text_stays_and_the_runs_own_is_linked(job: Job) -> None:
    job.repository.settings.allow_auto_merge = True
    job.colleague({"params.yaml": PARAMS.replace("p1: 1", "p1: 100")})
    trained(job)
    job.write("params.yaml", PARAMS.replace("p1: 1", "p1: 200"))
    said = published(job, "--files", "params.yaml", "--auto-merge", "merge")
    [pull] = job.repository.pulls
    assert "params.yaml" in said
    assert b"p1: 100\n" in job.content("params.yaml")
    assert not pull.merged
    found = re.search(
        r"`params\.yaml` \(\[its version here\]\(\S+/blob/([0-9a-f]{40})/(\S+?)\?raw=true\)\)", pull.body or ""
    )
    assert found is not None
    assert b"p1: 200\n" in job.repository.git.git("show", f"{found[1]}:{found[2]}")


@pytest.mark.parametrize(("line", "value", "merges"), [("p5", "900", True), ("p9", "950", False)])
def test_what_a_person_changed_on_the_branch_that_is_updated_stays(
    job: Job, line: str, value: str, merges: bool
) -> None:
    trained(job)
    job.write("params.yaml", PARAMS.replace("p9: 9", "p9: 900"))
    published(job, "--files", "params.yaml")
    [pull] = job.repository.pulls
    by_hand = job.content("params.yaml").decode().replace(f"{line}: ", f"{line}: 7")
    job.colleague({"params.yaml": by_hand}, branch=pull.head)
    job.colleague({"params.yaml": PARAMS.replace("p1: 1", "p1: 100")})
    job.write("params.yaml", PARAMS.replace("p9: 9", f"p9: {value}"))
    job.monkeypatch.setenv("GITHUB_RUN_ID", "4242")
    job.write("model/m.bin", "")
    trained(job)
    said = published(job, "--files", "params.yaml", "--on-existing", "update")
    lines = set(job.content("params.yaml").decode().splitlines())
    assert [pull.number for pull in job.repository.pulls] == [pull.number]
    assert by_hand.splitlines()[int(line[1]) - 1] in lines
    assert (f"p9: {value}" in lines) is merges
    assert ("params.yaml" in said) is not merges
    assert "p1: 100" in lines


def test_a_file_that_the_job_committed_itself_is_a_change(job: Job) -> None:
    job.write("params.yaml", PARAMS.replace("p9: 9", "p9: 900"))
    job.commit("Tune")
    job.colleague({"params.yaml": PARAMS.replace("p1: 1", "p1: 100")})
    trained(job)
    published(job, "--files", "params.yaml")
    assert {b"p1: 100", b"p9: 900"} <= set(job.content("params.yaml").splitlines())


def test_an_ignored_file_is_left_out_with_a_warning(job: Job) -> None:
    trained(job)
    job.write("key.env", "SECRET=1")
    assert "key.env" in published(job, "--files", "key.env")
    assert changes_besides_the_model(job) == {}


def test_modes_and_git_lfs_are_kept(job: Job) -> None:
    trained(job)
    job.write(".gitattributes", "*.npz filter=lfs diff=lfs merge=lfs -text\n")
    job.write("features.npz", b"numbers")
    job.write("run.sh", "#!/bin/sh\n")
    (job.directory / "run.sh").chmod(0o755)
    published(job, "--files", ".gitattributes,features.npz,run.sh")
    assert job.mode("run.sh") == "100755"
    assert job.content("features.npz").startswith(b"version https://git-lfs")


def test_the_training_s_own_files_go_to_git_lfs_if_the_attributes_say_so(job: Job) -> None:
    trained(job)
    job.write(".gitattributes", "model/*.bin filter=lfs -text\nmodel/*.txt filter=lfs -text\n*.json filter=lfs -text\n")
    said = published(job, "--files", ".gitattributes")
    for path in ("model/m.bin", "model/metrics.txt"):
        content = job.content(path)
        assert content.startswith(b"version https://git-lfs")
        assert hashlib.sha256((job.directory / path).read_bytes()).hexdigest().encode() in content
    assert job.content("model/m.bin.json").startswith(b"{")
    assert "`/model/m.bin.json !filter !diff !merge text`" in said


def test_results_that_git_ignores_are_committed_and_named(job: Job) -> None:
    trained(job)
    job.write(".gitignore", "*.bin\n")
    assert "git ignores model/m.bin; the commit has them in spite of that" in " ".join(published(job).split())
    assert "model/m.bin" in job.changes()


@pytest.mark.parametrize("path", ["absent.lock", "../out.txt"])
def test_a_path_that_names_nothing_is_refused_before_anything_is_written(job: Job, path: str) -> None:
    trained(job)
    job.capsys.readouterr()
    assert run(["publish", "--files", path], environ=os.environ) == 2
    assert "publish.files" in job.capsys.readouterr().err
    assert not job.repository.pulls
