"""Imports of pickled models: which are usual for a model, and which to look at before loading.

This is a filter, not a proof: a familiar import may still do harm, since loading a pickle runs code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LIBRARIES = frozenset(
    {
        *("sklearn", "numpy", "scipy", "joblib", "pandas", "xgboost", "lightgbm", "catboost", "statsmodels"),
        *("sklearnex", "daal4py", "onedal"),
    }
)
# Parts of these libraries that compile or run their arguments.
_RUNS_CODE = re.compile(
    r"\.(f2py|testing|_?tests?|distutils|computation|memory|externals|_parallel\w*|parallel|compat)\."
)
_TORCH_STORAGE = re.compile(r"torch\.(storage\.)?[A-Z]\w*Storage|__torch__\..+")  # code in a TorchScript archive
_CLASS = re.compile(r"_*[A-Z]\w*")
# Functions with which these libraries rebuild their objects.
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
        # Functions with which estimator mode reads dates, in the spellings of several versions.
        "numpy.array",
        "numpy.asarray",
        "numpy.transpose",
        "pandas.to_datetime",
        "pandas.core.tools.datetimes.to_datetime",
        # Those that PyTorch itself trusts when it loads weights only.
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch.Size",
        "torch.Tensor",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.jit._pickle.build_intlist",
        "torch.jit._pickle.build_tensorlist",
        "torch.jit._pickle.build_doublelist",
        "torch.jit._pickle.build_boollist",
    }
)


def unfamiliar(imports: Iterable[str]) -> tuple[str, ...]:
    """Return the import paths that are neither plain values nor classes of the known model libraries."""
    return tuple(path for path in imports if path not in _PLAIN and not _is_familiar(path))


def _is_familiar(path: str) -> bool:
    if _TORCH_STORAGE.fullmatch(path):
        return True
    module, _, name = path.rpartition(".")
    if module.partition(".")[0] not in _LIBRARIES or _RUNS_CODE.search(f".{module}."):
        return False
    return bool(_CLASS.fullmatch(name) or _BUILDS.fullmatch(name))
