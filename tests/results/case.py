"""Cases: a training program, the model that it writes, what the manifest is to say of it, and how it predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from tests.results.programs.given import FEATURES, sentences, table, tokens

# The columns of the table -> the probability of class 1 for each row.
Predict = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One format, as one library writes it.

    Attributes:
        program: Name of the program in tests/results/programs, without its suffix.
        format: The manifest's.
        library: The manifest's; `distribution` is the one that is installed, if it has another name.
        predict: Predictions of what `cmlkit.load_model` returns, for the table; None if it does not load the format.
        trusted: Types in a skops file.
    """

    program: str
    model: str
    format: str
    library: str
    predict: Predict | None
    distribution: str = ""
    trusted: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        return metadata.version(self.distribution or self.library)


def _features() -> Any:
    return table()[0]


def _probabilities(model: Any) -> Any:
    return model.predict_proba(_features())[:, 1]


def _xgboost(model: Any) -> Any:
    import xgboost

    return model.predict(xgboost.DMatrix(_features(), feature_names=list(FEATURES)))


def _catboost(model: Any) -> Any:
    return model.predict(_features(), prediction_type="Probability")[:, 1]


def _statsmodels(model: Any) -> Any:
    import statsmodels.api as sm

    return model.predict(sm.add_constant(_features()))


def _onnx(model: Any) -> Any:
    found = model.run(None, {model.get_inputs()[0].name: _features()})[1]
    return [row[1] for row in found]


def _linear(model: Any) -> Any:
    import numpy as np

    return 1 / (1 + np.exp(-_features() @ model["coefficients"]))


def _weights(model: Any) -> Any:
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1), torch.nn.Sigmoid())
    net.load_state_dict(model)
    return _net(net)


def _net(model: Any) -> Any:
    import torch

    return model(torch.from_numpy(_features())).detach().numpy()


def _half(model: Any) -> Any:
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1), torch.nn.Sigmoid())
    net = net.to(torch.bfloat16)
    net.load_state_dict(model)
    return net(torch.from_numpy(_features()).to(torch.bfloat16)).detach().float().numpy()


def _graph(model: Any) -> Any:
    return model.run(None, {model.get_inputs()[0].name: _features()})[0]


def _bert(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model.eval()(torch.from_numpy(tokens())).logits.softmax(1)[:, 1].numpy()


def _exported(model: Any) -> Any:
    return _net(model.module())


def _keras(model: Any) -> Any:
    return model.predict(_features(), verbose=0)


_FOREST_TYPES = ("sklearn.tree._tree.Tree",)

CASES = (
    Case(
        program="boosted_xgboost",
        model="model/boosted.json",
        format="xgboost-json",
        library="xgboost",
        distribution="xgboost-cpu",
        predict=_xgboost,
    ),
    Case(
        program="boosted_xgboost",
        model="model/boosted.ubj",
        format="xgboost-ubj",
        library="xgboost",
        distribution="xgboost-cpu",
        predict=_xgboost,
    ),
    Case(
        program="boosted_xgboost",
        model="model/boosted.joblib",
        format="joblib",
        library="xgboost",
        distribution="xgboost-cpu",
        predict=_probabilities,
    ),
    Case(
        program="boosted_lightgbm",
        model="model/boosted.txt",
        format="lightgbm-text",
        library="lightgbm",
        predict=lambda model: model.predict(_features()),
    ),
    Case(
        program="boosted_lightgbm",
        model="model/boosted.pkl",
        format="joblib",
        library="lightgbm",
        predict=_probabilities,
    ),
    Case(
        program="boosted_catboost",
        model="model/boosted.cbm",
        format="catboost-cbm",
        library="catboost",
        predict=_catboost,
    ),
    Case(
        program="boosted_catboost",
        model="model/boosted.json",
        format="catboost-json",
        library="catboost",
        predict=_catboost,
    ),
    Case(program="boosted_catboost", model="model/boosted.onnx", format="onnx", library="catboost", predict=_onnx),
    Case(program="boosted_catboost", model="model/boosted.pmml", format="pmml", library="catboost", predict=None),
    Case(
        program="linear_statsmodels",
        model="model/logit.pickle",
        format="pickle",
        library="statsmodels",
        predict=_statsmodels,
    ),
    Case(program="forest_sklearn", model="model/forest.onnx", format="onnx", library="skl2onnx", predict=_onnx),
    Case(
        program="forest_sklearn",
        model="model/forest.skops",
        format="skops",
        library="scikit-learn",
        predict=_probabilities,
        trusted=_FOREST_TYPES,
    ),
    *(
        Case(
            program="forest_sklearn",
            model=f"model/forest.{compression}",
            format="joblib",
            library="scikit-learn",
            predict=lambda model: _probabilities(model["forest"]),
        )
        for compression in ("xz", "lz4")
    ),
    Case(program="arrays", model="model/w.safetensors", format="safetensors", library="safetensors", predict=_linear),
    Case(program="arrays", model="model/w.npz", format="numpy", library="numpy", predict=_linear),
    Case(program="net_torch", model="model/net.pt", format="torch", library="torch", predict=_weights),
    Case(program="net_torch", model="model/net.tar", format="torch", library="torch", predict=_weights),
    Case(program="net_torch", model="model/net.torchscript", format="torchscript", library="torch", predict=_net),
    Case(program="net_torch", model="model/net.pt2", format="torch-export", library="torch", predict=_exported),
    Case(
        program="net_torch",
        model="model/net.safetensors",
        format="safetensors-torch",
        library="safetensors",
        predict=_half,
    ),
    Case(program="net_torch", model="model/net", format="onnx-folder", library="torch", predict=_graph),
    Case(
        program="folder_mlflow",
        model="model/forest",
        format="mlflow",
        library="mlflow",
        distribution="mlflow-skinny",
        predict=lambda model: model.predict(_features()),
    ),
    Case(
        program="folder_transformers",
        model="model/bert",
        format="huggingface",
        library="transformers",
        predict=_bert,
    ),
    Case(
        program="folder_sentences",
        model="model/sentences",
        format="sentence-transformers",
        library="sentence-transformers",
        predict=lambda model: model.encode(sentences())[:, 0],
    ),
    Case(
        program="folder_tensorflow",
        model="model/linear",
        format="tensorflow",
        library="tensorflow",
        distribution="tensorflow-cpu",
        predict=lambda model: model.predict(_features()).numpy(),
    ),
    Case(program="net_keras", model="model/net.keras", format="keras", library="keras", predict=_keras),
    Case(program="net_keras", model="model/net.h5", format="keras-h5", library="keras", predict=_keras),
)
