"""A model that is a folder: its files, their hashes, and its format."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cmlkit.bounds.files import open_regular
from cmlkit.errors import ModelError
from cmlkit.model.file_format import Recognized, recognize
from cmlkit.model.manifest import ModelPart
from cmlkit.records.json_text import read_json
from cmlkit.records.model_format import FOLDER
from cmlkit.stores.base import hashed

TEXT_LIMIT_BYTES = 1024**2
_WEIGHTS = (
    *(".safetensors", ".safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"),
    *("tf_model.h5", "flax_model.msgpack"),
)


def parts_of(folder: Path) -> tuple[ModelPart, ...]:
    """Return path, hash and size of every file in the folder, ordered by path; links are followed.

    Raises:
        ModelError: The folder has no file, or one of them cannot be read.
    """
    parts = []
    for path in sorted(_files(folder)):
        try:
            sha256, size = hashed(folder / path)
        except OSError as error:
            raise ModelError(f"The model's file {folder / path} cannot be read: {error.strerror}.") from error
        parts.append(ModelPart(path=path, sha256=sha256, size=size))
    if not parts:
        raise ModelError(f"The model folder {folder} is empty.", next_step="See why training wrote nothing to it.")
    return tuple(parts)


def _files(folder: Path) -> Iterator[str]:
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()  # a link to a folder that it lies in
            continue
        seen.add(real)
        for name in files:
            yield Path(place, name).relative_to(folder).as_posix()


def recognize_folder(folder: Path) -> Recognized:
    """Return the folder's format, recognized by the files that each library writes.

    Sources: https://mlflow.org/docs/latest/ml/model/, https://huggingface.co/docs/transformers/main_classes/model,
    https://spacy.io/api/data-formats, https://www.tensorflow.org/guide/saved_model,
    https://spark.apache.org/docs/latest/ml-pipeline.html#ml-persistence-saving-and-loading-pipelines,
    https://onnx.ai/onnx/repo-docs/ExternalData.html
    """
    names = {item.name for item in folder.iterdir()}
    for marks, name, look in (
        ({"MLmodel"}, "mlflow", _mlflow),
        ({"saved_model.pb"}, "tensorflow", _nothing),
        ({"modules.json", "config_sentence_transformers.json"}, "sentence-transformers", _nothing),
        ({"model_index.json"}, "diffusers", _diffusers),
        ({"adapter_config.json"}, "peft", _nothing),
        ({"meta.json", "config.cfg"}, "spacy", _spacy),
    ):
        if marks <= names:
            return Recognized(name=name, library=look(folder)[0] or name, version=look(folder)[1])
    return _huggingface(folder, names) or _spark(folder, names) or _onnx(folder, names) or Recognized(name=FOLDER)


def _huggingface(folder: Path, names: set[str]) -> Recognized | None:
    if "config.json" not in names or not any(name.endswith(_WEIGHTS) for name in names):
        return None
    config = _json(folder / "config.json")
    # Other libraries, such as timm, write files of the same names.
    if not {"model_type", "architectures", "transformers_version"} & set(config):
        return None
    version = str(config.get("transformers_version", ""))
    return Recognized(name="huggingface", library="transformers", version=version)


def _spark(folder: Path, names: set[str]) -> Recognized | None:
    if "metadata" not in names or not {"stages", "data"} & names:
        return None
    described = next((folder / "metadata").glob("part-*"), None)
    version = str(_json(described).get("sparkVersion", "")) if described else ""
    return Recognized(name="spark", library="pyspark", version=version) if version else None


def _onnx(folder: Path, names: set[str]) -> Recognized | None:
    files = [name for name in names if name.endswith(".onnx")]
    found = recognize(folder / files[0]) if len(files) == 1 else None
    # Each file of weights must be in the folder, or it is another model than the one that was trained.
    if found is None or found.name != "onnx" or not all((folder / name).is_file() for name in found.beside):
        return None
    return replace(found, name="onnx-folder", beside=())


def _nothing(folder: Path) -> tuple[str, str]:
    return "", ""


def _mlflow(folder: Path) -> tuple[str, str]:
    for line in _text(folder / "MLmodel").splitlines():
        key, _, value = line.partition(":")
        if key == "mlflow_version":
            return "mlflow", value.strip().strip("'\"")
    return "mlflow", ""


def _diffusers(folder: Path) -> tuple[str, str]:
    return "diffusers", str(_json(folder / "model_index.json").get("_diffusers_version", ""))


def _spacy(folder: Path) -> tuple[str, str]:
    # Of what the pipeline takes, such as `>=3.7.2,<3.8.0`, the first is the version that wrote it.
    taken = str(_json(folder / "meta.json").get("spacy_version", ""))
    return "spacy", taken.partition(",")[0].lstrip("><=~^ ")


def _json(file: Path) -> dict[str, Any]:
    try:
        found = read_json(_text(file))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(file: Path) -> str:
    try:
        with open_regular(file) as content:
            return content.read(TEXT_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
