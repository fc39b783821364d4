"""Imports of pickled models: which of them models are made of, and which one should look at before loading.

It is a sieve and not a proof: what it lets through may still do harm, since loading a pickle runs code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LIBRARIES = frozenset({"sklearn", "numpy", "scipy", "joblib", "pandas", "xgboost", "lightgbm", "catboost"})
# Parts of these libraries that compile or run what they are handed.
_RUNS_CODE = re.compile(r"\.(f2py|testing|_?tests?|distutils|computation|memory|externals|_parallel\w*|parallel)\.")
_CLASS = re.compile(r"_*[A-Z]\w*")
# Functions by which these libraries put their objects together again.
_BUILDS = re.compile(
    r"_reconstruct|_frombuffer|scalar|ndarray|dtype|newObj|_new_Index|_unpickle_\w+|new_block|__pyx_unpickle_\w+"
    r"|__(randomstate|bit_generator|generator)_ctor|\w+_(matrix|array)|(u?int|float|complex)\d+|bool_?|str_|bytes_"
)
_PLAIN = frozenset(
    {
        "builtins.object",
        "builtins.set",
        "builtins.frozenset",
        "builtins.slice",
        "builtins.bytearray",
        "builtins.complex",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.deque",
        "copyreg._reconstructor",
        "_codecs.encode",
        "datetime.datetime",
        "datetime.date",
        "datetime.timedelta",
    }
)


def unfamiliar(imports: Iterable[str]) -> tuple[str, ...]:
    """Those of the import paths that are neither plain values nor classes of the libraries of models."""
    return tuple(path for path in imports if path not in _PLAIN and not _is_familiar(path))


def _is_familiar(path: str) -> bool:
    module, _, name = path.rpartition(".")
    if module.partition(".")[0] not in _LIBRARIES or _RUNS_CODE.search(f".{module}."):
        return False
    return bool(_CLASS.fullmatch(name) or _BUILDS.fullmatch(name))
