"""Judgement on what a pickle does with the names that it imports: which it calls, with what, and whose state it sets.

A familiar name is not enough: `numpy.memmap` called with a file's name writes to that file, and a state put into a
function changes that function for the whole program. Models do none of that, so all that they do not do is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from cmlkit.model import numpy_types
from cmlkit.model.known_names import FILLED, NAMED
from cmlkit.model.numpy_types import Unsafe
from cmlkit.model.pickle_values import Filled, Long, Made, Name, Table, is_bytes, is_suspect, is_text

ARRAY_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
RECONSTRUCTORS = ("copyreg._reconstructor",)
_ARGUMENTS_LIMIT = 32
_TORCH_STORAGE = re.compile(r"torch\.(storage\.)?[A-Z]\w*Storage")
_TORCH_SCRIPT = re.compile(r"__torch__\.[\w.]+")  # code in a TorchScript archive
_BIT_GENERATORS = frozenset(
    f"numpy.random.{path}"
    for path in ("_mt19937.MT19937", "_pcg64.PCG64", "_pcg64.PCG64DXSM", "_philox.Philox", "_sfc64.SFC64")
)
# A recarray is an array: nothing of its own runs when it is made empty and gets its state.
_ARRAYS = frozenset(
    {
        *("numpy.ndarray", "numpy.matrix", "numpy.memmap", "numpy.matrixlib.defmatrix.matrix"),
        *("numpy.recarray", "numpy.rec.recarray"),
    }
)
_MASKED = frozenset({"numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"})
_INDEXES = frozenset(
    f"{module}.{name}"
    for name, own in {
        "Index": "base",
        "RangeIndex": "range",
        "MultiIndex": "multi",
        "CategoricalIndex": "category",
        "IntervalIndex": "interval",
        "DatetimeIndex": "datetimes",
        "TimedeltaIndex": "timedeltas",
        "PeriodIndex": "period",
    }.items()
    for module in ("pandas", f"pandas.core.indexes.{own}")
)
_PANDAS_ARRAYS = frozenset(
    {
        *("pandas.Categorical", "pandas.core.arrays.categorical.Categorical"),
        *(f"pandas.arrays.{name}" for name in ("DatetimeArray", "TimedeltaArray", "PeriodArray", "StringArray")),
        "pandas.core.arrays.datetimes.DatetimeArray",
        "pandas.core.arrays.timedeltas.TimedeltaArray",
        "pandas.core.arrays.period.PeriodArray",
        "pandas.core.arrays.string_.StringArray",
        "pandas.core.arrays.numpy_.NumpyExtensionArray",
    }
)
_TREES = ("sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree")
_TREE_CLASSES = {
    module: frozenset(f"{module}.{name}{width}" for width in ("", "32", "64"))
    for module, name in zip(_TREES, ("KDTree", "BallTree"), strict=True)
}
_DISTANCES = frozenset(
    f"sklearn.metrics._dist_metrics.{name}Distance{width}"
    for name in (
        *("Euclidean", "SEuclidean", "Manhattan", "Chebyshev", "Minkowski", "WMinkowski", "Mahalanobis", "Hamming"),
        *("Canberra", "BrayCurtis", "Jaccard", "Matching", "Dice", "Kulsinski", "RogersTanimoto", "RussellRao"),
        *("SokalMichener", "SokalSneath", "Haversine"),
    )
    for width in ("", "32", "64")
)
_LOSS = "sklearn._loss._loss"
_LOSSES = frozenset(
    f"{_LOSS}.Cy{name}"
    for name in (
        *("AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss", "HalfMultinomialLoss"),
        *("HalfPoissonLoss", "HalfSquaredError", "HalfTweedieLoss", "HalfTweedieLossIdentity", "HuberLoss"),
        "PinballLoss",
    )
)
_GRADIENT_LOSSES = frozenset(
    f"sklearn.linear_model.{module}.{name}"
    for module in ("_sgd_fast", "_sgd_fast_helpers")
    for name in (
        *("EpsilonInsensitive", "Hinge", "Huber", "Log", "ModifiedHuber", "SquaredEpsilonInsensitive", "SquaredHinge"),
        *("SquaredLoss", "CyHalfBinomialLoss", "CyHalfSquaredError"),
    )
)
# Gradient boosting with categories has this function of scikit-learn with some of its arguments.
_CHECK = "sklearn.utils.validation.check_array"
_VALUES = frozenset(f"builtins.{name}" for name in ("list", "dict", "set", "int", "float", "str", "bool", "tuple"))
_NUMPY_CORES = ("numpy.core", "numpy._core")
# Python's and NumPy's types and functions of numbers, which models have as parameters. They are not called.
_UFUNCS = (
    *(
        "abs",
        "absolute",
        "cbrt",
        "ceil",
        "cos",
        "exp",
        "exp2",
        "expm1",
        "fabs",
        "floor",
        "log",
        "log10",
        "log1p",
        "log2",
    ),
    *(
        "max",
        "mean",
        "median",
        "min",
        "negative",
        "power",
        "reciprocal",
        "rint",
        "sign",
        "sin",
        "sqrt",
        "square",
        "std",
    ),
    *("sum", "tan", "tanh", "var", "array", "asarray", "transpose", "ravel", "nan_to_num"),
)
_PLAIN_NAMES = frozenset(
    {
        *_VALUES,
        *_ARRAYS,
        *_MASKED,
        *_INDEXES,
        *_PANDAS_ARRAYS,
        *_BIT_GENERATORS,
        *_DISTANCES,
        *(path for paths in _TREE_CLASSES.values() for path in paths),
        *(f"builtins.{name}" for name in ("bytes", "object", "Ellipsis", "NotImplemented")),
        *(f"numpy.{name}" for name in _UFUNCS),
        *(f"{core}._multiarray_umath.{name}" for core in _NUMPY_CORES for name in _UFUNCS),
        *(f"numpy.{sign}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)),
        *(f"numpy.{name}" for name in ("float16", "float32", "float64", "complex64", "complex128", "longdouble")),
        *(f"numpy.{name}" for name in ("bool_", "bool", "str_", "bytes_", "object_", "datetime64", "timedelta64")),
        _CHECK,
        numpy_types.RECORD,
        "numpy.random.bit_generator.SeedSequence",
        "pandas.to_datetime",
        "pandas.core.tools.datetimes.to_datetime",
        "pandas.NA",
        "pandas._libs.missing.NA",
        *(f"torch.{name}" for name in ("float16", "float32", "float64", "bfloat16", "bool")),
        *(f"torch.{sign}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)),
    }
)

Judge = Callable[[tuple[Any, ...]], str]


def _data(*names: str) -> Judge:
    """Accept any data, and of classes and functions only those named."""
    allowed = frozenset(names)

    def judge(arguments: tuple[Any, ...]) -> str:
        other = [item.path for item in arguments if isinstance(item, Name) and item.path not in allowed]
        return f"it is called with {other[0]}" if other else ""

    return judge


def _none(arguments: tuple[Any, ...]) -> str:
    return "it is called with arguments" if arguments else ""


def _instance_of(names: Collection[str]) -> Judge:
    """Accept one of the classes first, and data after it."""

    def judge(arguments: tuple[Any, ...]) -> str:
        first = arguments[0] if arguments else None
        if not (isinstance(first, Name) and first.path in names):
            return "it makes an object of another class than models have"
        return _data()(arguments[1:])

    return judge


def _reconstructed(arguments: tuple[Any, ...]) -> str:
    """Judge the function of protocols 0 and 1 that makes an object of a class and of its base."""
    kind, base, _ = arguments if len(arguments) == 3 else (None, None, None)
    if not (isinstance(kind, Name) and isinstance(base, Name)):
        return "it makes an object of no class"
    if kind.path in _TUPLES and base.path == "builtins.tuple":
        return ""
    if base.path not in ("builtins.object", "builtins.dict", "builtins.list"):
        return f"it makes an object with {base.path}"
    return "" if kind.path in _MADE_WITHOUT_ARGUMENTS else f"it makes an object of {kind.path}"


def _encoded(arguments: tuple[Any, ...]) -> str:
    if (
        len(arguments) == 2
        and is_text(arguments[0])
        and arguments[1] in ("latin1", "latin-1", "ascii", "utf-8", "utf8")
    ):
        return ""
    return "it encodes something other than text"


def _type_of(arguments: tuple[Any, ...]) -> str:
    return "" if arguments == (None,) else "it makes or asks for a class"


def _partial(arguments: tuple[Any, ...]) -> str:
    is_check = len(arguments) == 1 and isinstance(arguments[0], Name) and arguments[0].path == _CHECK
    return "" if is_check else "it calls a function with arguments of the pickle"


def _bytes(arguments: tuple[Any, ...]) -> str:
    is_plain = not arguments or is_bytes(arguments[0]) or is_text(arguments[0])
    return _data()(arguments) if is_plain else "it is not made of bytes"


def _array(arguments: tuple[Any, ...]) -> str:
    kind, shape, code = arguments if len(arguments) == 3 else (None, None, None)
    is_code = code in (b"b", "b") or (isinstance(code, Made) and code.path == "_codecs.encode")
    if isinstance(kind, Name) and kind.path in _ARRAYS and shape == (0,) and is_code:
        return ""
    return "it makes another array than an empty one, which is then filled"


def _masked(arguments: tuple[Any, ...]) -> str:
    first = arguments[0] if arguments else None
    if not (isinstance(first, Name) and first.path in _MASKED):
        return "it makes another array than an empty one, which is then filled"
    return _array(arguments[1:])


def _scalar(arguments: tuple[Any, ...]) -> str:
    if len(arguments) != 2 or not (is_bytes(arguments[1]) or is_text(arguments[1])):
        return "it makes a number of something other than bytes"
    return _plain_item(arguments[0])


def _from_buffer(arguments: tuple[Any, ...]) -> str:
    if len(arguments) not in (4, 5) or not is_bytes(arguments[0]):
        return "it makes an array of something other than bytes"
    return _plain_item(arguments[1])


def _plain_item(dtype: Any) -> str:
    try:
        kind, _ = numpy_types.item_of(dtype)
    except Unsafe as error:
        return f"it is called with {error}"
    return "it makes objects of bytes" if kind == numpy_types.OBJECT else ""


def _type(arguments: tuple[Any, ...]) -> str:
    return _data(numpy_types.RECORD)(arguments)


def _texts(arguments: tuple[Any, ...]) -> str:
    return "" if all(map(is_text, arguments)) else "it is called with something other than text"


def _tree(arguments: tuple[Any, ...]) -> str:
    is_tree = len(arguments) == 3 and type(arguments[0]) is int and type(arguments[2]) is int
    return "" if is_tree and isinstance(arguments[1], Made) else "it is called with other arguments than a tree has"


_BUNCHES = ("sklearn.utils._bunch.Bunch", "sklearn.utils.Bunch")
_CALLED: Mapping[str, Judge] = {
    "copyreg._reconstructor": _reconstructed,
    "_codecs.encode": _encoded,
    "builtins.object": _none,
    "builtins.type": _type_of,
    "functools.partial": _partial,
    "builtins.bytes": _none,
    "builtins.bytearray": _bytes,
    **{f"builtins.{name}": _data() for name in ("set", "frozenset", "complex", "slice", "range")},
    "collections.OrderedDict": _data(),
    "collections.Counter": _data(),
    "collections.deque": _data(),
    "collections.defaultdict": _data(*_VALUES, "collections.OrderedDict"),
    **{f"datetime.{name}": _data() for name in ("date", "time", "datetime", "timedelta", "timezone")},
    # A number is made of its digits. Objects that take the place of digits are refused, as they could have methods.
    "decimal.Decimal": _texts,
    # A path is made of words without a look at any file; of objects, it would call their `__fspath__`.
    **{
        f"{module}.{name}": _texts
        for module in ("pathlib", "pathlib._local")  # the second in Python 3.13
        for name in ("PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
    },
    "numpy.dtype": _type,
    **{f"{core}.multiarray._reconstruct": _array for core in _NUMPY_CORES},
    **{f"{core}.multiarray.scalar": _scalar for core in _NUMPY_CORES},
    **{f"{core}.numeric._frombuffer": _from_buffer for core in _NUMPY_CORES},
    "numpy.ma.core._mareconstruct": _masked,
    "numpy.random._pickle.__bit_generator_ctor": _data(*_BIT_GENERATORS),
    "numpy.random._pickle.__generator_ctor": _data("numpy.random._pickle.__bit_generator_ctor"),
    "numpy.random._pickle.__randomstate_ctor": _data("numpy.random._pickle.__bit_generator_ctor"),
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": _instance_of(["numpy.random.bit_generator.SeedSequence"]),
    "pandas.core.indexes.base._new_Index": _instance_of(_INDEXES),
    "pandas.core.indexes.datetimes._new_DatetimeIndex": _instance_of(_INDEXES),
    "pandas.core.indexes.timedeltas._new_TimedeltaIndex": _instance_of(_INDEXES),
    "pandas.core.indexes.interval._new_IntervalIndex": _instance_of(_INDEXES),
    "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked": _instance_of(_PANDAS_ARRAYS),
    "pandas._libs.internals._unpickle_block": _data(),
    "pandas.core.internals.managers.BlockManager": _data(),
    **{f"pandas{path}": _data() for path in (".Interval", "._libs.interval.Interval", "._libs.sparse.IntIndex")},
    **{f"pandas{path}.PeriodDtype": _data() for path in ("", ".core.dtypes.dtypes")},
    **{
        f"pandas{path}.StringDtype": _data("pandas.NA", "pandas._libs.missing.NA")
        for path in ("", ".core.arrays.string_")
    },
    **{f"pandas._libs.tslibs.nattype.{name}_nat_unpickle": _data() for name in ("", "_")},
    "pandas._libs.tslibs.timedeltas._timedelta_unpickle": _data(),
    "pandas._libs.tslibs.timestamps._unpickle_timestamp": _data(),
    "pandas._libs.tslibs.offsets.Day": _data(),
    "pyarrow.lib._restore_array": _data(),
    "pyarrow.lib.py_buffer": _bytes,
    "pyarrow.lib.type_for_alias": _data(),
    **{f"{module}.newObj": _instance_of(_TREE_CLASSES[module]) for module in _TREES},
    "sklearn.metrics._dist_metrics.newObj": _instance_of(_DISTANCES),
    "sklearn.tree._tree.Tree": _tree,
    **dict.fromkeys((*_LOSSES, *_GRADIENT_LOSSES), _data()),
    **{f"{_LOSS}.__pyx_unpickle_{path.rpartition('.')[2]}": _instance_of([path]) for path in _LOSSES},
    "torch.Size": _data(),
    "torch.device": _data(),
    **{f"torch._utils._rebuild_{name}": _data() for name in ("parameter", "tensor", "tensor_v2")},
    **{f"torch.jit._pickle.build_{name}list": _data() for name in ("int", "tensor", "double", "bool")},
    "torch.jit._pickle.restore_type_tag": _data(),
}
# Models of oneDAL's own, which take their bytes as a state.
_ONEDAL = re.compile(
    r"onedal\._onedal_py_host\.(covariance|linear_model\.regression)\.partial_\w+_result"
    r"|onedal\._onedal_py_host\.(covariance|decision_forest|kmeans|linear_model|neighbors|svm)\.\w+\.model"
)
# Tuples with a class, whose arguments are their items.
_TUPLES = frozenset({"sklearn.impute._iterative._ImputerTriplet"})
_MADE_WITHOUT_ARGUMENTS = frozenset(
    {
        *FILLED,
        *_BUNCHES,
        ARRAY_WRAPPER,
        "pandas.core.internals.managers.SingleBlockManager",
    }
)
_STATES_OF_ANY_KIND = frozenset(
    {
        "numpy.random._pickle.__bit_generator_ctor",
        "numpy.random._pickle.__generator_ctor",
        "numpy.random._pickle.__randomstate_ctor",
        "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
        "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
        "pandas.core.internals.managers.SingleBlockManager",
        *(f"{module}.newObj" for module in _TREES),
        "sklearn.metrics._dist_metrics.newObj",
    }
)
_STATES_OF_NAMES = frozenset({*FILLED, *_BUNCHES, "sklearn.tree._tree.Tree", "collections.OrderedDict", *_LOSSES})
_FILLED_AS_LISTS = frozenset({"collections.deque"})
_FILLED_AS_TABLES = frozenset(
    {
        *_BUNCHES,
        *(f"collections.{name}" for name in ("OrderedDict", "defaultdict", "Counter")),
        "scipy.sparse._dok.dok_matrix",
    }
)
# A state with one of these makes statsmodels evaluate the model's formula, which is Python code.
_FORMULAS = {"statsmodels.base.data.ModelData": ("restore_model_spec", "restore_design_info")}


def is_known(path: str) -> bool:
    """Return whether models import this name."""
    return (
        path in FILLED
        or path in NAMED
        or path in _CALLED
        or path in _PLAIN_NAMES
        or path in _MADE_WITHOUT_ARGUMENTS
        or path in _TUPLES
        or any(form.fullmatch(path) for form in (_TORCH_STORAGE, _TORCH_SCRIPT, _ONEDAL))
    )


def against_call(function: Any, arguments: tuple[Any, ...]) -> str:
    """Return what speaks against a call of a known name; empty if nothing does."""
    if not isinstance(function, Name):
        return "it calls an object that it made"
    if any(is_suspect(item) for item in arguments[:_ARGUMENTS_LIMIT]):
        return ""
    if len(arguments) > _ARGUMENTS_LIMIT:
        return "it is called with more arguments than models have"
    if function.path in _CALLED:
        return _CALLED[function.path](arguments)
    if function.path in _MADE_WITHOUT_ARGUMENTS:
        return _none(arguments)
    return "models name it, but do not call it"


def against_object(kind: Any, arguments: tuple[Any, ...]) -> str:
    """Return what speaks against an object of a known class, made without its constructor; empty if nothing does."""
    if not isinstance(kind, Name):
        return "it makes an object of something other than a class"
    if kind.path in _TUPLES or _TORCH_SCRIPT.fullmatch(kind.path):
        return ""
    if kind.path not in _MADE_WITHOUT_ARGUMENTS and not _ONEDAL.fullmatch(kind.path):
        return "models have no object of it that is made so"
    return _none(arguments)


def against_state(target: Any, state: Any) -> str:
    """Return what speaks against setting the state of an object of a known class; empty if nothing does.

    The states of NumPy's types are judged by `numpy_types.built_item`, those of array wrappers where the array is read.
    """
    if not isinstance(target, Made):
        return "it changes a class, a function or a plain value"
    if target.is_built:
        return "it changes an object that is complete"
    if is_suspect(state):
        return ""
    if target.path.endswith((".multiarray._reconstruct", "._mareconstruct")):
        return _against_array(target.path, state)
    if target.path == "functools.partial":
        is_plain = isinstance(state, tuple) and len(state) == 4 and state[1] == () and isinstance(state[2], Table)
        return _partial(state[:1]) if is_plain else "it calls a function with arguments of the pickle"
    if _ONEDAL.fullmatch(target.path):
        return "" if is_bytes(state) or isinstance(state, tuple) else "its state is no data"
    if _TORCH_SCRIPT.fullmatch(target.path) or target.path in _STATES_OF_ANY_KIND:
        return "" if state is None or isinstance(state, Table | tuple) else "its state is no data"
    return _against_attributes(target.path, state)


def _against_attributes(path: str, state: Any) -> str:
    if path not in _STATES_OF_NAMES:
        return "models do not set its state"
    if state is not None and not isinstance(state, Table):
        return "its state is no dictionary"
    for entry in _FORMULAS.get(path, ()):
        if state is None or not state.is_whole or entry in state.entries:
            return "it evaluates a formula, which is Python code"
    return ""


def _against_array(path: str, state: Any) -> str:
    try:
        if path.endswith("._mareconstruct"):
            if not (isinstance(state, tuple) and len(state) == 7):
                raise Unsafe("an array with another state than NumPy writes")
            state = (1, *state[1:5])
        numpy_types.check_state(state)
    except Unsafe as error:
        return f"it is filled as {error}"
    return ""


def against_items(target: Any, *, keyed: bool) -> str:
    """Return what speaks against adding items, with keys or without, to this value; empty if nothing does."""
    if isinstance(target, Table):
        if target.is_sealed:
            return "it changes the fields of a type that is complete"
        return "" if keyed else "it adds items without keys to a dictionary"
    if isinstance(target, Filled):
        return "it sets items of a list" if keyed else ""
    kinds = _FILLED_AS_TABLES if keyed else _FILLED_AS_LISTS
    if isinstance(target, Made) and target.path in kinds:
        return ""
    return "it adds items to something other than a list, a set or a dictionary"


def subject_of(value: Any) -> str:
    """Return the name under which a value is told of."""
    if isinstance(value, Name | Made) and value.path:
        return value.path
    kind = value.kind if isinstance(value, Long | Filled) else dict if isinstance(value, Table) else type(value)
    return f"builtins.{kind.__name__}"
