"""What a model's description tells of it: the imports inside, and what loading it will need."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cmlkit.errors import ModelError, SettingsError
from cmlkit.model.description import describe
from cmlkit.model.file import write_manifest
from cmlkit.model.loading import load_model
from cmlkit.model.manifest import manifest_path, read_manifest
from cmlkit.model.verification import verify
from tests.unit.model.test_file_format import KERAS, archive, lz4_frame, onnx, tensor


class Payload:
    def __reduce__(self) -> Any:
        return os.mkdir, ("never",)


PAYLOAD = pickle.dumps(Payload())


def test_a_pickle_that_needs_the_script_that_made_it_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "m.pkl"
    # What `class Net: ...` and `pickle.dump(Net())` in train.py write.
    file.write_bytes(
        b"\x80\x04\x95\x17\x00\x00\x00\x00\x00\x00\x00\x8c\x08__main__\x94\x8c\x03Net\x94\x93\x94)\x81\x94."
    )
    (note,) = describe(file).notes
    assert note.startswith("It needs Net from the script that trained it (__main__)")
    assert write_manifest(file, metrics={}).notes == (note,)
    assert read_manifest(file).notes == (note,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_class_is_told_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    file = tmp_path / "m.pkl"
    file.write_bytes(pickle.dumps(LogisticRegression(), protocol))
    found = describe(file)
    assert (found.contents.class_path, found.library) == (
        "sklearn.linear_model._logistic.LogisticRegression",
        "scikit-learn",
    )


def test_a_pickle_with_tensors_on_a_graphics_processor_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "m.pkl"
    inner = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"storage FloatStorage 1234 cuda:0" + b"\0" * 2000
    made = io.BytesIO()
    made.write(b"\x80\x04ctorch.storage\n_load_from_bytes\nB" + len(inner).to_bytes(4, "little") + inner + b"\x85R.")
    file.write_bytes(made.getvalue())
    (note,) = describe(file).notes
    assert "cuda:0" in note
    file.write_bytes(made.getvalue().replace(b"cuda:0", b"cpu   "))
    assert describe(file).notes == ()


def test_verification_looks_into_the_pickles_of_an_archive(tmp_path: Path) -> None:
    inner = archive({"net/data.pkl": PAYLOAD})
    for content in (archive({"net/data.pkl": PAYLOAD}), archive({"policy.pth": inner}), archive({"a": PAYLOAD})):
        file = tmp_path / "m.zip"
        file.write_bytes(content)
        assert verify(file).untrusted == (f"{os.name}.mkdir",)


def test_verification_looks_into_the_pickles_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "MLmodel").write_text("artifact_path: model\nmlflow_version: 3.4.0\n")
    (folder / "artifacts" / "model.pkl").write_bytes(PAYLOAD)
    found = verify(folder)
    assert (found.format, found.library, found.untrusted) == ("mlflow", "mlflow", (f"{os.name}.mkdir",))
    assert write_manifest(folder, metrics={}).library_version == "3.4.0"


def test_a_damaged_pickle_in_a_folder_is_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "MLmodel").write_text("mlflow_version: 3.4.0\n")
    (folder / "model.pkl").write_bytes(PAYLOAD[:-4])
    (note,) = write_manifest(folder, metrics={}).notes
    assert "known: m/model.pkl is not a complete pickle" in note
    assert verify(folder).notes == (note,)


def test_an_object_of_a_class_that_the_pickle_itself_brings_is_looked_into(tmp_path: Path) -> None:
    file = tmp_path / "m.pkl"
    # cloudpickle makes the class first, then an object of it, then calls what its own functions have returned.
    made = b"\x80\x02ccloudpickle.cloudpickle\n_make_skeleton_class\n)R"
    for content in (made + b")\x81.", made + b")R.", made + b")}\x92."):
        file.write_bytes(content)
        assert describe(file).notes == ()
        assert verify(file).untrusted == ("cloudpickle.cloudpickle._make_skeleton_class",)


def test_a_layer_with_code_is_to_be_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "m.keras"
    config = b'{"module": "keras", "class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda"}]}}'
    file.write_bytes(archive(KERAS))
    assert verify(file).untrusted == ()
    file.write_bytes(archive({**KERAS, "config.json": config}))
    assert verify(file).untrusted == ("keras.layers.Lambda",)


@pytest.mark.parametrize(
    ("content", "library"),
    [(onnx(), "onnxruntime"), (b"tree\nversion=v4\n", "lightgbm"), (b"CBM10\0\0\0", "catboost")],
    ids=["onnx", "lightgbm", "catboost"],
)
def test_what_loading_needs_is_named_if_it_is_missing(tmp_path: Path, content: bytes, library: str) -> None:
    file = tmp_path / "m.joblib"
    file.write_bytes(content)
    write_manifest(file, metrics={})
    with pytest.raises(SettingsError) as caught:
        load_model(file)
    assert caught.value.next_step == f"pip install {library}"


def test_an_unknown_format_is_not_guessed(tmp_path: Path) -> None:
    file = tmp_path / "m.joblib"
    file.write_bytes(b"weights of mine")
    assert write_manifest(file, metrics={}).format == "other"
    with pytest.raises(ModelError, match="an unknown format, which cmlkit does not load"):
        load_model(file)


def test_the_hash_of_a_file_in_any_format_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(onnx())
    write_manifest(file, metrics={})
    file.write_bytes(onnx(b"other"))
    with pytest.raises(ModelError, match="not the file that its manifest describes"):
        load_model(file)


def test_a_manifest_says_nothing_of_what_a_model_lacks(tmp_path: Path) -> None:
    file = tmp_path / "m"
    file.write_bytes(b"weights of mine")
    write_manifest(file, metrics={})
    assert not {"files", "library", "notes"} & set(Path(manifest_path(file)).read_text().split('"'))


def test_the_library_of_a_dictionary_is_that_of_the_model_in_it(tmp_path: Path) -> None:
    file = tmp_path / "m.joblib"
    joblib.dump({"model": LogisticRegression(), "columns": np.zeros(3)}, file)
    assert (describe(file).library, describe(file).contents.class_path) == ("scikit-learn", "")
    joblib.dump({"weights": np.zeros(3)}, file)
    assert describe(file).library == ""


def test_a_library_has_its_version_by_whichever_distribution_brings_it(tmp_path: Path) -> None:
    file = tmp_path / "m.pkl"
    file.write_bytes(b"cxgboost.sklearn\nXGBClassifier\n)\x81.")
    manifest = write_manifest(file, metrics={}, libraries={"xgboost-cpu": "3.2.0"})
    assert (manifest.library, manifest.library_version) == ("xgboost", "3.2.0")


def test_a_pickle_that_cannot_be_looked_into_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "m.joblib"
    file.write_bytes(lz4_frame(pickle.dumps({"a": 1}))[:-6])
    assert describe(file).format == "joblib"
    (note,) = describe(file).notes
    assert "imports that loading it would make are known: m.joblib is not a complete" in note
    assert str(tmp_path) not in note
    file.write_bytes(pickle.dumps({"weights": [1.5] * 100})[:50])
    (note,) = describe(file).notes
    assert "is not a complete pickle" in note


def test_parts_of_a_model_in_other_files_are_told_of(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(onnx(initializers=tensor("net.onnx.data")))
    (note,) = describe(file).notes
    assert note.startswith("Parts of it are in net.onnx.data beside it")
    # gensim's `save` of large models.
    file = tmp_path / "word2vec.model"
    file.write_bytes(pickle.dumps({"a": 1}))
    (tmp_path / "word2vec.model.wv.vectors.npy").write_bytes(b"-")
    (note,) = describe(file).notes
    assert "word2vec.model.wv.vectors.npy" in note


def test_onnx_with_its_weights_is_a_model_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(onnx(initializers=tensor("net.onnx.data")))
    assert describe(tmp_path).format == "folder"
    (tmp_path / "net.onnx.data").write_bytes(b"-")
    found = describe(tmp_path)
    assert (found.format, found.library, found.version, found.notes) == ("onnx-folder", "skl2onnx", "1.20.0", ())
    (tmp_path / "decoder.onnx").write_bytes(onnx())
    assert describe(tmp_path).format == "folder"


def state(*imports: str) -> bytes:
    """A dictionary with objects of these classes, in a file of PyTorch."""
    parts = [path.rpartition(".") for path in imports]
    made = b"".join(f"c{module}\n{name}\n)\x81".encode("latin-1") for module, _, name in parts)
    return archive({"best/data.pkl": b"\x80\x02](" + made + b"e."})


def test_a_file_of_pytorch_with_more_than_weights_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "m.ckpt"
    # What PyTorch itself writes of a state_dict with several types.
    file.write_bytes(state("torch._utils._rebuild_tensor_v2", "torch.FloatStorage", "torch.bfloat16", "torch.Size"))
    assert describe(file).notes == ()
    # Hyperparameters in a checkpoint of Lightning.
    file.write_bytes(state("torch._utils._rebuild_tensor_v2", "omegaconf.dictconfig.DictConfig"))
    (note,) = describe(file).notes
    assert note.startswith("It has more than weights (omegaconf.dictconfig.DictConfig)")


def test_a_model_of_ultralytics_is_loaded_with_its_own_library(tmp_path: Path) -> None:
    file = tmp_path / "best.pt"
    file.write_bytes(state("ultralytics.nn.tasks.DetectionModel", "torch.nn.modules.container.Sequential"))
    found = describe(file)
    assert (found.format, found.library, found.notes) == ("ultralytics", "ultralytics", ())


FOLDERS: list[tuple[str, str, dict[str, str]]] = [
    ("spark", "3.5.1", {"metadata/part-00000": '{"class":"org.apache.spark.ml.PipelineModel","sparkVersion":"3.5.1"}',
                        "metadata/_SUCCESS": "", "stages/0_idx/metadata/part-00000": "{}"}),
    ("huggingface", "4.57.1", {"config.json": '{"model_type": "llama", "transformers_version": "4.57.1"}',
                               "model-00001-of-00002.safetensors": "-", "model.safetensors.index.json": "{}"}),
    # Files of timm, of a mixin of the hub, and weights alone.
    ("folder", "", {"config.json": '{"architecture": "resnet18"}', "model.safetensors": "-"}),
    ("folder", "", {"config.json": '{"hidden": 3}', "model.safetensors": "-"}),
    ("folder", "", {"model-00001-of-00002.safetensors": "-", "model.safetensors.index.json": "{}"}),
    # Checkpoints of TensorFlow and of Core ML.
    ("folder", "", {"checkpoint": "-", "ckpt-1.index": "-", "ckpt-1.data-00000-of-00001": "-"}),
    ("folder", "", {"Manifest.json": "{}", "Data/com.apple.CoreML/model.mlmodel": "-"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "version", "files"), FOLDERS, ids=[f"{at}" for at in range(len(FOLDERS))])
def test_a_folder_is_known_by_what_its_library_writes(
    tmp_path: Path, name: str, version: str, files: dict[str, str]
) -> None:
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    found = describe(tmp_path)
    assert (found.format, found.version, found.notes) == (name, version, ())
