"""Make the data that train.py reads: 1,000 samples of a classification problem, split into train and test.

Set DATA_SEED in the environment to get another day's data.
"""

import os
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

features, labels = make_classification(
    n_samples=1000,
    n_features=20,
    n_informative=8,
    class_sep=1.4,
    random_state=int(os.environ.get("DATA_SEED", "0")),
)
train_features, test_features, train_labels, test_labels = train_test_split(
    features, labels, test_size=0.25, random_state=0
)

folder = Path("data")
folder.mkdir(exist_ok=True)
np.savetxt(folder / "train_features.csv", train_features)
np.savetxt(folder / "train_labels.csv", train_labels)
np.savetxt(folder / "test_features.csv", test_features)
np.savetxt(folder / "test_labels.csv", test_labels)
