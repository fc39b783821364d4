"""The files of a DVC pipeline in a commit: lock files and ignore files, merged with the base's, and no bytes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
import yaml

from cmlkit.pipeline import Output, merged_lock
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.pipeline_files import PipelineFiles, own_paths
from cmlkit.records.training_run import Resources, TrainingRun


def output(path: str, *, is_kept: bool = True, folder: str = "") -> Output:
    return Output(path=path, folder=folder, stage="train", kind="outs", is_kept=is_kept)


def lock(**stages: str) -> bytes:
    return yaml.safe_dump(
        {"schema": "2.0", "stages": {name: {"cmd": command} for name, command in stages.items()}}
    ).encode()


def pointers(files: PipelineFiles, base: dict[str, bytes]) -> dict[str, bytes]:
    found = files.pointers(base.get)
    assert all(type(file) is CommitFile and file.role == "pointer" for file in found)
    return {file.path: file.content for file in found}


def test_git_loses_the_files_that_dvc_keeps_and_what_stands_for_them_but_not_folders(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    kept = frozenset({"m.pkl", "folder", "a.pkl"})
    files = PipelineFiles(root=tmp_path, environ={}, kept=kept)
    assert files.removes == ("a.pkl", "a.pkl.dvc", "m.pkl", "m.pkl.dvc")
    assert (files.keeps("m.pkl"), files.keeps("metrics.json")) == (True, False)


def test_a_lock_file_keeps_the_bases_other_stages_and_is_empty_if_it_was_deleted(tmp_path: Path) -> None:
    before, after, base = (lock(train=train, score=score) for train, score in (("1", "1"), ("2", "1"), ("1", "3")))
    (tmp_path / "dvc.lock").write_bytes(after)
    files = PipelineFiles(root=tmp_path, environ={}, before={"dvc.lock": before, "sub/dvc.lock": b"stages: {}"})
    assert pointers(files, {"dvc.lock": base}) == {
        "dvc.lock": merged_lock(base, before=before, after=after),
        "sub/dvc.lock": b"",
    }


def test_lines_that_dvc_has_written_into_ignore_files_are_added_to_the_bases(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".gitignore").write_text("/a.pkl\n/b.pkl\n/scores.json\n")
    (tmp_path / "sub/.gitignore").write_text("/c.pkl\n/d.pkl\n")
    kept = ("a.pkl", "b.pkl", "unignored.pkl", "sub/c.pkl", "sub/d.pkl", "without/file.pkl")
    outputs = (*map(output, kept), output("scores.json", is_kept=False))
    files = PipelineFiles(root=tmp_path, environ={}, outputs=outputs)
    assert pointers(files, {".gitignore": b"*.log\n"}) == {
        ".gitignore": b"*.log\n/a.pkl\n/b.pkl\n",
        "sub/.gitignore": b"/c.pkl\n/d.pkl\n",
    }
    there = {".gitignore": b"/a.pkl\n/b.pkl\n", "sub/.gitignore": b"/c.pkl\n\xff\n"}
    assert pointers(files, there) == {"sub/.gitignore": b"/c.pkl\n\xff\n/d.pkl\n"}


PIPELINE = {
    "dvc.yaml": b"stages: {train: {cmd: python train.py, outs: [m.pkl], metrics: [m.json]}}",
    "dvc.lock": b"stages: {train: {outs: [{path: m.json, hash: md5, md5: 0123456789abcdef, size: 9}]}}",
}


@pytest.mark.parametrize(
    ("path", "base", "warnings"),
    [
        ("other.json", PIPELINE, []),
        ("m.json", {}, []),
        ("m.json", PIPELINE, ["The base branch's m.json cannot be read from DVC: The checkout is not a DVC project"]),
    ],
    ids=["a file that DVC does not keep", "a base without the pipeline", "a checkout without DVC's settings"],
)
def test_a_base_whose_file_dvc_does_not_give_has_none(
    tmp_path: Path, path: str, base: dict[str, bytes], warnings: list[str]
) -> None:
    files = PipelineFiles(root=tmp_path, environ={}, kept=frozenset({"m.json"}))
    told: list[str] = []
    assert files.read_kept(path, read=base.get, warn=told.append) is None
    assert [warning.partition(",")[0] for warning in told] == warnings


def test_the_files_of_a_training_are_all_of_its_models_even_behind_links(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/part.bin").touch()
    (tmp_path / "model/deep").mkdir(parents=True)
    (tmp_path / "model/deep/weights.bin").touch()
    (tmp_path / "model/link").symlink_to(tmp_path / "elsewhere")
    run = TrainingRun(
        mode="command",
        command="true",
        metrics={},
        metrics_files=("m.json",),
        model="model",
        plots=("roc.png",),
        resources=Resources(wall_seconds=1, cpu_seconds=1, peak_memory_bytes=1),
        started=0.0,
    )
    assert set(own_paths(run, tmp_path, PurePosixPath("sub"))) == {
        "sub/model",
        "sub/m.json",
        "sub/roc.png",
        "sub/model/deep/weights.bin",
        "sub/model/link/part.bin",
    }
