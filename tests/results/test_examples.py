"""The examples that train with libraries of their own: published, and loaded as their pages say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import xgboost

from cmlkit.model.loading import load_model
from tests.integration.examples import published
from tests.integration.project import Project, project


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as made:
        yield made


def test_xgboost_is_published_in_its_own_format(there: Project) -> None:
    publication, manifest = published(there, "xgboost")
    assert (publication.verdict.outcome, manifest.format, manifest.library) == ("first", "xgboost-ubj", "xgboost")
    assert set(manifest.metrics) == {"auc", "recall", "log_loss"}
    model = load_model(there.directory / "model/trees.ubj")
    assert isinstance(model, xgboost.Booster)
    assert model.num_features() == 30


def test_pytorch_is_published_as_weights(there: Project) -> None:
    publication, manifest = published(there, "pytorch")
    assert (publication.verdict.outcome, manifest.format, manifest.library) == ("first", "torch", "torch")
    assert set(manifest.metrics) == {"accuracy", "loss"}
    assert "model/loss.png" in publication.files
    network = torch.nn.Sequential(
        torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(64, 10)
    )
    network.load_state_dict(load_model(there.directory / "model/network.pt"))
