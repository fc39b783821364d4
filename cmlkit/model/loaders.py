"""Loading of models in each format with the library of that format, if it is installed.

No loader runs code that a model brings along, except for pickles and the folders of MLflow, which are code: PyTorch
reads weights only, Keras is in safe mode, and no library may fetch or run code from a remote place.
"""

from __future__ import annotations

import importlib
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cmlkit.errors import MissingExtra, ModelError, SettingsError
from cmlkit.model import skops_file
from cmlkit.records.model_format import FORMATS

FileLoader = Callable[[bytes], Any]
FolderLoader = Callable[[Path], Any]


def load_bytes(content: bytes, name: str, *, source: str, trusted: Sequence[str] = ()) -> Any:
    """Load a file in the format `name`.

    Args:
        source: The file, for messages.
        trusted: Import paths of types in a skops file to trust.

    Raises:
        ModelError: The format is unknown, or has types or code that are not trusted.
        SettingsError: The library is not installed.
    """
    if name == "skops":
        return skops_file.loads(content, trusted=trusted, source=source)
    return _loader(FILES, name, source)(content)


def load_folder(folder: Path, name: str) -> Any:
    """Load a folder in the format `name`; raise as `load_bytes`."""
    return _loader(FOLDERS, name, str(folder))(folder)


def _loader(loaders: Mapping[str, Callable[..., Any]], name: str, source: str) -> Callable[..., Any]:
    if name not in loaders:
        raise ModelError(
            f"{source} is in {FORMATS[name].title}, which cmlkit does not load. Its hash matches its manifest.",
            next_step="Load it with the library that wrote it.",
        )

    def load(given: Any) -> Any:
        try:
            return loaders[name](given)
        except ImportError as error:
            if name in ("joblib", "pickle"):
                if (error.name or "").partition(".")[0] != "joblib":
                    raise
                raise MissingExtra(f"{source} is a pickle; loading it needs joblib.", extra="train") from error
            needed = FORMATS[name].install
            raise SettingsError(
                f"{source} is in the format {FORMATS[name].title}; loading it needs {needed}, and {error.name or error}"
                " is not installed.",
                next_step=f"pip install {needed}",
            ) from error

    return load


def _library(name: str) -> Any:
    return importlib.import_module(name)


def _xgboost(content: bytes) -> Any:
    model = _library("xgboost").Booster()
    model.load_model(bytearray(content))
    return model


def _lightgbm(content: bytes) -> Any:
    return _library("lightgbm").Booster(model_str=content.decode())


def _catboost(content: bytes) -> Any:
    return _library("catboost").CatBoost().load_model(blob=content)


def _catboost_json(content: bytes) -> Any:
    return _by_path(content, ".json", lambda path: _library("catboost").CatBoost().load_model(path, format="json"))


def _onnx(content: bytes) -> Any:
    return _library("onnxruntime").InferenceSession(content)


def _onnx_folder(folder: Path) -> Any:
    (file,) = folder.glob("*.onnx")
    return _library("onnxruntime").InferenceSession(str(file))


def _safetensors(content: bytes) -> Any:
    return _library("safetensors.numpy").load(content)


def _safetensors_torch(content: bytes) -> Any:
    return _library("safetensors.torch").load(content)


def _keras(content: bytes) -> Any:
    return _by_path(content, ".keras", lambda path: _library("keras").saving.load_model(path, safe_mode=True))


def _keras_h5(content: bytes) -> Any:
    # Not every version of Keras honours the safe mode for this format.
    if b'"Lambda"' in content or b'"__lambda__"' in content:
        raise ModelError(
            "The model has a Lambda layer, whose Python code loading would run. It was not loaded.",
            next_step="Write the layer as a class, and save the model as .keras.",
        )
    # Not compiled: a loss that the file names by a short name, such as mse, is not found again.
    return _by_path(
        content, ".h5", lambda path: _library("keras").saving.load_model(path, safe_mode=True, compile=False)
    )


def _hdf5(content: bytes) -> Any:
    return _library("h5py").File(io.BytesIO(content), "r")


def _torch(content: bytes) -> Any:
    torch = _library("torch")
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        if type(error).__name__ != "UnpicklingError":
            raise
        raise ModelError(
            "The file has more than weights, and loading that would run its code. It was not loaded.",
            next_step="Save model.state_dict(), and load it into the model's class.",
        ) from error


def _torchscript(content: bytes) -> Any:
    return _library("torch").jit.load(io.BytesIO(content), map_location="cpu")


def _torch_export(content: bytes) -> Any:
    return _library("torch").export.load(io.BytesIO(content))


def _numpy(content: bytes) -> Any:
    return _library("numpy").load(io.BytesIO(content), allow_pickle=False)


def _joblib(content: bytes) -> Any:
    return _library("joblib").load(io.BytesIO(content))


def _by_path(content: bytes, suffix: str, load: Callable[[str], Any]) -> Any:
    """Load the bytes with a library that reads only files, from a copy that nobody else changes."""
    with tempfile.TemporaryDirectory(prefix="cmlkit-model-") as folder:
        file = Path(folder, f"model{suffix}")
        file.write_bytes(content)
        return load(str(file))


def _transformers(folder: Path) -> Any:
    options = {"local_files_only": True, "trust_remote_code": False}
    transformers = _library("transformers")
    config = transformers.AutoConfig.from_pretrained(str(folder), **options)
    named: list[Any] = [getattr(transformers, name, None) for name in getattr(config, "architectures", None) or ()]
    kind: Any = next((item for item in named if hasattr(item, "from_pretrained")), transformers.AutoModel)
    return kind.from_pretrained(str(folder), **options)


def _sentences(folder: Path) -> Any:
    kind = _library("sentence_transformers").SentenceTransformer
    return kind(str(folder), trust_remote_code=False, local_files_only=True)


FILES: Mapping[str, FileLoader] = {
    "joblib": _joblib,
    "pickle": _joblib,
    "xgboost-json": _xgboost,
    "xgboost-ubj": _xgboost,
    "xgboost-binary": _xgboost,
    "lightgbm-text": _lightgbm,
    "catboost-cbm": _catboost,
    "catboost-json": _catboost_json,
    "onnx": _onnx,
    "safetensors": _safetensors,
    "safetensors-torch": _safetensors_torch,
    "keras": _keras,
    "keras-h5": _keras_h5,
    "hdf5": _hdf5,
    "torch": _torch,
    "torchscript": _torchscript,
    "torch-export": _torch_export,
    "numpy": _numpy,
}
FOLDERS: Mapping[str, FolderLoader] = {
    "onnx-folder": _onnx_folder,
    "mlflow": lambda folder: _library("mlflow.pyfunc").load_model(str(folder)),
    "huggingface": _transformers,
    "sentence-transformers": _sentences,
    "spacy": lambda folder: _library("spacy").load(folder),
    "tensorflow": lambda folder: _library("tensorflow").saved_model.load(str(folder)),
}
