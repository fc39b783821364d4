"""Whether a training is due: what has changed in the checkout since a model was trained, as its manifest describes it.

Nothing is guessed: what cannot be told is due, with the reason.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from cmlkit import pipeline
from cmlkit.bounds.files import read_project_file, read_small
from cmlkit.data.drift import drifts
from cmlkit.data.fingerprint import fingerprints
from cmlkit.git import history
from cmlkit.git.changes import is_tracked
from cmlkit.model.manifest import ModelManifest, published_beside
from cmlkit.records.json_text import json_text
from cmlkit.records.redaction import redacted
from cmlkit.records.training_run import DataFingerprint
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.sinks.secrets import HIDDEN
from cmlkit.stores.attributes import ATTRIBUTES, are_alike_but_for_entries
from cmlkit.stores.pointer import LIMIT_BYTES, dvc_path, read_pointer

NAMES_SHOWN = 3
ASKED_FOR = {
    "workflow_dispatch": "The workflow was started by hand.",
    "repository_dispatch": "The workflow was started through the API.",
}
_PARAMETERS = re.compile(r"(?:.*/)?(?:params|parameters|hyperparameters)\.(?:ya?ml|json|toml|py)")
_ENVIRONMENT = re.compile(
    r"(?:.*/)?(?:[\w.-]*requirements[\w.-]*\.(?:txt|in)|constraints[\w.-]*\.txt|[\w.-]*\.lock|pyproject\.toml"
    r"|setup\.(?:py|cfg)|environment[\w.-]*\.ya?ml|conda-lock[\w.-]*|Pipfile|Dockerfile[\w.-]*|\.python-version"
    r"|runtime\.txt|renv\.lock)"
)
# Reads outside of the repository: only the tool itself knows whether that has changed.
_FETCHES = re.compile(r"\bdvc\s+update\b")

ReadText = Callable[[str], bytes | None]
ListRemote = Callable[[str], DataFingerprint]
"""Returns the fingerprint of data at an address, from a listing alone."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """Whether a training is due, and why, in a sentence."""

    due: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model that a training made: its manifest, and its name for people, such as `the champion`."""

    name: str
    manifest: ModelManifest


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """The checkout, and how its data outside of git is looked at.

    Attributes:
        directory: The working directory; `prefix` is its path in the repository.
        outputs: Further files that a publication commits, as paths or patterns.
        list_remote: Looks at data at an address.
        changed_elsewhere: Returns the data at other places that a DVC pipeline reads, if it has changed.
    """

    directory: Path
    prefix: PurePosixPath
    list_remote: ListRemote
    changed_elsewhere: Callable[[], Sequence[str]]
    outputs: Sequence[str] = ()
    _found: dict[str, DataFingerprint | None] = field(default_factory=dict, repr=False)

    def read(self, path: str) -> bytes | None:
        """Return a file below the working directory; None if it is missing."""
        return read_project_file(self.directory / path)

    def fingerprint(self, path: str) -> DataFingerprint | None:
        """Return the fingerprint of data, which is looked at once; None if it is missing."""
        if path not in self._found:
            if "://" in path:
                self._found[path] = self.list_remote(path)
            else:
                self._found[path] = next(iter(fingerprints([path], self.directory, missing=lambda _: None)), None)
        return self._found[path]


def asked_for(spec: TrainSpec, run: WorkflowRun) -> Due | None:
    """Return why a training is due whatever has changed; None if that decides."""
    if spec.due == "always":
        return Due(due=True, reason="The setting train.due is always.")
    if run.attempt > 1:
        return Due(due=True, reason=f"This is attempt {run.attempt} of the run.")
    if run.event in ASKED_FOR:
        return Due(due=True, reason=ASKED_FOR[run.event])
    return None


