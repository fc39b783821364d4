"""The versions of a model from Python: list them, compare two, put one into production, and fetch it.

It needs a clone whose branch `main` has a model, and the variables that `retrain.py` needs:

    python examples/python-api/versions.py CLONE
"""

import os
import sys
from pathlib import Path

import cmlkit

clone = Path(sys.argv[1])
model = "model/random_forest.joblib"

versions = cmlkit.list_versions(clone, model=model, base="main")
for version in versions.versions:
    print(version.stage, version.manifest.metrics)

comparison = cmlkit.diff_models(clone, model=model, before="champion", after="HEAD")
print(comparison.markdown())

this_run = cmlkit.workflow_run(os.environ, directory=clone)
github = cmlkit.GitHub(
    repository=this_run.repository,
    token=os.environ["CMLKIT_TOKEN"],
    api_url=os.environ.get("GITHUB_API_URL", "https://api.github.com"),
)

promotion = cmlkit.promote(forge=github, model=model)
print(promotion.tag)

pulled = cmlkit.pull_model(clone, model=model, at="champion", output=clone / "build" / "model.joblib")
print(pulled.path)
