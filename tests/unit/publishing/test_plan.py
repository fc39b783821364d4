"""The plan of a publish: its place, its files, what must go, what has changed, and which plots are not shown."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from cmlkit.data.drift import profile
from cmlkit.errors import ModelError, SettingsError
from cmlkit.forges.base import Changes, NewFile, Outlook
from cmlkit.model.file import write_manifest
from cmlkit.model.manifest import ModelManifest, RecordedVerdict
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.further_files import FurtherFiles
from cmlkit.publishing.git_owners import GitOwners
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.pipeline_files import PipelineFiles
from cmlkit.publishing.plan import Planning, PublishPlan, plot_notes
from cmlkit.publishing.precedence import Origin
from cmlkit.records.training_run import DataFingerprint, Resources, TrainingRun
from cmlkit.settings.schema import GateSpec, PublishSpec
from cmlkit.stores.base import Store
from cmlkit.stores.dvc_outputs import KeptOutputs
from cmlkit.stores.git import GitStore
from cmlkit.stores.several import Divided
from tests.fake_forge import FastClock
from tests.toys.forge import FACTS
from tests.unit.publishing.in_memory import METRICS, MODEL, ToldForge, Workshop

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_plot_has_a_note_if_it_is_no_picture_or_if_dvc_keeps_it() -> None:
    plots = ("a.png", "b.png", "c.png")
    run = TrainingRun(
        mode="command", command="true", metrics={}, model="m.joblib", plots=plots,
        resources=Resources(wall_seconds=1, cpu_seconds=1, peak_memory_bytes=1), started=0.0,
    )  # fmt: skip
    files = [
        CommitFile(path="sub/a.png", role="plot", content=PNG),
        CommitFile(path="sub/b.png", role="plot", content=b"pixels"),
    ]
    pipelines = PipelineFiles(root=Path(), environ={}, kept=frozenset({"sub/c.png"}))
    assert plot_notes(run, files, PurePosixPath("sub"), pipelines) == {
        "b.png": "it is not in PNG format",
        "c.png": "DVC keeps it: dvc pull c.png",
    }


PREFIX = PurePosixPath("sub")
MODEL_PLACE, METRICS_PLACE = f"sub/{MODEL}", f"sub/{METRICS}"


class Asked(ToldForge):
    """Remembers what it is told that the plan is about to read."""

    outlook: Outlook

    def look_ahead(self, outlook: Outlook) -> None:
        self.outlook = outlook


@dataclass(frozen=True, kw_only=True)
class Owned(GitOwners):
    """Settings of git that ignore every file, and give the metrics to Git LFS."""

    def in_lfs(self, paths: Iterable[str]) -> set[str]:
        return {path for path in paths if path.endswith("metrics.txt")}

    def ignored(self, paths: Iterable[str]) -> list[str]:
        return list(paths)


@dataclass(kw_only=True)
class Office(Workshop):
    """Plans trainings that were made in the folder `sub` of the checkout."""

    forge: Asked = field(default_factory=lambda: Asked("octo/forest"))
    pipelines: PipelineFiles = field(default_factory=lambda: PipelineFiles(root=Path(), environ={}))
    owners: GitOwners = field(default_factory=lambda: GitOwners(root=None))
    store: Store = field(default_factory=lambda: GitStore(FACTS.limits.files))

    def planned(self, run: TrainingRun, *rules: str, run_id: str = "100", attempt: int = 1, **spec: Any) -> PublishPlan:
        return Planning(
            run=run,
            spec=PublishSpec(**spec),
            gate=GateSpec.of_rules(rules),
            directory=self.directory,
            prefix=PREFIX,
            forge=self.forge,
            store=self.store,
            pipelines=self.pipelines,
            owners=self.owners,
            workflow_run=dataclasses.replace(self.workflow_run(run_id), attempt=attempt),
            warn=self.heard.warn,
            clock=FastClock(),
        ).plan()

    def based(self, files: dict[str, bytes], branch: str = "main") -> None:
        """Let a branch have these files, too."""
        changes = Changes(message="M", files=[NewFile(path=path, content=content) for path, content in files.items()])
        parent = self.forge.branches.get(branch, self.forge.branches["main"])
        self.forge.commit(changes, branch=branch, parent=parent, is_new=branch not in self.forge.branches)

    def folder(self, names: Iterable[str]) -> TrainingRun:
        """A training whose model is a folder of files with these names."""
        for name in names:
            (self.directory / "model/folder").mkdir(parents=True, exist_ok=True)
            (self.directory / "model/folder" / name).write_text(name)
        write_manifest(self.directory / "model/folder", metrics={"accuracy": 0.9}, parameters={})
        return dataclasses.replace(self.trained(0.9), model="model/folder")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    (tmp_path / "sub").mkdir()
    return Office(directory=tmp_path / "sub")


def committed(plan: PublishPlan) -> dict[str, bytes]:
    return {file.path: file.content for file in plan.files}


def test_a_plan_has_all_of_a_training_and_its_place(office: Office) -> None:
    run = office.trained(0.9)
    (office.directory / "roc.png").write_bytes(PNG)
    plan = office.planned(dataclasses.replace(run, plots=("roc.png",)), "accuracy >= 0.5", attempt=2)
    marker = Marker(kind="pull-request", subject=MODEL_PLACE, run="100", attempt=2)
    assert (plan.marker, plan.model, plan.prefix) == (marker, MODEL_PLACE, PREFIX)
    assert (plan.base, plan.base_head, plan.branch, plan.head) == (
        "main", office.forge.branches["main"], "cmlkit/main/100", None,
    )  # fmt: skip
    assert plan.model_sha256 == hashlib.sha256((office.directory / MODEL).read_bytes()).hexdigest()
    assert [(file.path, file.role) for file in plan.files] == [
        (f"{MODEL_PLACE}.json", "manifest"), (METRICS_PLACE, "metrics"), ("sub/roc.png", "plot"),
    ]  # fmt: skip
    verdict = ModelManifest.from_json(committed(plan)[f"{MODEL_PLACE}.json"], source="").verdict
    assert verdict == RecordedVerdict(outcome="first", failed=(), run="100", attempt=2)
    assert (plan.changed, plan.draft, plan.is_outdated, plan.champion) == (True, False, False, None)
    assert (plan.removes, plan.there, plan.plot_notes, plan.further) == ((), {}, {}, FurtherFiles())
    assert (plan.repository, plan.addresses) == (office.forge.repository(), FACTS.addresses)
    precedence, created = plan.precedence, json.loads(committed(plan)[f"{MODEL_PLACE}.json"])["created"]
    assert precedence.ours == Origin(run="100", attempt=2, trained=created, is_accepted=True)
    assert (precedence.marker, precedence.manifest) == (marker, f"{MODEL_PLACE}.json")
    assert (precedence.base, precedence.base_head) == ("main", plan.base_head)
    assert office.heard.warnings == []


@pytest.mark.parametrize(
    ("spec", "commit", "branch"),
    [
        ({}, "", "cmlkit/main/100"),
        ({"base": "develop"}, "", "cmlkit/develop/100"),
        ({"branch": "cmlkit/{date}"}, "", "cmlkit/2024-05-31"),
        ({"branch": "cmlkit/{attempt}-{sha}"}, "fedcba98", "cmlkit/1-fedcba9"),
        ({"branch": "cmlkit/{attempt}-{sha}"}, "", ""),
        ({"on_existing": "update"}, "", ""),
    ],
)
def test_the_forge_is_told_what_will_be_read_as_far_as_that_is_known(
    office: Office, spec: dict[str, Any], commit: str, branch: str
) -> None:
    office.forge.create_branch("develop", office.forge.branches["main"])
    plan = office.planned(dataclasses.replace(office.trained(0.9), commit=commit), **spec)
    assert office.forge.outlook == Outlook(
        base=spec.get("base", "main"),
        branch=branch,
        folders=("", "sub/model"),
        manifest=f"{MODEL_PLACE}.json",
        history=10,
    )
    if branch:
        assert plan.branch == branch


def test_a_branch_that_is_named_by_the_commit_has_that_of_the_base_if_the_trainings_is_unknown(office: Office) -> None:
    assert office.planned(office.trained(0.9), branch="cmlkit/{sha}").branch == "cmlkit/0000000"


@pytest.mark.parametrize(
    ("spec", "message", "next_step"),
    [
        ({"base": "release"}, "octo/forest has no branch 'release' to open", "the default branch is 'main'"),
        ({"branch": "a b"}, "'a b', made from 'a b', has a blank", "publish.branch"),
        ({"base": "develop", "branch": "main"}, "The experiment branch 'main' is the default branch", "publish.branch"),
    ],
)
def test_a_place_that_cannot_be_is_refused(office: Office, spec: dict[str, Any], message: str, next_step: str) -> None:
    office.forge.create_branch("develop", office.forge.branches["main"])
    with pytest.raises(SettingsError, match=message) as caught:
        office.planned(office.trained(0.9), **spec)
    assert next_step in caught.value.next_step


def test_a_model_that_has_changed_since_its_manifest_is_refused(office: Office) -> None:
    run = office.trained(0.9)
    (office.directory / MODEL).write_bytes(b"by hand")
    with pytest.raises(ModelError, match=f"{MODEL_PLACE} is not the file that its manifest describes") as caught:
        office.planned(run)
    assert caught.value.next_step == "Run cmlkit train again."


@pytest.mark.parametrize(
    ("rules", "draft", "is_draft"),
    [((), False, False), ((), True, True), (("accuracy >= 0.99",), False, True)],
)
def test_a_pull_request_is_a_draft_if_it_is_to_be_or_if_the_model_is_rejected(
    office: Office, rules: tuple[str, ...], draft: bool, is_draft: bool
) -> None:
    assert office.planned(office.trained(0.9), *rules, draft=draft).draft is is_draft


@pytest.mark.parametrize(
    ("differs", "is_changed"),
    [
        ({}, False),
        ({f"{MODEL_PLACE}.md": b"another report"}, False),
        ({MODEL_PLACE: b"another model"}, True),
        ({METRICS_PLACE: b"accuracy: 0.8"}, True),
    ],
)
def test_a_result_has_changed_if_model_or_metrics_have(
    office: Office, differs: dict[str, bytes], is_changed: bool
) -> None:
    run = office.trained(0.9)
    files = {f"sub/{path}": (office.directory / path).read_bytes() for path in (MODEL, f"{MODEL}.json", METRICS)}
    office.based({**files, **differs})
    plan = office.planned(run)
    assert plan.changed is is_changed
    assert set(plan.there) == set(files)
    assert plan.champion is not None
    assert plan.champion.metrics == {"accuracy": 0.9}


def test_a_base_without_a_manifest_has_the_champion_of_its_metrics(office: Office) -> None:
    office.based({METRICS_PLACE: b"accuracy: 0.8\n"})
    plan = office.planned(office.trained(0.9), "accuracy > champion")
    assert plan.champion is not None
    assert (plan.champion.metrics, plan.verdict.outcome) == ({"accuracy": 0.8}, "better")


def test_a_champion_that_cannot_be_read_is_told(office: Office) -> None:
    office.based({f"{MODEL_PLACE}.json": b"{"})
    assert office.planned(office.trained(0.9)).champion is None
    assert len(office.heard.warnings) == 1


def test_files_of_an_earlier_version_of_a_folder_go_whoever_has_them(office: Office) -> None:
    for branch, names in (("main", ("a", "b")), ("cmlkit/main/100", ("a", "c"))):
        shutil.rmtree(office.directory / "model", ignore_errors=True)
        office.folder(names)
        office.based({"sub/model/folder.json": (office.directory / "model/folder.json").read_bytes()}, branch=branch)
    office.based({"sub/model/folder/b": b"b"})
    shutil.rmtree(office.directory / "model")
    plan = office.planned(office.folder(("a", "d")))
    earlier = [f"sub/model/folder/{name}" for name in ("b", "b.dvc", "c", "c.dvc")]
    assert plan.removes == ("sub/model/folder.dvc", *earlier)
    assert (set(plan.there), plan.changed) == ({"sub/model/folder.json", "sub/model/folder/b"}, True)


def test_a_folder_takes_the_place_of_a_file_and_a_file_that_of_a_folder(office: Office) -> None:
    run = office.folder(("a",))
    manifest = (office.directory / "model/folder.json").read_bytes()
    single = dataclasses.replace(ModelManifest.from_json(manifest, source=""), files=()).to_json().encode()
    office.based({"sub/model/folder.json": single})
    assert office.planned(run).removes == ("sub/model/folder", "sub/model/folder.dvc")
    shutil.rmtree(office.directory / "model/folder")
    (office.directory / "model/folder").write_text("one file")
    write_manifest(office.directory / "model/folder", metrics={"accuracy": 0.9}, parameters={})
    office.based({"sub/model/folder.json": manifest})
    assert office.planned(run).removes == ("sub/model/folder/a", "sub/model/folder/a.dvc")


def test_a_model_in_one_file_has_nothing_to_remove_of_another_one(office: Office) -> None:
    run = office.trained(0.9)
    for branch in ("main", "cmlkit/main/100"):
        office.based({f"{MODEL_PLACE}.json": (office.directory / f"{MODEL}.json").read_bytes()}, branch=branch)
    assert office.planned(run).removes == ()


@pytest.mark.parametrize("store", ["git", "dvc"])
def test_ignored_files_are_told_but_a_model_that_dvc_lets_git_ignore(office: Office, store: str) -> None:
    office.owners = Owned(root=office.directory.parent)
    run = office.trained(0.9)
    plan = office.planned(run, store=store)
    named = [f"{MODEL_PLACE}.json", METRICS_PLACE]
    assert office.heard.warnings[0].startswith(
        f"git ignores {', '.join(named if store == 'dvc' else [MODEL_PLACE, *named])}; the commit"
    )
    pointer = committed(plan)[METRICS_PLACE]
    assert pointer.startswith(b"version https://git-lfs.github.com/spec/v1\noid sha256:")
    assert [file.path for file in plan.further.stored] == [METRICS_PLACE]


def test_a_model_that_dvc_keeps_leaves_git_and_its_lock_file_comes(office: Office) -> None:
    run = office.trained(0.9)
    (office.directory.parent / "dvc.lock").write_bytes(b"stages: {}")
    office.pipelines = PipelineFiles(
        root=office.directory.parent,
        environ={},
        kept=frozenset({MODEL_PLACE, METRICS_PLACE}),
        before={"dvc.lock": None},
    )
    office.store = Divided(KeptOutputs(), office.store, office.pipelines.keeps)
    office.based({MODEL_PLACE: b"of before", METRICS_PLACE: b"accuracy: 0.8"})
    plan = office.planned(run)
    assert plan.removes == (MODEL_PLACE, f"{MODEL_PLACE}.dvc", METRICS_PLACE, f"{METRICS_PLACE}.dvc")
    assert committed(plan)["dvc.lock"] == b"stages: {}"
    assert set(committed(plan)) == {f"{MODEL_PLACE}.json", "dvc.lock"}
    assert set(plan.there) == {MODEL_PLACE, METRICS_PLACE}
    assert plan.changed
    assert office.heard.warnings == []


def test_metrics_that_dvc_keeps_and_does_not_give_are_told(office: Office) -> None:
    run = office.trained(0.9)
    office.pipelines = PipelineFiles(root=office.directory.parent, environ={}, kept=frozenset({METRICS_PLACE}))
    office.based(
        {
            "sub/dvc.yaml": b"stages: {train: {cmd: python train.py, metrics: [model/metrics.txt]}}",
            "sub/dvc.lock": b"stages: {train: {outs: [{path: model/metrics.txt, md5: '%s', size: 9}]}}" % (b"0a" * 16),
        }
    )
    assert office.planned(run).champion is None
    [warning] = office.heard.warnings
    assert warning.startswith(f"The base branch's {METRICS_PLACE} cannot be read from DVC: ")


def test_files_that_are_large_for_git_are_told(office: Office) -> None:
    run = office.trained(0.9)
    with (office.directory / METRICS).open("a") as file:
        file.write("#" * FACTS.limits.files.git_advised)
    (office.directory / MODEL).write_bytes(b"0" * (FACTS.limits.files.git_advised + 1))
    write_manifest(office.directory / MODEL, metrics={}, parameters={})
    office.planned(run)
    assert [MODEL_PLACE in office.heard.warnings[0], METRICS_PLACE in office.heard.warnings[1]] == [True, True]
    with (office.directory / METRICS).open("a") as file:
        file.write("#" * FACTS.limits.files.git)
    with pytest.raises(ModelError):
        office.planned(run)


def test_the_profiles_of_the_champions_data_are_read_beside_its_manifest(office: Office) -> None:
    run = office.trained(0.9)
    data = DataFingerprint(path="d.csv", sha256="0" * 64, size=1, profiles={"width": profile(map(float, range(200)))})
    write_manifest(office.directory / MODEL, metrics={"accuracy": 0.9}, parameters={}, data=[data])
    names = (f"{MODEL}.json", f"{MODEL}.profiles.json")
    office.based({f"sub/{name}": (office.directory / name).read_bytes() for name in names})
    champion = office.planned(run).champion
    assert champion is not None
    assert champion.data == (data,)
