"""Records that somebody has changed: each field of each, by null, other types, and its absence."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cmlkit.errors import CmlkitError
from cmlkit.model.manifest import ModelManifest, ModelPart, RecordedVerdict
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.publishing.spending import SpendingNote, notes_in
from cmlkit.records.training_run import (
    DataFingerprint,
    InstanceFacts,
    Interval,
    PlotTable,
    Rescored,
    Resources,
    TrainingRun,
)
from cmlkit.training.checkpoints.saved import Saved, SavedFile

HASH = "a" * 64
DATA = DataFingerprint(path="data/a.csv", sha256=HASH, size=4, rows=2, columns=1, profiles={"x": "n 2"})
RUN = TrainingRun(
    mode="command",
    command="python train.py",
    metrics={"accuracy": 0.9},
    model="model/m.joblib",
    metrics_files=("metrics.json",),
    plots=("plot.png",),
    parameters={"depth": 5},
    libraries={"python": "3.12"},
    data=(DATA,),
    resources=Resources(wall_seconds=2.0, cpu_seconds=1.0, peak_memory_bytes=1024),
    started=1_700_000_000.0,
    instance=InstanceFacts(instance_id="i-1", instance_type="t3", market="spot", region="eu-west-1", price=0.01),
    rescored=Rescored(
        champion=HASH, metrics={"accuracy": 0.8}, intervals={"accuracy": Interval(low=0.0, high=0.2, samples=50)}
    ),
    plot_tables={"plot.csv": PlotTable(header=("x",), rows=(("1",),))},
    model_notes=("A note.",),
    columns={"x": "number"},
    percentages=("accuracy",),
    left_out={"loss": "is NaN"},
    search=PlotTable(header=("depth",), rows=(("5",),)),
    uncommitted=("train.py",),
)
MANIFEST = ModelManifest(
    sha256=HASH,
    size=9,
    libraries={"python": "3.12"},
    metrics={"accuracy": 0.9},
    parameters={"depth": 5},
    data=(DATA,),
    files=(ModelPart(path="a.bin", sha256=HASH, size=9),),
    notes=("A note.",),
    columns={"x": "number"},
    percentages=("accuracy",),
    verdict=RecordedVerdict(outcome="better", failed=("accuracy > 1",)),
)
SAVED = Saved(key="k", attempt=1, owner="r", saved=1.0, files=(SavedFile(path="a", sha256=HASH, size=1, modified=1.0),))
MARKER = Marker(kind="report", subject="model/m.joblib", run="7", attempt=2)
NOTE = SpendingNote(run="7", attempt=1, usd=0.5, at=1_700_000_000.0)
VALUES: tuple[Any, ...] = (None, "", [], {}, 0, "x", -1.5, True, [None], {"x": None}, math.inf, "\ud800", [[[]]])


def places(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    listed = enumerate(document) if isinstance(document, list) else ()
    for key, value in document.items() if isinstance(document, dict) else listed:
        yield from places(value, (*place, key))


def changed(text: str) -> Iterator[tuple[str, str]]:
    """Yield each change of a JSON document, with its name."""
    document = json.loads(text)
    for place in places(document):
        for value in VALUES:
            other = {"": copy.deepcopy(document)}
            inside: Any = other
            for key in ("", *place[:-1]) if place else ():
                inside = inside[key]
            inside[place[-1] if place else ""] = value
            yield f"{place} = {value!r}", json.dumps(other[""])
    for size in range(0, len(text), 7):
        yield f"cut at {size}", text[:size]


def of_run(text: str) -> str:
    return TrainingRun.from_json(text).to_json()


def of_manifest(text: str) -> str:
    return ModelManifest.from_json(text, source="m.json").to_json()


def of_saved(text: str) -> str:
    try:
        return Saved.from_json(text.encode()).to_json()
    except ValueError:
        return ""


def of_marker(text: str) -> str:
    found = marker_in(f"<!-- cmlkit: {text} -->")
    return "" if found is None else f"{found} {found.is_older_than(MARKER)} {MARKER.is_older_than(found)}"


def of_note(text: str) -> str:
    found = notes_in(f"<!-- cmlkit-cost: {text} -->")
    return " ".join(f"{note} {note.usd + 1.0} {note.at - 1.0} {hash(note.identity)}" for note in found)


@pytest.mark.parametrize(
    ("text", "use"),
    [
        (RUN.to_json(), of_run),
        (MANIFEST.to_json(), of_manifest),
        (SAVED.to_json(), of_saved),
        (str(MARKER).removeprefix("<!-- cmlkit: ").removesuffix(" -->"), of_marker),
        (str(NOTE).removeprefix("<!-- cmlkit-cost: ").removesuffix(" -->"), of_note),
    ],
    ids=["run", "manifest", "saved", "marker", "note"],
)
def test_a_record_with_any_field_changed_is_read_or_refused(text: str, use: Callable[[str], str]) -> None:
    assert use(text)
    for name, other in changed(text):
        try:
            use(other)
        except CmlkitError as error:
            assert error.exit_code == 2, name
        except Exception as error:
            raise AssertionError(f"{name}: {error!r}") from error


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("sha256",), None, "sha256 is not text"),
        (("size",), "9", "size is not a whole number"),
        (("size",), True, "size is not a whole number"),
        (("data", 0, "rows"), "2", r"data\[0\].rows is not a whole number"),
        (("libraries", "python"), 3, "libraries.python is not text"),
        (("files", 0, "size"), [], "not a model manifest"),
    ],
)
def test_the_field_that_is_wrong_is_named(place: tuple[Any, ...], value: object, says: str) -> None:
    record = json.loads(MANIFEST.to_json())
    inside = record
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    with pytest.raises(CmlkitError, match=says):
        ModelManifest.from_json(json.dumps(record), source="m.json")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_a_record_in_another_unicode_encoding_is_read_as_json_is(encoding: str) -> None:
    # https://www.rfc-editor.org/rfc/rfc4627#section-3 has how each is recognized.
    assert TrainingRun.from_json(RUN.to_json().encode(encoding)).model == RUN.model


def test_a_record_in_latin_1_is_refused() -> None:
    with pytest.raises(CmlkitError, match="not a record of a training run"):
        TrainingRun.from_json(
            RUN.to_json().replace("train.py", "tr\u00e9n").encode("latin-1").replace(b"\\u00e9", b"\xe9")
        )
