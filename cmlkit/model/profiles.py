"""The profiles of a model's data: a file beside the manifest, which names its hash and so stays a page long."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cmlkit.records.json_text import json_text, read_json
from cmlkit.records.training_run import DataFingerprint

if TYPE_CHECKING:
    from cmlkit.model.manifest import ModelManifest


def profiles_path(model: str | os.PathLike[str]) -> str:
    """Return the path of a model's profiles: beside the file or the folder, with `.profiles.json` added."""
    return f"{os.fspath(model).rstrip('/')}.profiles.json"


def profiles_text(data: Iterable[DataFingerprint]) -> bytes:
    """Return the content of the file: for each path of the data, column -> profile; empty if there are no profiles."""
    found = {item.path: dict(item.profiles) for item in data if item.profiles}
    return (json_text(found, indent=1) + "\n").encode() if found else b""


def with_profiles(manifest: ModelManifest, content: bytes | None) -> ModelManifest:
    """Return the manifest with the profiles of its data, if `content` is the file that it names."""
    if not manifest.profiles or content is None or hashlib.sha256(content).hexdigest() != manifest.profiles:
        return manifest
    try:
        found = {
            path: {str(name): str(line) for name, line in lines.items()} for path, lines in read_json(content).items()
        }
    except (ValueError, TypeError, AttributeError):
        return manifest
    data = tuple(dataclasses.replace(item, profiles=found.get(item.path, {})) for item in manifest.data)
    return dataclasses.replace(manifest, data=data)
