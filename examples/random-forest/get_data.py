"""Make the data that train.py reads: the newest 1,000 samples of a classification problem, split into train and test.

The source has 400 new samples a day, and one of its sensors, feature 8, slowly drifts. DATA_DAY in the environment says
which day it is, counted from 1. Every fourth sample is for testing, on each day, so that no model was trained on it.
"""

import os
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification

SAMPLES, NEW_SAMPLES = 1_000, 400

features, labels = make_classification(
    n_samples=20_000,
    n_features=20,
    n_informative=8,
    class_sep=1.4,
    random_state=0,
)
features[:, 7] += 0.003 * np.arange(len(features))

first = int(NEW_SAMPLES * (float(os.environ.get("DATA_DAY", "1")) - 1))
newest = np.arange(first, first + SAMPLES)
train, test = newest[newest % 4 != 3], newest[newest % 4 == 3]

folder = Path("data")
folder.mkdir(exist_ok=True)
for name, samples in {"train": train, "test": test}.items():
    np.savetxt(folder / f"{name}_features.csv", features[samples])
    np.savetxt(folder / f"{name}_labels.csv", labels[samples], fmt="%d")
