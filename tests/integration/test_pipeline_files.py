"""The pipelines that wrote a training's files: found with a real git, and with a program named dvc that answers."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

from cmlkit.errors import ModelError, SettingsError
from cmlkit.publishing.pipeline_files import PipelineFiles, pipeline_files
from cmlkit.records.training_run import Resources, TrainingRun

# Answers as DVC does, and notes the folder and the arguments of each call.
DVC = '#!/bin/sh\necho "$(basename "$PWD") $*" >> "$DVC_CALLS"\n[ "$1" = config ] && echo "$DVC_SETTINGS"\nexit 0\n'


@dataclass(kw_only=True)
class Checkout:
    """A repository with a DVC pipeline in `sub`, the working directory, which has run since the checkout.

    Attributes:
        environ: The environment for DVC.
    """

    root: Path
    environ: dict[str, str]
    warnings: list[str] = field(default_factory=list)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self) -> None:
        author = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        for command in (["init", "-q"], ["add", "--all", "-f"], [*author, "commit", "-q", "-m", "Begin"]):
            subprocess.run(["git", "-C", str(self.root), *command], check=True)

    def stage(self, declared: str, *, folder: str = "sub", locked: str = "") -> None:
        self.write(f"{folder}/dvc.yaml", f"stages: {{train: {{cmd: python train.py, {declared}}}}}")
        if locked:
            self.write(f"{folder}/dvc.lock", f"stages: {{train: {{outs: [{locked}]}}}}")

    def found(self, model: str = "m.pkl", *, prefix: str = "sub", metrics: tuple[str, ...] = ()) -> PipelineFiles:
        run = TrainingRun(
            mode="command",
            command="dvc repro",
            metrics={},
            metrics_files=metrics,
            model=model,
            resources=Resources(wall_seconds=1, cpu_seconds=1, peak_memory_bytes=1),
            started=0.0,
        )
        return pipeline_files(
            run,
            directory=self.root / prefix,
            prefix=PurePosixPath(prefix),
            environ=self.environ,
            warn=self.warnings.append,
        )

    def calls(self) -> list[str]:
        log = Path(self.environ["DVC_CALLS"])
        return log.read_text().splitlines() if log.exists() else []


def entry(path: str, content: str) -> str:
    return f"{{path: {path}, hash: md5, md5: {hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()}}}"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    program = tmp_path / "bin/dvc"
    program.parent.mkdir()
    program.write_text(DVC)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    environ = {**os.environ, "DVC_CALLS": str(tmp_path / "calls"), "DVC_SETTINGS": "core.remote=storage"}
    there = Checkout(root=tmp_path / "checkout", environ=environ)
    there.write("sub/.dvc/config", "")
    there.stage("outs: [m.pkl]", locked=entry("m.pkl", "before"))
    there.write("sub/m.pkl", "before")
    return there


def trained(checkout: Checkout) -> Checkout:
    """Commit what there is, and let the pipeline write another model."""
    checkout.commit()
    checkout.write("sub/m.pkl", "weights")
    checkout.stage("outs: [m.pkl]", locked=entry("m.pkl", "weights"))
    return checkout


def test_a_model_that_dvc_keeps_has_its_lock_file_of_before_and_can_be_pushed(checkout: Checkout) -> None:
    before = (checkout.root / "sub/dvc.lock").read_bytes()
    found = trained(checkout).found()
    assert (found.root, *found.owned, *found.kept) == (checkout.root, "sub/m.pkl", "sub/m.pkl")
    assert [(each.path, each.folder, each.stage) for each in found.outputs] == [("sub/m.pkl", "sub", "train")]
    assert (found.before, found.is_pushable, checkout.warnings) == ({"sub/dvc.lock": before}, True, [])
    assert checkout.calls() == ["sub config --list"]
    said: list[str] = []
    found.push(said.append)
    assert said == ["dvc push sub/dvc.yaml"]
    assert checkout.calls()[1:] == ["sub push dvc.yaml"]


def test_a_training_without_a_pipeline_asks_nobody(checkout: Checkout) -> None:
    found = trained(checkout).found("other.pkl")
    assert found == PipelineFiles(root=checkout.root, environ=checkout.environ)
    found.push(lambda text: pytest.fail(text))
    assert checkout.calls() == []


def test_a_pipeline_at_the_top_of_a_folder_without_git_has_no_lock_file_of_before(checkout: Checkout) -> None:
    outside = Checkout(root=checkout.root / "sub", environ=checkout.environ)
    found = outside.found(prefix="")
    assert (found.root, *found.kept, found.before) == (outside.root, "m.pkl", {"dvc.lock": None})
    said: list[str] = []
    found.push(said.append)
    assert said == ["dvc push dvc.yaml"]


def test_a_model_that_has_changed_since_its_stage_is_refused(checkout: Checkout) -> None:
    trained(checkout).write("sub/m.pkl", "by hand")
    with pytest.raises(
        ModelError, match=r"sub/m.pkl is not the one that sub/dvc.lock describes: .* stage train"
    ) as caught:
        checkout.found()
    assert "dvc commit" in caught.value.next_step


def test_a_model_in_a_folder_that_dvc_keeps_is_refused_as_its_manifest_would_lie_there(checkout: Checkout) -> None:
    checkout.stage("outs: [models]", locked="{path: models, hash: md5, md5: 0123.dir}")
    checkout.write("sub/models/m.pkl", "weights")
    with pytest.raises(
        ModelError, match=r"beside models/m.pkl would lie in sub/models, a folder that DVC keeps"
    ) as caught:
        checkout.found("models/m.pkl")
    assert "set train.model to sub/models" in caught.value.next_step


def test_a_model_that_dvc_cannot_push_is_an_error_and_other_outputs_are_a_warning(checkout: Checkout) -> None:
    checkout.environ["DVC_SETTINGS"] = "core.analytics=false"
    with pytest.raises(SettingsError, match="no default remote"):
        trained(checkout).found()
    checkout.stage(
        "outs: [m.pkl: {cache: false}, cache.bin]", locked=f"{entry('m.pkl', 'weights')}, {entry('cache.bin', '')}"
    )
    found = checkout.found()
    assert (*found.owned, *found.kept, found.is_pushable) == ("sub/m.pkl", False)
    [warning] = checkout.warnings
    assert warning.startswith("Outputs of dvc.yaml are not pushed, so that others must make them again: The DVC")
    found.push(lambda text: pytest.fail(text))


def test_a_pipeline_that_keeps_nothing_needs_no_dvc(checkout: Checkout) -> None:
    checkout.stage("outs: [m.pkl: {cache: false}]", locked=entry("m.pkl", "of long ago"))
    found = checkout.found()
    assert (*found.owned, *found.kept, found.is_pushable) == ("sub/m.pkl", False)
    assert checkout.calls() == []


@pytest.mark.parametrize(
    ("count", "names"),
    [(1, "sub/0.json"), (5, "sub/0.json, sub/1.json, sub/2.json, sub/3.json, sub/4.json"), (7, "4.json and 2 more")],
)
def test_files_of_the_training_that_no_clone_can_pull_are_told(checkout: Checkout, count: int, names: str) -> None:
    metrics = tuple(f"{number}.json" for number in range(count))
    unpushed = ", ".join(f"{name}: {{push: false}}" for name in metrics)
    checkout.stage(
        f"outs: [m.pkl, of-others.bin: {{push: false}}], metrics: [{unpushed}]", locked=entry("m.pkl", "before")
    )
    found = checkout.found(metrics=metrics)
    [warning] = checkout.warnings
    assert warning.startswith("dvc.yaml says push: false for sub/0.json")
    assert warning.endswith(f"{names}: no clone can pull it.")
    assert found.is_pushable
    assert found.kept == {"sub/m.pkl", *(f"sub/{name}" for name in metrics)}


def test_further_pipelines_that_have_run_since_the_checkout_come_along(checkout: Checkout) -> None:
    for folder in (".", "idle", "ran"):
        checkout.stage("outs: [x.bin]", folder=folder, locked=entry("x.bin", "1"))
    trained(checkout)
    for folder in (".", "ran", "new"):
        checkout.stage("outs: [x.bin]", folder=folder, locked=entry("x.bin", "2"))
    for folder, option in (("unpushed", "push"), ("tracked", "cache")):
        checkout.stage(f"outs: [x.bin: {{{option}: false}}]", folder=folder, locked=entry("x.bin", "2"))
    found = checkout.found()
    new = {"new", "unpushed", "tracked"}
    assert {each.path for each in found.outputs} == {
        "sub/m.pkl", "x.bin", "ran/x.bin", *(f"{folder}/x.bin" for folder in new)
    }  # fmt: skip
    before = ("sub/dvc.lock", "dvc.lock", "ran/dvc.lock")
    assert {path for path, content in found.before.items() if content is not None} == set(before)
    assert set(found.before) == {*before, *(f"{folder}/dvc.lock" for folder in new)}
    said: list[str] = []
    found.push(said.append)
    assert said == ["dvc push dvc.yaml", "dvc push new/dvc.yaml", "dvc push ran/dvc.yaml", "dvc push sub/dvc.yaml"]
