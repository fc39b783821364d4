"""Pipelines of DVC, as `dvc.yaml` and `dvc.lock` describe them; read without DVC.

The lock file names outputs of templates in full, and has their hashes; only `dvc.yaml` says which of them DVC keeps.
https://doc.dvc.org/user-guide/project-structure/dvcyaml-files
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from cmlkit.bounds.yaml_text import yaml_value
from cmlkit.sinks import yaml_text

PIPELINE_FILE, LOCK_FILE = "dvc.yaml", "dvc.lock"
COMMAND = re.compile(r"\bdvc\s+(?:repro|exp\s+run)\b")
_TEMPLATE = re.compile(r"\$\{[^}]*\}")
_KINDS = ("outs", "metrics", "plots")

ReadText = Callable[[str], bytes | None]
"""Returns a file by its path; None if it is missing."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """One output of a pipeline.

    Attributes:
        path: Path of the file or folder, relative to where its files were read from; `folder` is that of `dvc.yaml`.
        kind: `outs`, `metrics` or `plots`, as `dvc.yaml` lists it.
        is_kept: Whether DVC keeps the bytes, so that git must not.
        is_pushed: Whether `dvc push` sends the bytes to a remote; `remote` is its name if it is not the default one.
        md5: Hash in `dvc.lock`, with `.dir` at its end for a folder; empty before the first run. `size` is in bytes.
        entry: Its entry in `dvc.lock`.
    """

    path: str
    folder: str
    stage: str
    kind: str
    is_kept: bool
    md5: str = ""
    size: int = 0
    is_pushed: bool = True
    remote: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, according to `dvc.lock`."""
        return self.md5.endswith(".dir")

    @property
    def lock(self) -> str:
        """The path of its `dvc.lock`."""
        return posixpath.join(self.folder, LOCK_FILE)

    def has(self, path: str) -> bool:
        """Return whether it is the file at a path, or the folder around it."""
        return path == self.path or path.startswith(f"{self.path}/")


def owner(path: str, read: ReadText) -> Output | None:
    """Return the output that a path is, or is in; None if no pipeline in a folder around it writes it."""
    place = posixpath.normpath(path)
    for folder in PurePosixPath(place).parents:
        for output in outputs(read, "" if str(folder) == "." else str(folder)):
            if output.has(place):
                return output
    return None


def in_kept_folder(path: str, read: ReadText) -> Output | None:
    """Return the folder around a path whose files only DVC keeps, so that no other tool may write there."""
    found = owner(path, read)
    return found if found is not None and found.is_kept and found.path != posixpath.normpath(path) else None


def outputs(read: ReadText, folder: str = "") -> tuple[Output, ...]:
    """Return the outputs of the pipeline in a folder; empty without one, or if its files are no pipeline."""
    declared = _stages(read(posixpath.join(folder, PIPELINE_FILE)))
    locked = _stages(read(posixpath.join(folder, LOCK_FILE)))
    found: dict[str, Output] = {}
    for name, stage in declared.items():
        for kind, path, options in _declared(stage):
            if not _TEMPLATE.search(path):
                place = _place(folder, stage, path)
                found[place] = Output(path=place, folder=folder, stage=name, kind=kind, **_facts(options))
    for name, stage in locked.items():
        own = declared.get(name.partition("@")[0]) or {}
        for item in stage.get("outs") or ():
            path = str(item.get("path", "")) if isinstance(item, dict) else ""
            if not path or not own:
                continue
            kind, options = _declaration(own, path)
            found[place] = Output(
                path=(place := _place(folder, own, path)),
                folder=folder,
                stage=name,
                kind=kind,
                md5=str(item.get("md5", "")),
                size=int(item.get("size") or 0),
                entry=item,
                **_facts(options),
            )
    return tuple(found.values())


def as_dvc_file(output: Output) -> bytes:
    """Return the `.dvc` file that stands for an output as its `dvc.lock` describes it."""
    entry = {**output.entry, "path": PurePosixPath(output.path).name}
    if output.remote:
        entry["remote"] = output.remote
    return yaml_text.document({"outs": [entry]}).encode()


