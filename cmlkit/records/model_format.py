"""Formats of model files: the library that loads each, and the Python lines that a report shows for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from cmlkit.records.json_text import json_text

OTHER, FOLDER, ULTRALYTICS = "other", "folder", "ultralytics"


@dataclass(frozen=True, kw_only=True)
class ModelFormat:
    """A format of model files.

    Attributes:
        title: Its name for people.
        library: Distribution that writes the format; empty if several do.
        install: Distributions that loading needs, as for `pip install`.
        lines: Python code that loads the file at `{path}`; empty if unknown.
        is_loaded: Whether `cmlkit.load_model` loads it.
    """

    title: str
    library: str = ""
    install: str = ""
    lines: str = ""
    is_loaded: bool = True


FORMATS: Mapping[str, ModelFormat] = {
    "joblib": ModelFormat(
        title="joblib, a pickle", install="joblib", lines="import joblib\n\nmodel = joblib.load({path})"
    ),
    "pickle": ModelFormat(
        title="pickle",
        lines='import pickle\n\nwith open({path}, "rb") as file:\n    model = pickle.load(file)',
    ),
    "skops": ModelFormat(
        title="skops",
        library="scikit-learn",
        install="skops",
        lines="import skops.io\n\nmodel = skops.io.load({path}, trusted=[])  # list the types that the error names",
    ),
    "xgboost-json": ModelFormat(
        title="XGBoost, JSON",
        library="xgboost",
        install="xgboost",
        lines="import xgboost\n\nmodel = xgboost.Booster(model_file={path})",
    ),
    "xgboost-ubj": ModelFormat(
        title="XGBoost, UBJSON",
        library="xgboost",
        install="xgboost",
        lines="import xgboost\n\nmodel = xgboost.Booster(model_file={path})",
    ),
    "xgboost-binary": ModelFormat(
        title="XGBoost, the binary format of versions before 3.1",
        library="xgboost",
        install='"xgboost<3.1"',
        lines="import xgboost  # before 3.1\n\nmodel = xgboost.Booster(model_file={path})",
    ),
    "lightgbm-text": ModelFormat(
        title="LightGBM, text",
        library="lightgbm",
        install="lightgbm",
        lines="import lightgbm\n\nmodel = lightgbm.Booster(model_file={path})",
    ),
    "catboost-cbm": ModelFormat(
        title="CatBoost, binary",
        library="catboost",
        install="catboost",
        lines="import catboost\n\nmodel = catboost.CatBoost().load_model({path})",
    ),
    "catboost-json": ModelFormat(
        title="CatBoost, JSON",
        library="catboost",
        install="catboost",
        lines='import catboost\n\nmodel = catboost.CatBoost().load_model({path}, format="json")',
    ),
    "onnx": ModelFormat(
        title="ONNX",
        install="onnxruntime",
        lines="import onnxruntime\n\nmodel = onnxruntime.InferenceSession({path})",
    ),
    "onnx-folder": ModelFormat(
        title="ONNX, a folder",
        install="onnxruntime",
        lines="from pathlib import Path\n\nimport onnxruntime\n\n"
        '(file,) = Path({path}).glob("*.onnx")\nmodel = onnxruntime.InferenceSession(str(file))',
    ),
    "safetensors": ModelFormat(
        title="safetensors",
        library="safetensors",
        install="safetensors numpy",
        lines="from safetensors.numpy import load_file  # or safetensors.torch\n\nmodel = load_file({path})",
    ),
    "safetensors-torch": ModelFormat(
        title="safetensors, with types that NumPy lacks",
        library="safetensors",
        install="safetensors torch",
        lines="from safetensors.torch import load_file\n\nmodel = load_file({path})",
    ),
    "keras": ModelFormat(
        title="Keras",
        library="keras",
        install="keras",
        lines="import keras\n\nmodel = keras.saving.load_model({path}, safe_mode=True)",
    ),
    "keras-h5": ModelFormat(
        title="Keras, HDF5",
        library="keras",
        install="keras h5py",
        lines="import keras\n\nmodel = keras.saving.load_model({path}, safe_mode=True, compile=False)",
    ),
    "hdf5": ModelFormat(title="HDF5", install="h5py", lines='import h5py\n\nmodel = h5py.File({path}, "r")'),
    "torch": ModelFormat(
        title="PyTorch",
        library="torch",
        install="torch",
        lines='import torch\n\nmodel = torch.load({path}, map_location="cpu", weights_only=True)  # state_dict',
    ),
    ULTRALYTICS: ModelFormat(
        is_loaded=False,
        title="Ultralytics YOLO",
        library="ultralytics",
        install="ultralytics",
        lines="from ultralytics import YOLO\n\nmodel = YOLO({path})  # runs code in the file",
    ),
    "torchscript": ModelFormat(
        title="TorchScript",
        library="torch",
        install="torch",
        lines='import torch\n\nmodel = torch.jit.load({path}, map_location="cpu")',
    ),
    "torch-export": ModelFormat(
        title="torch.export",
        library="torch",
        install="torch",
        lines="import torch\n\nmodel = torch.export.load({path})",
    ),
    "numpy": ModelFormat(
        title="NumPy", library="numpy", install="numpy", lines="import numpy\n\nmodel = numpy.load({path})"
    ),
    "tflite": ModelFormat(
        is_loaded=False,
        title="TensorFlow Lite",
        library="tensorflow",
        install="ai-edge-litert",
        lines="from ai_edge_litert.interpreter import Interpreter\n\nmodel = Interpreter(model_path={path})",
    ),
    "gguf": ModelFormat(
        is_loaded=False,
        title="GGUF",
        install="llama-cpp-python",
        lines="import llama_cpp\n\nmodel = llama_cpp.Llama(model_path={path})",
    ),
    "fasttext": ModelFormat(
        is_loaded=False,
        title="fastText",
        library="fasttext",
        install="fasttext",
        lines="import fasttext\n\nmodel = fasttext.load_model({path})",
    ),
    "pmml": ModelFormat(
        is_loaded=False, title="PMML", install="pypmml", lines="import pypmml\n\nmodel = pypmml.Model.load({path})"
    ),
    "mlflow": ModelFormat(
        title="MLflow, a folder",
        library="mlflow",
        install="mlflow",
        lines="import mlflow.pyfunc\n\nmodel = mlflow.pyfunc.load_model({path})",
    ),
    "huggingface": ModelFormat(
        title="Hugging Face, a folder",
        library="transformers",
        install="transformers",
        # AutoModel would leave the head out.
        lines="import transformers\n\nconfig = transformers.AutoConfig.from_pretrained({path}, local_files_only=True)\n"
        "model = getattr(transformers, config.architectures[0]).from_pretrained({path}, local_files_only=True)",
    ),
    "peft": ModelFormat(
        is_loaded=False,
        title="PEFT adapter, a folder",
        library="peft",
        install="peft",
        lines="import peft\n\nmodel = peft.AutoPeftModel.from_pretrained({path})",
    ),
    "sentence-transformers": ModelFormat(
        title="Sentence Transformers, a folder",
        library="sentence-transformers",
        install="sentence-transformers",
        lines="from sentence_transformers import SentenceTransformer\n\n"
        "model = SentenceTransformer({path}, trust_remote_code=False)",
    ),
    "diffusers": ModelFormat(
        is_loaded=False,
        title="Diffusers, a folder",
        library="diffusers",
        install="diffusers",
        lines="import diffusers\n\nmodel = diffusers.DiffusionPipeline.from_pretrained({path})",
    ),
    "spacy": ModelFormat(
        title="spaCy, a folder", library="spacy", install="spacy", lines="import spacy\n\nmodel = spacy.load({path})"
    ),
    "spark": ModelFormat(
        is_loaded=False,
        title="Spark ML, a folder",
        library="pyspark",
        install="pyspark",
        lines="from pyspark.ml import PipelineModel\nfrom pyspark.sql import SparkSession\n\n"
        "SparkSession.builder.getOrCreate()\nmodel = PipelineModel.load({path})  # or the class of a single stage",
    ),
    "tensorflow": ModelFormat(
        title="TensorFlow SavedModel, a folder",
        library="tensorflow",
        install="tensorflow",
        lines="import tensorflow\n\nmodel = tensorflow.saved_model.load({path})",
    ),
    FOLDER: ModelFormat(title="an unknown format, a folder", is_loaded=False),
    OTHER: ModelFormat(title="an unknown format", is_loaded=False),
}


def format_of(name: str, model: str) -> str:
    """Return a recorded format's name; for a record that has none, the one that `model`'s suffix stands for."""
    if name in FORMATS:
        return name
    if name:
        return OTHER
    return "skops" if PurePosixPath(model).suffix == ".skops" else "joblib"


def lines_for(name: str, path: str) -> str:
    """Return Python code that loads the model at `path` with its library alone; empty if the format is unknown."""
    return FORMATS[name].lines.replace("{path}", json_text(path, ensure_ascii=False))
