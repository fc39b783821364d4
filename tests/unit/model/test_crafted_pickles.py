"""Pickles that are made to run code or to cost much: verification tells of each, and none gets past it for free.

The kinds are those of published advisories for scanners of pickles (picklescan, fickling, modelscan, modelaudit), of
Python's own documentation of the format (pickletools), and of the source code of joblib and NumPy.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmlkit.errors import ModelError
from cmlkit.model.file import write_manifest
from cmlkit.model.pickle_calls import is_known
from cmlkit.model.pickle_contents import read_as_far_as_possible
from cmlkit.model.pickle_machine import IMPORTS_LIMIT
from cmlkit.model.pickle_source import KEPT_BASE_BYTES, READ_BASE_BYTES
from cmlkit.model.verification import verify
from tests.unit.model.pickle_pieces import (
    FIELD_OUTSIDE,
    FLOAT,
    MEMMAP_OF_A_FILE,
    OBJECT,
    PIECES,
    START,
    STRUCT_OF_OBJECTS,
    STRUCT_THAT_LIES,
    SYSTEM,
    array,
    built,
    check_stream,
    dtype,
    name,
    text,
    wrapper,
)
from tests.unit.model.test_file_format import archive

ALIASES = (
    "joblib.externals.loky.x.NumpyArrayWrapper",
    "joblib.memory.NumpyArrayWrapper",
    "joblib.numpy_pickle.np.load",
)
UNKNOWN = (
    *("scipy.sparse.subprocess.Popen", "numpy.testing._private.utils.runstring", "numpy.f2py.crackfortran.myeval"),
    *("scipy._lib._ccallback.ctypes.CDLL", "numpy.ctypeslib.ctypes.CDLL", "numpy.load", "numpy.loadtxt", "joblib.load"),
    *(
        "pandas.eval",
        "pandas.read_pickle",
        "pandas.io.common.os.system",
        "torch.load",
        "torch.storage._load_from_bytes",
    ),
    *("builtins.eval", "builtins.getattr", "builtins.exec", "builtins.__import__", "operator.attrgetter"),
    *("operator.methodcaller", "functools.reduce", "pydoc.locate", "pkgutil.resolve_name", "timeit.timeit"),
    *("code.InteractiveInterpreter", "importlib.import_module", "pickle.loads", "marshal.loads", "types.FunctionType"),
    *("numpy.lib._datasource.DataSource", "numpy.lib.npyio.NpzFile", "scipy.stats._continuous_distns.norm_gen"),
    *("scipy.io._netcdf.netcdf_file", "joblib.memory.MemorizedFunc", "joblib.numpy_pickle_compat.NDArrayWrapper"),
    *("sklearn.utils._testing.TempMemmap", "sklearn.ensemble._forest.Parallel", "pandas.io.pytables.HDFStore"),
    *("scipy._lib._ccallback.LowLevelCallable", "xgboost.tracker.RabitTracker", "numpy._core._ufunc_reconstruct"),
    *("copyreg.add_extension", "cloudpickle.cloudpickle._make_function", "idlelib.pyshell.ModifiedInterpreter"),
)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("path", [*UNKNOWN, *ALIASES])
def test_a_name_that_no_model_has_is_told_however_it_is_reached(tmp_path: Path, path: str, parts: int) -> None:
    parts = min(parts, path.count("."))
    for made in (
        name(path, parts) + b")R.",
        name(path, parts) + b")\x81}b.",
        (b"(" + name(path, parts) + b"o."),
        name(path, parts) + b"0N.",
    ):
        (tmp_path / "m.pkl").write_bytes(START + made)
        reading = read_as_far_as_possible(tmp_path / "m.pkl")
        assert (reading.contents.unknown, reading.contents.doubts, reading.failure) == ((path,), (), "")


WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
CRAFTED: dict[str, tuple[bytes, str]] = {
    # What raw bytes or another pickle are taken for.
    "a field of objects": (wrapper(STRUCT_OF_OBJECTS) + b"\x80\x04" + SYSTEM, "numpy.dtype"),
    "a field of objects without their flags": (wrapper(STRUCT_THAT_LIES) + bytes(8) + b".", "numpy.dtype"),
    "a field outside of the item": (wrapper(FIELD_OUTSIDE) + bytes(8) + b".", "numpy.dtype"),
    "text without the size of its items": (wrapper(dtype("U5")) + bytes(20) + b".", WRAPPER),
    "text with another size": (
        wrapper(dtype("U5", built("<", b"K\x05", b"K\x04", flags=8))) + bytes(5) + b".",
        "numpy.dtype",
    ),
    "a number with flags of objects": (wrapper(dtype("f8", built("<", flags=63))) + SYSTEM, "numpy.dtype"),
    "objects without their flags": (wrapper(dtype("O8", built("|"))) + bytes(8) + b".", "numpy.dtype"),
    "a type by another name": (wrapper(dtype("object", built("|", flags=63))) + SYSTEM, "numpy.dtype"),
    "the one type of all programs": (
        name("numpy.dtype") + text("f8") + b"\x89\x89\x87R" + built("<", flags=63) + b".",
        "numpy.dtype",
    ),
    "a type that changes afterwards": (FLOAT + b"\x94" + built("<", flags=63) + b".", "numpy.dtype"),
    "fields that change afterwards": (
        b"}" + text("a") + FLOAT + b"K\x00\x86sq\x070" + name("numpy.dtype") + text("V8") + b"\x89\x88\x87R"
        + built("|", b"K\x08", b"K\x01", names=text("a") + b"\x85", fields=b"h\x07", flags=16)
        + b"0h\x07" + text("a") + OBJECT + b"K\x00\x86s.",
        "builtins.dict",
    ),
    "more items than NumPy can count": (
        wrapper(FLOAT, b"\x8a\x09" + bytes(8) + b"\x01" + b"\x85") + b".",
        WRAPPER,
    ),
    "a negative shape": (wrapper(FLOAT, b"J\xff\xff\xff\xffJ\xff\xff\xff\xff\x86") + b".", WRAPPER),
    "an array read twice": (
        wrapper(FLOAT).replace(b")\x81}", b")\x81\x94}") + bytes(8) + b"0h\x00}b.",
        WRAPPER,
    ),
    "an array with a method": (
        wrapper(FLOAT)[:-2] + text("read") + name("numpy.mean") + b"ub" + bytes(8) + b".",
        WRAPPER,
    ),
    "an array whose bytes are elsewhere": (
        b"\x95" + struct.pack("<Q", len(wrapper(FLOAT)) + 8) + wrapper(FLOAT) + bytes(8) + SYSTEM,
        WRAPPER,
    ),
    "an array inside of an array of objects": (
        wrapper(OBJECT) + START + wrapper(FLOAT) + SYSTEM,
        WRAPPER,
    ),
    "objects of bytes": (
        array(OBJECT, b"K\x01\x85", b"C\x08" + bytes(8)) + b".",
        "numpy._core.multiarray._reconstruct",
    ),
    "more objects than there are": (
        array(OBJECT, b"K\x09\x85", b"]Na") + b".",
        "numpy._core.multiarray._reconstruct",
    ),
    "a number of an object": (
        name("numpy._core.multiarray.scalar") + OBJECT + b"C\x08" + bytes(8) + b"\x86R.",
        "numpy._core.multiarray.scalar",
    ),
    "an array of another class": (
        name("numpy._core.multiarray._reconstruct") + name("sklearn.svm._classes.SVC") + b"K\x00\x85C\x01b\x87R.",
        "numpy._core.multiarray._reconstruct",
    ),
    "an array that is not empty before it is filled": (
        name("numpy._core.multiarray._reconstruct") + name("numpy.ndarray") + b"J\xff\xff\xff\x7f\x85"
        + name("_codecs.encode") + text("b") + text("latin1") + b"\x86R\x87R.",
        "numpy._core.multiarray._reconstruct",
    ),
    # What known names do if they are called.
    "a file that is overwritten": (name("numpy.memmap") + MEMMAP_OF_A_FILE + b".", "numpy.memmap"),
    "a file that is overwritten, without a constructor": (
        name("numpy.memmap") + MEMMAP_OF_A_FILE[:-1] + b"\x81.",
        "numpy.memmap",
    ),
    "an estimator that is called": (
        name("sklearn.svm._classes.SVC") + text("x") + b"\x85R.",
        "sklearn.svm._classes.SVC",
    ),
    "a function of scikit-learn that is called": (
        name("sklearn.metrics._classification.accuracy_score") + b")R.",
        "sklearn.metrics._classification.accuracy_score",
    ),
    "a dictionary that calls a function": (
        name("collections.defaultdict") + name("numpy.mean") + b"\x85R.",
        "collections.defaultdict",
    ),
    "a random state with another function": (
        name("numpy.random._pickle.__randomstate_ctor") + text("x") + name("numpy.mean") + b"\x86R.",
        "numpy.random._pickle.__randomstate_ctor",
    ),
    "an index of another class": (
        name("pandas.core.indexes.base._new_Index") + name("sklearn.svm._classes.SVC") + b"}\x86R.",
        "pandas.core.indexes.base._new_Index",
    ),
    "a codec that unpacks": (name("_codecs.encode") + text("x") + text("zip") + b"\x86R.", "_codecs.encode"),
    "more memory than there is": (name("builtins.bytearray") + b"J\xff\xff\xff\x7f\x85R.", "builtins.bytearray"),
    "a function with arguments": (
        name("functools.partial") + name("numpy.mean") + b"\x85R.",
        "functools.partial",
    ),
    "a function that is exchanged": (
        name("functools.partial") + name("sklearn.utils.validation.check_array") + b"\x85R("
        + name("numpy.mean") + b")}Ntb.",
        "functools.partial",
    ),
    "a class that is made": (name("builtins.type") + text("x") + b")}\x87R.", "builtins.type"),
    "a formula": (
        name("statsmodels.base.data.ModelData") + b")\x81}" + text("restore_model_spec") + b"\x88sb.",
        "statsmodels.base.data.ModelData",
    ),
    # States that change what is not the object's own.
    "a function that gets attributes": (name("numpy.mean") + b"N}" + text("a") + text("os") + b"s\x86b.", "numpy.mean"),
    "a class that gets a method": (
        name("sklearn.svm._classes.SVC") + b"N}" + text("fit") + name("numpy.mean") + b"s\x86b.",
        "sklearn.svm._classes.SVC",
    ),
    "an object that gets another class": (
        name("sklearn.svm._classes.SVC") + b")\x81N}" + text("__class__") + name("numpy.dtype") + b"s\x86b.",
        "sklearn.svm._classes.SVC",
    ),
    "a method that takes the second state": (
        name("sklearn.svm._classes.SVC") + b")\x81}" + text("__setstate__") + name("numpy.mean") + b"sb}b.",
        "sklearn.svm._classes.SVC",
    ),
    "items that an object takes": (name("sklearn.svm._classes.SVC") + b")\x81N" + b"a.", "sklearn.svm._classes.SVC"),
    "an entry that a class takes": (name("sklearn.svm._classes.SVC") + b"NNs.", "sklearn.svm._classes.SVC"),
    "an object that is called": (name("sklearn.svm._classes.SVC") + b")\x81)R.", "sklearn.svm._classes.SVC"),
    # Operations that no model has.
    "an extension code": (b"\x82\x01.", "opcode EXT1"),
    "a two-byte extension code": (b"\x83\x01\x00.", "opcode EXT2"),
    "a four-byte extension code": (b"\x84\x01\x00\x00\x00.", "opcode EXT4"),
    "a buffer from outside": (b"\x97.", "opcode NEXT_BUFFER"),
    "a persistent identifier": (b"N\x51.", "persistent identifier"),
    "a persistent identifier in text": (b"Px\n.", "persistent identifier"),
    "a name that is too long to be kept": (text("a" * 2000) + text("b") + b"\x93.", "opcode STACK_GLOBAL"),
    # Names that are not where a simple scanner looks.
    "a name from the memo": (text("posix") + b"q\x05" + text("sys") + b"q\x050" + text("posix") + b"q\x06h\x060" * 0
        + b"0" + text("posix") + b"q\x07" + text("system") + b"q\x0800h\x07h\x08\x93)R.", "posix.system"),
    "a name that is dropped": (name("posix.system") + text("id") + b"\x85R0N.", "posix.system"),
    "a name of Python 2": (b"c__builtin__\neval\n)R.".replace(b"\x80\x04", b""), "__builtin__.eval"),
    "an instance in text": (b"(X\x02\x00\x00\x00idiposix\nsystem\n.", "posix.system"),
    "a second pickle": (b"N." + START + SYSTEM, "posix.system"),
    "data after the end": (b"N." + b"\xff\xffwhatever", "data after the end"),
    "an array after the model": (b"N." + START + wrapper(STRUCT_OF_OBJECTS) + START + SYSTEM, "numpy.dtype"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "subject"), CRAFTED.values(), ids=CRAFTED)
def test_what_no_model_does_is_told(tmp_path: Path, content: bytes, subject: str) -> None:
    (tmp_path / "m.joblib").write_bytes(START + content)
    found = verify(tmp_path / "m.joblib")
    assert subject in found.untrusted
    assert not is_known(subject) or any(reason.startswith(f"{subject}: ") for reason in found.reasons)


def test_a_name_of_python_2_is_told_as_the_one_that_is_imported(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"c__builtin__\neval\n(S'1'\ntR.")
    assert verify(tmp_path / "m.pkl").untrusted == ("builtins.eval",)


@pytest.mark.parametrize(
    "compress", [zlib.compress, gzip.compress, bz2.compress, lzma.compress, lambda content: content], ids=range(5)
)
def test_a_stream_that_breaks_off_after_a_call_is_no_model(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "m.joblib"
    for content in (START + SYSTEM[:-1], SYSTEM[:-1] + b"\x00"):
        file.write_bytes(compress(content))
        with pytest.raises(ModelError):
            verify(file)
        # Whoever makes such a file makes a manifest, too, and names no class in it.
        write_manifest(file, metrics={})
        assert "posix.system" in verify(file).untrusted
        Path(f"{file}.json").unlink()


@pytest.mark.parametrize("start", [b"\x80\x04\x8c\x04TFL3", b"CBM1", b"GGUF"], ids=["tflite", "catboost", "gguf"])
def test_a_pickle_with_the_first_bytes_of_another_format_is_told(tmp_path: Path, start: bytes) -> None:
    rest = {b"CBM1": b"x" * 64, b"GGUF": b"12345"}.get(start, b"")  # what the beginning asks for, as a pickle
    (tmp_path / "m.joblib").write_bytes(start + rest + SYSTEM)
    write_manifest(tmp_path / "m.joblib", metrics={})
    found = verify(tmp_path / "m.joblib")
    assert found.format not in ("pickle", "joblib")
    assert found.untrusted == ("posix.system", "disguised pickle")


def test_pickles_beside_those_that_a_loader_reads_are_told(tmp_path: Path) -> None:
    file = tmp_path / "m.pt"
    file.write_bytes(
        archive({"net/data.pkl": START + b"N.", "net/data/0": bytes(8), "net/extra/hook.pkl": START + SYSTEM})
    )
    assert verify(file).untrusted == ("posix.system",)
    with pytest.warns(UserWarning, match="Duplicate name"):
        file.write_bytes(twice("net/data.pkl", START + b"N."))
    assert verify(file).untrusted == ("archive",)


def test_all_pickles_of_pytorch_may_have_their_numbers_elsewhere(tmp_path: Path) -> None:
    # A traced module keeps its inputs in a pickle of their own.
    traced = START + text("storage") + b"\x85Q."
    (tmp_path / "m.pt").write_bytes(archive({"net/data.pkl": START + b"N.", "net/traced_inputs.pkl": traced}))
    assert verify(tmp_path / "m.pt").untrusted == ()


def twice(member: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr(member, content)
        made.writestr(member, content)
    return stream.getvalue()


def test_objects_in_files_of_numpy_are_told(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.array([{}], dtype=object))
    np.savez(tmp_path / "m.npz", a=np.zeros(3), b=np.zeros(1, dtype=[("a", "O"), ("b", "f8")]))
    for file in ("m.npy", "m.npz"):
        assert verify(tmp_path / file).untrusted == ("numpy.load",)
    np.savez(tmp_path / "m.npz", a=np.zeros(3), b=np.array(["text"]))
    assert verify(tmp_path / "m.npz").untrusted == ()


def test_text_in_a_folder_is_a_pickle_if_it_imports_something(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("pickled_model: data.txt\nmlflow_version: 3.4.0\n")
    (tmp_path / "README.md").write_text("cmlkit\nis a text\n")
    assert verify(tmp_path).untrusted == ()
    (tmp_path / "data.txt").write_bytes(SYSTEM.replace(text("id"), b"Vid\n"))
    assert verify(tmp_path).untrusted == ("posix.system",)


# Lists of labels and words, as a tokenizer or a classifier has them. Each begins as `GLOBAL module name` does.
@pytest.mark.parametrize(
    "words", ["cat\ndog\nhorse\n", "class\nnames\n", "config.json\nmodel.pt\n", "c\nd\ne\n", "copy\nright\n(c) 2026\n"]
)
def test_text_in_a_folder_that_only_begins_as_a_pickle_is_none(tmp_path: Path, words: str) -> None:
    (tmp_path / "MLmodel").write_text("mlflow_version: 3.4.0\n")
    (tmp_path / "labels.txt").write_text(words)
    assert verify(tmp_path).untrusted == ()
    (tmp_path / "labels.txt").rename(tmp_path / "labels.pkl")
    with pytest.raises(ModelError):
        verify(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"cposix\nsystem\n(Vid\ntRhorse\n",  # called, before it breaks off
        b"cposix\nsystem\n.",  # whole
        b"cposix\nsystem\n)\x81horse\n",
        b"(iposix\nsystem\nhorse\n",
        b"cposix\nsystem\n}bhorse\n",
        b"cposix\nsystem\n" + b"".join(b"ca\nb%d\n" % number for number in range(IMPORTS_LIMIT)) + b"horse\n",
        b"cposix\nsystem\n\x82\x01horse\n",  # an operation that is not followed
    ],
    ids=["called", "whole", "new object", "instance", "state", "too many names", "extension"],
)
def test_text_in_a_folder_that_acts_as_a_pickle_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "MLmodel").write_text("mlflow_version: 3.4.0\n")
    (tmp_path / "labels.txt").write_bytes(content)
    assert "posix.system" in verify(tmp_path).untrusted


def doubled(times: int) -> bytes:
    """Tuples of two tuples each, so that the last one has 2 ** times items to whoever walks it."""
    return b")" + b"2\x86" * times


BOMBS: dict[str, bytes] = {
    "tuples of tuples as keys": START + b"}" + doubled(200) + b"Ns.",
    "tuples of tuples as names": START + name("numpy.dtype") + doubled(200) + b"\x85R" + doubled(200) + b"b.",
    "arguments that are copied": (
        START + b"(" + b"N" * 7000 + b"tq\x00" + b"".join([name("a.B") + b"h\x00\x81"] * 300) + b"."
    ),
    "fields that are checked again": (
        START + b"}(" + b"".join(text(f"{at}") + FLOAT + b"K\x00\x86" for at in range(300)) + b"uq\x01("
        + b"".join(text(f"{at}") for at in range(300)) + b"tq\x02"
        + (
            name("numpy.dtype") + text("V8") + b"\x89\x88\x87R"
            + built("|", b"K\x08", b"K\x01", names=b"h\x02", fields=b"h\x01", flags=16)
        ) * 100
        + b"."
    ),
    "a length that nothing has": START + b"\x8e" + struct.pack("<Q", 2**62),
    "a frame that nothing has": START + b"\x95" + struct.pack("<Q", 2**62) + b"N.",
    "a number of many digits": START + b"L" + b"9" * 100_000 + b"L\n.",
    "a number of many bytes": START + b"\x8b" + struct.pack("<I", 2**31 - 1),
    "an array that nothing has": START + wrapper(FLOAT, b"J\xff\xff\xff\x7f\x85") + bytes(8),
    "marks in marks": START + b"(" * 20_000 + b".",
    "a memo of many": START + b"]" + b"\x94" * 20_000 + b".",
    "zeros in zlib": zlib.compress(START + b"N" * 10_000_000),
    "zeros in xz": lzma.compress(START + b"]\x94" * 5_000_000),
    "zeros in bz2": bz2.compress(START + b"}" * 10_000_000),
}  # fmt: skip


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_small_file_costs_no_more_than_a_small_file(tmp_path: Path, content: bytes, monkeypatch: Any) -> None:
    monkeypatch.setattr("cmlkit.model.pickle_source.KEPT_BASE_BYTES", KEPT_BASE_BYTES // 64)
    monkeypatch.setattr("cmlkit.model.pickle_source.READ_BASE_BYTES", READ_BASE_BYTES // 64)
    (tmp_path / "m.joblib").write_bytes(content)
    tracemalloc.start()
    try:
        read_as_far_as_possible(tmp_path / "m.joblib")
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2 + 5 * (KEPT_BASE_BYTES // 64 + 64 * len(content))
    finally:
        tracemalloc.stop()


@settings(max_examples=25, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_a_stream_that_is_not_told_of_reaches_only_known_names(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    check_stream(tmp_path_factory.mktemp("stream") / "m.joblib", START + b"".join(pieces) + b".")


def test_pickles_of_python_itself_are_followed_to_their_end(tmp_path: Path) -> None:
    values = {
        "a": [1, 2.5, None, True],
        "b": ("x" * 5000, b"y" * 5000, {1}, frozenset([2]), 2**200, -1),
        "c": {"d": {}},
    }
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "m.pkl").write_bytes(pickle.dumps(values, protocol) + pickle.dumps(values, protocol))
        assert verify(tmp_path / "m.pkl").untrusted == ()