def merged_lock(base: bytes | None, *, before: bytes | None, after: bytes) -> bytes:
    """Return a base's `dvc.lock` with the stages that a run changed; other stages stay as the base has them.

    Args:
        before: The file before the run; `after` is the one after it.
    """
    if base is None or base in (before, after):
        return after
    ours, theirs, then = (_stages(content) for content in (after, base, before))
    if not theirs:
        return after  # nothing there to keep, or a file that a merge by hand has broken
    changed = {name: stage for name, stage in ours.items() if then.get(name) != stage}
    gone = {name for name in then if name not in ours}
    stages = {name: stage for name, stage in {**theirs, **changed}.items() if name not in gone}
    if stages == theirs:
        return base
    document = {**yaml_value(after), "stages": stages}
    return yaml_text.document(document).encode()


def dependencies(read: ReadText, folder: str = "") -> tuple[str, ...]:
    """Return the files and folders that the pipeline reads and does not write itself."""
    written = outputs(read, folder)
    found: dict[str, None] = {}
    for stage in _stages(read(posixpath.join(folder, PIPELINE_FILE))).values():
        for path, _ in _entries(stage.get("deps")):
            place = _place(folder, stage, path)
            if "://" not in path and not _TEMPLATE.search(path) and not any(item.has(place) for item in written):
                found[place] = None
    return tuple(found)


def reads_elsewhere(read: ReadText, folder: str = "") -> bool:
    """Return whether a stage reads an address outside of the project, such as an object in a bucket."""
    return bool(addresses(read, folder))


def addresses(read: ReadText, folder: str = "") -> tuple[str, ...]:
    """Return the addresses outside of the project that stages read, such as `s3://bucket/data.csv`."""
    stages = _stages(read(posixpath.join(folder, PIPELINE_FILE))).values()
    paths = (path for stage in stages for path, _ in _entries(stage.get("deps")))
    return tuple(dict.fromkeys(path for path in paths if "://" in path and not _TEMPLATE.search(path)))


def shown(read: ReadText, kind: str, folder: str = "") -> tuple[str, ...]:
    """Return the files that `dvc.yaml` lists at its top as `metrics` or `plots`, whichever stage or script writes them.

    https://doc.dvc.org/user-guide/project-structure/dvcyaml-files#metrics-and-plots
    """
    try:
        document = yaml_value(read(posixpath.join(folder, PIPELINE_FILE)) or b"")
    except yaml.YAMLError:
        return ()
    listed = document.get(kind) if isinstance(document, dict) else None
    # A plot may also be a name with the files that it is made from, which are none that can be shown.
    return tuple(_place(folder, {}, path) for path, _ in _entries(listed) if not _TEMPLATE.search(path))


def _stages(content: bytes | None) -> dict[str, Mapping[str, Any]]:
    """Return stage -> its description; those with `foreach` or `matrix` describe the stages made from them."""
    try:
        document = yaml_value(content or b"")
    except yaml.YAMLError:
        return {}
    stages = document.get("stages") if isinstance(document, dict) else None
    if not isinstance(stages, dict):
        return {}
    named = {str(name): stage for name, stage in stages.items() if isinstance(stage, dict)}
    return {name: stage["do"] if isinstance(stage.get("do"), dict) else stage for name, stage in named.items()}


def _declared(stage: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for kind in _KINDS:
        for path, options in _entries(stage.get(kind)):
            yield kind, path, options


def _entries(listed: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and options of each entry: a path alone, or one with options below it."""
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, str):
            yield entry, {}
        elif isinstance(entry, dict):
            for path, options in entry.items():
                yield str(path), options if isinstance(options, dict) else {}


def _facts(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an output's options say about its bytes."""
    return {
        "is_kept": options.get("cache") is not False,
        "is_pushed": options.get("push") is not False,
        "remote": str(options.get("remote") or ""),
    }


def _declaration(stage: Mapping[str, Any], path: str) -> tuple[str, Mapping[str, Any]]:
    """Return kind and options of an output in the lock file, whose path may have been a template."""
    for kind, template, options in _declared(stage):
        literal = [re.escape(part) for part in _TEMPLATE.split(template)]
        if re.fullmatch(".*".join(literal), path) or posixpath.normpath(template) == posixpath.normpath(path):
            return kind, options
    return "outs", {}


def _place(folder: str, stage: Mapping[str, Any], path: str) -> str:
    """Return the path of a stage's file: stages may work in a folder of their own."""
    return posixpath.normpath(posixpath.join(folder, str(stage.get("wdir") or ""), path))