def judge_due(spec: TrainSpec, models: Sequence[Trained], place: Checkout, *, now: float) -> Due:
    """Return whether a training would differ from those that made the models: the champion, then candidates.

    Args:
        spec: The settings; `spec.model` is the model's path, relative to the working directory.
        models: A candidate that nothing has changed since is as good as a champion: training again would make it again.
        now: Seconds since the epoch.

    Raises:
        GitError: git is missing, refuses or fails.
        SettingsError, ServiceError, PermissionDenied: Data cannot be read.
    """
    if not models:
        return Due(due=True, reason="The base branch has no model yet.")
    reasons = []
    for model in models:
        reason = next(_reasons(spec, model, place, now=now), "")
        if not reason:
            return Due(due=False, reason=f"Nothing has changed since {model.name} was trained.")
        reasons.append(reason)
    return Due(due=True, reason=reasons[0])


def _reasons(spec: TrainSpec, model: Trained, place: Checkout, *, now: float) -> Iterator[str]:
    """Yield why a training is due, the cheapest to find out first."""
    yield from _age(spec, model, now=now)
    yield from _parameters(spec, model.manifest)
    yield from _files(spec, model, place)
    yield from _data(spec, model, place)


def _age(spec: TrainSpec, model: Trained, *, now: float) -> Iterator[str]:
    if not spec.max_age:
        return
    try:
        created = datetime.datetime.fromisoformat(model.manifest.created)
    except ValueError:
        yield f"The manifest of {model.name} does not say when it was trained."
        return
    created = created if created.tzinfo else created.replace(tzinfo=datetime.UTC)
    if now - created.timestamp() > spec.max_age:
        yield f"The age of {model.name}, trained on {created:%Y-%m-%d}, is above train.max-age."


def _parameters(spec: TrainSpec, manifest: ModelManifest) -> Iterator[str]:
    if not (spec.params or spec.estimator):
        return  # those of a command are in files
    # What a search finds is no setting.
    found = set(manifest.parameters) - set(spec.params) if spec.search else set()
    now = _shown(redacted(spec.params))
    before = _shown({k: v for k, v in redacted(manifest.parameters).items() if k not in found})
    names = (name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    # Whether a hidden secret changed cannot be told, and it need not be in the environment of both.
    if changed := sorted(name for name in names if not (name in now and HIDDEN in before.get(name, ""))):
        yield f"Parameters changed: {_listing(changed)}."


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json_text(value) for name, value in values.items()}


def _files(spec: TrainSpec, model: Trained, place: Checkout) -> Iterator[str]:
    """Yield why the tracked files say that a training is due: any but those that a training writes."""
    commit = model.manifest.commit
    if not commit:
        yield f"The manifest of {model.name} names no commit, so it cannot be told what changed since."
    elif history.resolve(place.directory, commit) is None:
        yield (
            f"The clone lacks the commit {commit[:12]} that {model.name} was trained from, so it cannot be told what"
            " changed since. Check out with fetch-depth: 0."
        )
    else:
        written = _written(spec, place)
        changed = [path for path in history.changed_paths(place.directory, commit) if not written(path)]
        if ATTRIBUTES in changed and _gained_only_the_model(spec, commit, place):
            changed.remove(ATTRIBUTES)
        if changed:
            yield f"{_kind(changed, spec, place)} changed: {_listing(changed)}."


def _gained_only_the_model(spec: TrainSpec, commit: str, place: Checkout) -> bool:
    """Return whether all that changed in the repository's attributes is the model's entry for Git LFS."""
    found = history.files_at(place.directory, ATTRIBUTES, [commit, "HEAD"])
    before, after = (found[name].content if name in found else b"" for name in (commit, "HEAD"))
    return are_alike_but_for_entries(str(place.prefix / spec.model), before, after)


def _kind(changed: Sequence[str], spec: TrainSpec, place: Checkout) -> str:
    data = [str(place.prefix / path).rstrip("/") for path in spec.data if "://" not in path]
    kinds: Mapping[str, Callable[[str], bool]] = {
        "Parameters": lambda path: bool(_PARAMETERS.fullmatch(path)),
        "Environment": lambda path: bool(_ENVIRONMENT.fullmatch(path)),
        "Data": lambda path: path.endswith(".dvc") or any(path == top or path.startswith(f"{top}/") for top in data),
    }
    found = {next((kind for kind, fits in kinds.items() if fits(path)), "Code") for path in changed}
    return found.pop() if len(found) == 1 else "Files"


