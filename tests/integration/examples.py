"""The examples, trained and published as a job of theirs does it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from cmlkit.model.manifest import ModelManifest, read_manifest
from cmlkit.publishing.publication import Publication
from cmlkit.settings import schema
from cmlkit.training.train import train
from tests.documented import ROOT
from tests.integration.project import Project

EXAMPLES = ROOT / "examples"


def published(there: Project, name: str) -> tuple[Publication, ModelManifest]:
    """The publication of an example's training with the libraries of this Python, and the model's manifest."""
    shutil.copytree(EXAMPLES / name, there.directory, dirs_exist_ok=True)
    settings = schema.load(environ={}, file=there.directory / "cmlkit.yaml")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Whether the lists can be installed is told by whoever installed these libraries: it takes minutes.
    spec = replace(settings.train, setup="")
    run = train(spec, directory=there.directory, environ={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"})
    publication = there.publish(run, rules=settings.gate.rules)
    return publication, read_manifest(there.directory / settings.train.model)
