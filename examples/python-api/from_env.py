"""The whole job in five lines: an estimator of your own, and everything else from the environment and cmlkit.yaml.

It needs the variables of a workflow and of AWS, or those that `cmlkit sandbox` prints in another terminal:

    python examples/python-api/from_env.py FOLDER       # FOLDER gets the model, and may have a cmlkit.yaml
"""

import sys

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import cmlkit

folder = sys.argv[1]
features, labels = load_iris(return_X_y=True, as_frame=True)
rules = ["accuracy >= 0.80", "accuracy >= champion - 0.01"]

cml = cmlkit.from_env(folder)
with cml.launch_runner() as runner:
    print(f"{runner.instance_type} waits for jobs with the label {runner.label}")
run = cml.train(RandomForestClassifier(max_depth=5, random_state=0), features, labels)
publication = cml.publish(run, rules=rules)

print(publication.verdict.headline)
print(publication.pull_request_url)