def _written(spec: TrainSpec, place: Checkout) -> Callable[[str], bool]:
    """Return whether a repository path is one that a training and its publication write."""
    model = spec.model
    own = [
        model,
        *published_beside(model),
        dvc_path(model),
        *spec.metrics,
        *spec.plots,
        *place.outputs,
    ]
    own += [str(PurePosixPath(path).with_name(".gitignore")) for path in (model, *spec.plots)]
    own.append(str(PurePosixPath(model).with_name(ATTRIBUTES)))
    outputs = pipeline.outputs(place.read)
    if outputs:
        own += [pipeline.LOCK_FILE, *(output.path for output in outputs)]
    paths = [str(place.prefix / path).rstrip("/") for path in own if path]

    def is_written(path: str) -> bool:
        return any(path == own or path.startswith(f"{own}/") or fnmatchcase(path, own) for own in paths)

    return is_written


def _data(spec: TrainSpec, model: Trained, place: Checkout) -> Iterator[str]:
    if _FETCHES.search(f"{spec.setup}\n{spec.run}"):
        yield "The training runs dvc update, so it cannot be told whether its data changed."
    paths = dict.fromkeys((*spec.data, *pipeline.dependencies(place.read)))
    if not paths and not pipeline.outputs(place.read):
        yield "train.data names no data, so it cannot be told whether the data changed."
    before = {item.path.rstrip("/"): item for item in model.manifest.data}
    for path in paths:
        yield from _one(path, before.get(path.rstrip("/")), spec, model, place)
    if changed := place.changed_elsewhere():
        yield f"Data changed: {_listing(changed)}."


def _one(path: str, before: DataFingerprint | None, spec: TrainSpec, model: Trained, place: Checkout) -> Iterator[str]:
    if "://" not in path and _is_versioned(path, spec, place):
        return  # git has its hash, in a file that is compared already
    if before is None:
        yield f"The manifest of {model.name} has no fingerprint of {path}, so it cannot be told whether it changed."
        return
    now = place.fingerprint(path)
    if now is None:
        yield f"{path} is not in the checkout, so it cannot be told whether it changed."
    elif now.sha256 == before.sha256:
        return
    elif "://" not in path and _has_pointers(place.directory / path):
        yield f"{path} has files of Git LFS that are not checked out, so it cannot be told whether it changed."
    elif spec.drift:
        yield from _drift(path, before, now, spec)
    else:
        yield f"Data changed: {path}."


def _drift(path: str, before: DataFingerprint, now: DataFingerprint, spec: TrainSpec) -> Iterator[str]:
    columns = drifts([before], [now])
    if not columns:
        yield f"Data changed: {path}, which has no columns whose drift could be told."
    elif moved := [column for column in columns if column.stability >= max(spec.drift, column.chance)]:
        yield f"Data drifted: {moved[0].name} by {moved[0].stability:.3g}, from {spec.drift:g} on a training is due."


def _is_versioned(path: str, spec: TrainSpec, place: Checkout) -> bool:
    """Return whether a file in git stands for the data, or has its hash: one of DVC, or the data that a stage reads.

    Dependencies of a pipeline that are declared as data as well are compared by their fingerprints.
    """
    target, directory = PurePosixPath(path), place.directory
    if pipeline.owner(path, place.read):
        return True
    around = (target, *(parent for parent in target.parents if str(parent) != "."))
    if any((directory / dvc_path(str(item))).is_file() for item in around):
        return True
    if (directory / path).is_dir() and any((directory / path).rglob("*.dvc")):
        return True
    declared = {item.rstrip("/") for item in spec.data}
    return path.rstrip("/") not in declared and is_tracked(directory, path)


def _has_pointers(path: Path) -> bool:
    files: Iterable[Path] = path.rglob("*") if path.is_dir() else [path]
    return any(read_pointer(read_small(file, LIMIT_BYTES) or b"") for file in files)


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
