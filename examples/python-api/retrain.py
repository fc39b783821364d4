"""The whole job from Python: launch a runner, train, compare, publish, and load the published model.

It needs the variables of a workflow and of AWS, or those that `cmlkit sandbox` prints in another terminal:

    python examples/python-api/retrain.py FOLDER       # FOLDER gets the data and the model
"""

import os
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification

import cmlkit

folder = Path(sys.argv[1])
this_run = cmlkit.workflow_run(os.environ)
github = cmlkit.GitHub(
    repository=this_run.repository,
    token=os.environ["CMLKIT_TOKEN"],
    api_url=os.environ.get("GITHUB_API_URL", "https://api.github.com"),
)

# The runner is online inside the block, and removed after it, even if the block fails.
runner_spec = cmlkit.RunnerSpec(instance_type=("t3.medium",), region=("eu-west-1",))
with cmlkit.launch_runner(runner_spec, workflow_run=this_run, forge=github, cloud_for=cmlkit.regions()) as runner:
    print(f"{runner.instance_type} at ${runner.price} an hour waits for jobs with the label {runner.label}")

# Training happens where this script runs.
features, labels = make_classification(n_samples=400, class_sep=1.5, random_state=0)
(folder / "data").mkdir(parents=True, exist_ok=True)
for half, rows in (("train", slice(0, 300)), ("test", slice(300, 400))):
    np.save(folder / "data" / f"{half}_features.npy", features[rows])
    np.save(folder / "data" / f"{half}_labels.npy", labels[rows])
train_spec = cmlkit.TrainSpec(estimator="sklearn.ensemble.RandomForestClassifier", params={"max_depth": 5})
run = cmlkit.train(train_spec, directory=folder, environ=os.environ)

rules = ["accuracy >= 0.80", "accuracy >= champion - 0.01"]
verdict = cmlkit.compare({"Accuracy": 0.85}, run.metrics, rules)
print(verdict.headline)

publication = cmlkit.publish(
    run, spec=cmlkit.PublishSpec(), rules=rules, directory=folder, forge=github, workflow_run=this_run
)
print(publication.pull_request_url)

model = cmlkit.load_model(folder / run.model)
print(f"{type(model).__name__} predicts {model.predict(features[:3])}")
