"""`load_model` with `verify`: what `cmlkit model verify` lists as untrusted is not loaded unless it is named."""

from __future__ import annotations

import os
import pickle
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cmlkit.errors import ModelError
from cmlkit.model.file import save_model, write_manifest
from cmlkit.model.loading import load_model

MKDIR = f"{os.mkdir.__module__}.mkdir"


class Payload:
    """An object whose loading makes a folder."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


def kept(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    write_manifest(path, metrics={})
    return path


def test_a_name_that_models_do_not_have_is_refused_before_a_byte_is_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = kept(tmp_path / "m.pkl", pickle.dumps(Payload(trace)))
    with pytest.raises(ModelError, match=rf"{MKDIR} \(models do not have it\)\. It was not loaded") as refused:
        load_model(path, verify=True)
    assert f"load_model({str(path)!r}, verify=True, trusted=[…])" in refused.value.next_step
    assert not trace.exists()
    load_model(path)
    assert trace.is_dir(), "without verify, a model of the user's own is loaded whatever it has"


def test_a_known_name_used_as_no_model_uses_it_is_refused_with_the_reason(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    call = b"\x80\x02cnumpy\nmemmap\n(X" + len(str(trace)).to_bytes(4, "little") + str(trace).encode() + b"tR."
    path = kept(tmp_path / "m.pkl", call)
    with pytest.raises(ModelError, match=r"numpy\.memmap \(models name it, but do not call it\)"):
        load_model(path, verify=True)
    assert not trace.exists()


def test_a_model_of_known_names_is_loaded_with_verify_and_one_of_ones_own_with_its_names(tmp_path: Path) -> None:
    usual, own = tmp_path / "usual.joblib", tmp_path / "own.joblib"
    save_model(LogisticRegression(C=2).fit(np.array([[0.0], [1.0]]), [0, 1]), usual)
    assert load_model(usual, verify=True).C == 2
    save_model({"limit": Fraction(1, 2)}, own)
    for trusted in ((), ["fractions"], "fractions.Fraction2"):
        with pytest.raises(ModelError, match=r"not trusted: fractions\.Fraction \("):
            load_model(own, verify=True, trusted=trusted)
    for trusted in (["fractions.Fraction"], "fractions.Fraction"):
        assert load_model(own, verify=True, trusted=trusted) == {"limit": Fraction(1, 2)}


def test_a_changed_file_is_told_before_the_names_in_it(tmp_path: Path) -> None:
    path = tmp_path / "m.joblib"
    save_model({}, path)
    joblib.dump(Payload(tmp_path / "trace"), path)
    with pytest.raises(ModelError, match="not the file that its manifest describes"):
        load_model(path, verify=True)


def test_the_names_of_a_folders_pickles_are_refused_too(tmp_path: Path) -> None:
    folder = tmp_path / "forest"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n")
    (folder / "model.pkl").write_bytes(pickle.dumps(Payload(tmp_path / "trace")))
    write_manifest(folder, metrics={})
    with pytest.raises(ModelError, match=MKDIR):
        load_model(folder, verify=True)
    assert not (tmp_path / "trace").exists()


def test_a_refusal_names_no_more_than_ten_and_the_file_by_its_own_path(tmp_path: Path) -> None:
    names = b"".join(b"cm\nc%d\n" % number for number in range(100))
    path = kept(tmp_path / "m.pkl", b"\x80\x02(" + names + b"t.")
    with pytest.raises(ModelError, match=r"m\.c17 \(models do not have it\) and 90 more\. It was not loaded"):
        load_model(path, verify=True)
    damaged = kept(tmp_path / "n.pkl", b"\x80\x02cm\nc\x1b[2J\n.")
    with pytest.raises(
        ModelError, match=rf"damaged pickle \({re.escape(str(damaged))} is not a complete pickle"
    ) as refused:
        load_model(damaged, verify=True)
    assert "\x1b" not in refused.value.message
