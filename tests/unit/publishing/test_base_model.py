"""The model of the base branch: read from its manifest, else from the metrics files; and the verdict against it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from cmlkit.errors import ServiceError
from cmlkit.model.manifest import ModelManifest, ModelPart, RecordedVerdict
from cmlkit.publishing.base_model import (
    PAST_MODELS,
    BaseModel,
    find_base_model,
    is_rescored,
    judge,
    past_models,
    read_parts,
)
from cmlkit.publishing.precedence import Origin
from cmlkit.records.json_text import json_text
from cmlkit.records.training_run import DataFingerprint, Interval, Rescored, Resources, TrainingRun
from cmlkit.report import PastModel
from cmlkit.settings.schema import GateSpec
from cmlkit.stores.pointer import Pointer, lfs_text

MANIFEST, PROFILES, METRICS = "model/m.joblib.json", "model/m.joblib.profiles.json", "model/metrics.txt"
HEAD = "b" * 40
PART = ModelPart(path="weights.bin", sha256="1" * 64, size=3)
DATA = DataFingerprint(path="t.csv", sha256="d" * 64, size=9)


@dataclass
class Past:
    """Files of commits, and the commits that changed the manifest, newest first."""

    files: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    commits: tuple[str, ...] = ()
    failure: ServiceError | None = None
    asked: list[Any] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        self.read.append(path)
        return self.files.get((ref, path))

    def blob_ids(self, commit: str, paths: Iterable[str]) -> Mapping[str, str]:
        return {path: "0" * 40 for path in paths if (commit, path) in self.files}

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        self.asked.append((path, ref, limit))
        if self.failure is not None:
            raise self.failure
        return list(self.commits)[:limit]


def manifest(**changes: Any) -> ModelManifest:
    fields: dict[str, Any] = {
        "sha256": "a" * 64,
        "size": 3,
        "class_path": "",
        "libraries": {},
        "metrics": {"accuracy": 90.0},
        "parameters": {"depth": 5},
        "commit": "",
        "data": (DATA,),
        "created": "2024-05-31T08:00:00Z",
    }
    return ModelManifest(**{**fields, **changes})


def found(
    files: Mapping[str, bytes],
    *,
    metrics_files: tuple[str, ...] = (METRICS,),
    kept: Mapping[str, bytes] | None = None,
    warnings: list[str] | None = None,
) -> BaseModel | None:
    options: dict[str, Any] = {} if kept is None else {"read_kept": kept.get}
    return find_base_model(
        Past({(HEAD, path): content for path, content in files.items()}),
        commit=HEAD,
        there=dict.fromkeys(files, "0" * 40),
        manifest=MANIFEST,
        profiles=PROFILES,
        metrics_files=metrics_files,
        warn=pytest.fail if warnings is None else warnings.append,
        **options,
    )


def test_a_manifest_tells_everything_about_the_champion() -> None:
    verdict = RecordedVerdict(outcome="better", run="7", attempt=2)
    written = manifest(percentages=("accuracy",), files=(PART,), verdict=verdict)
    assert found({MANIFEST: written.to_json().encode(), METRICS: b"accuracy: 0.1\n"}) == BaseModel(
        metrics={"accuracy": 90.0},
        percentages=("accuracy",),
        sha256="a" * 64,
        parameters={"depth": 5},
        data=(DATA,),
        files=(PART,),
        origin=Origin(run="7", attempt=2, trained="2024-05-31T08:00:00Z", is_accepted=True),
    )


@pytest.mark.parametrize("is_there", [True, False])
def test_the_profiles_beside_the_manifest_are_read_if_they_are_there(is_there: bool) -> None:
    profiles = json_text({"t.csv": {"age": "400 1,2"}}).encode()
    text = manifest(profiles=hashlib.sha256(profiles).hexdigest()).to_json().encode()
    champion = found({MANIFEST: text, **({PROFILES: profiles} if is_there else {})})
    assert champion is not None
    assert [item.profiles for item in champion.data or ()] == [{"age": "400 1,2"} if is_there else {}]


@pytest.mark.parametrize(("profiles", "there"), [("", (MANIFEST, PROFILES)), ("f" * 64, (MANIFEST,))])
def test_profiles_that_manifest_or_commit_lacks_are_not_asked_for(profiles: str, there: tuple[str, ...]) -> None:
    forge = Past({(HEAD, MANIFEST): manifest(profiles=profiles).to_json().encode()})
    find_base_model(
        forge, commit=HEAD, there=dict.fromkeys(there, "0" * 40), manifest=MANIFEST, profiles=PROFILES,
        metrics_files=(), warn=pytest.fail,
    )  # fmt: skip
    assert forge.read == [MANIFEST]


def test_a_manifest_that_cannot_be_read_is_named_and_the_metrics_files_are_read() -> None:
    warnings: list[str] = []
    champion = found({MANIFEST: b"{", METRICS: b"accuracy: 93 %\nloss: 0.5\n"}, warnings=warnings)
    assert champion == BaseModel(metrics={"accuracy": 93.0, "loss": 0.5}, percentages=("accuracy",))
    [warning] = warnings
    assert f"{MANIFEST} on the base branch" in warning
    assert warning.endswith(" The metrics files are read instead.")


def test_metrics_files_of_several_folders_are_one_set_of_metrics() -> None:
    files = {
        "a/metrics.json": b'{"accuracy": 0.9}',
        "b/c/metrics.json": b'{"loss": 0.5}',
        "d/more.json": b'{"f1": 1.0}',
    }
    champion = found(files, metrics_files=("a/metrics.json", "b/c/metrics.json", "b/absent.json"))
    assert champion is not None
    assert champion.metrics == {"accuracy": 0.9, "loss": 0.5}


def test_a_metrics_file_that_another_tool_keeps_is_asked_for_if_the_commit_lacks_it() -> None:
    kept = {METRICS: b"accuracy: 0.8\n", "other.txt": b"loss: 0.5\n"}
    files = ("other.txt", METRICS)
    champion = found({"other.txt": b"loss: 0.25\n"}, metrics_files=files, kept=kept)
    assert champion is not None
    assert champion.metrics == {"loss": 0.25, "accuracy": 0.8}


POINTER = lfs_text(Pointer(store="lfs", sha256="a" * 64, size=12))


@pytest.mark.parametrize("files", [{}, {METRICS: POINTER}, {PROFILES: b"{}"}], ids=["nothing", "a pointer", "others"])
def test_without_a_manifest_and_metrics_there_is_no_champion(files: Mapping[str, bytes]) -> None:
    assert found(files) is None


def test_metrics_that_cannot_be_read_are_named_and_are_no_champion() -> None:
    warnings: list[str] = []
    assert found({"metrics.json": b"{"}, metrics_files=("metrics.json",), warnings=warnings) is None
    [warning] = warnings
    assert "there is no champion: " in warning
    assert "metrics.json" in warning


def test_the_parts_of_a_folder_are_read_from_its_manifest() -> None:
    assert read_parts(manifest(files=(PART,)).to_json().encode()) == (PART,)
    assert read_parts(manifest().to_json().encode()) == read_parts(b"{") == ()


def run_of(metrics: Mapping[str, float], **changes: Any) -> TrainingRun:
    run = TrainingRun(
        mode="command", command="python train.py", metrics=metrics, metrics_files=(METRICS,), model="m",
        resources=Resources(wall_seconds=1.0, cpu_seconds=1.0, peak_memory_bytes=1), started=0.0,
    )  # fmt: skip
    return dataclasses.replace(run, **changes)


CHAMPION = BaseModel(metrics={"Accuracy": 0.95, "loss": 0.5}, sha256="s")
INTERVAL = Interval(low=0.01, high=0.1, level=0.95, samples=400)
RESCORED = Rescored(champion="s", metrics={"accuracy": 0.85}, intervals={"accuracy": INTERVAL})


@pytest.mark.parametrize(
    ("champion", "rescored", "outcome", "champions"),
    [
        (None, None, "first", {"accuracy": None, "loss": None}),
        (None, RESCORED, "first", {"accuracy": None, "loss": None}),
        (CHAMPION, None, "rejected", {"accuracy": 0.95, "loss": 0.5}),
        (CHAMPION, RESCORED, "better", {"accuracy": 0.85, "loss": 0.5}),
        (CHAMPION, dataclasses.replace(RESCORED, champion="t"), "rejected", {"accuracy": 0.95, "loss": 0.5}),
    ],
    ids=["no champion", "rescored, but gone", "its own values", "its values of today", "another model was rescored"],
)
def test_a_champion_that_was_rescored_is_judged_by_its_values_of_today(
    champion: BaseModel | None, rescored: Rescored | None, outcome: str, champions: Mapping[str, float | None]
) -> None:
    run = run_of({"accuracy": 0.9, "loss": 0.5}, rescored=rescored)
    verdict = judge(GateSpec.of_rules(("accuracy >= champion",)), run, champion)
    assert verdict.outcome == outcome
    assert {item.name: item.champion for item in verdict.deltas} == champions
    assert dict(verdict.intervals) == ({"accuracy": INTERVAL} if outcome == "better" else {})
    assert (champion is not None and is_rescored(run, champion)) is (outcome == "better")


@pytest.mark.parametrize("rescored", [None, Rescored(champion="s", metrics={})])
@pytest.mark.parametrize(
    ("ours", "theirs", "is_comparable"),
    [((), (), True), (("accuracy",), ("accuracy",), True), (("accuracy",), (), False)],
)
def test_a_percentage_is_compared_only_with_a_percentage(
    ours: tuple[str, ...], theirs: tuple[str, ...], is_comparable: bool, rescored: Rescored | None
) -> None:
    champion = BaseModel(metrics={"accuracy": 80.0}, percentages=theirs, sha256="s")
    run = run_of({"accuracy": 90.0}, percentages=ours, rescored=rescored)
    verdict = judge(GateSpec.of_rules(("accuracy >= champion",)), run, champion)
    assert verdict.accepted is is_comparable
    assert [item.delta for item in verdict.deltas] == [10.0 if is_comparable else None]


def test_a_rule_on_a_metric_that_was_left_out_says_why() -> None:
    run = run_of({"loss": 0.5}, left_out={"accuracy": "it is infinite"})
    for champion in (None, CHAMPION):
        verdict = judge(GateSpec.of_rules(("accuracy >= 0.5",)), run, champion)
        assert not verdict.accepted
        assert "it is infinite" in repr(verdict)


def test_the_history_is_that_of_the_manifest_oldest_first_without_what_cannot_be_read() -> None:
    commits = ("c4", "c3", "c2", "c1")
    days = {"c4": "2024-05-31T08:00:00Z", "c1": "2024-05-28T08:00:00Z"}
    written = {
        (commit, MANIFEST): manifest(created=day, metrics={"accuracy": float(commit[1])}).to_json().encode()
        for commit, day in days.items()
    }
    forge = Past({**written, ("c3", MANIFEST): b"{"}, commits)
    assert past_models(forge, manifest=MANIFEST, commit=HEAD, warn=pytest.fail) == (
        PastModel(day="2024-05-28", metrics={"accuracy": 1.0}),
        PastModel(day="2024-05-31", metrics={"accuracy": 4.0}),
    )
    assert past_models(forge, manifest=MANIFEST, commit=HEAD, warn=pytest.fail, limit=1)[0].day == "2024-05-31"
    assert forge.asked == [(MANIFEST, HEAD, PAST_MODELS), (MANIFEST, HEAD, 1)]


def test_a_history_that_the_forge_does_not_show_is_left_out_with_a_warning() -> None:
    warnings: list[str] = []
    forge = Past(failure=ServiceError("GitHub failed: 503."))
    assert past_models(forge, manifest=MANIFEST, commit=HEAD, warn=warnings.append) == ()
    assert warnings == ["The report has no history of the metrics: GitHub failed: 503."]
