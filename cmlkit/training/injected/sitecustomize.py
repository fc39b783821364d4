"""The file that Python runs as it starts in an accelerated training command: first on PYTHONPATH, before any own file.

It stands alone: the command's Python may have no cmlkit. CMLKIT_ACCELERATOR names the accelerator, and
CMLKIT_ACCELERATOR_REPORT the file that gets a line for each fit, as the library itself tells: `on` or `off`.
"""

import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_REPORT = os.environ.get("CMLKIT_ACCELERATOR_REPORT", "")

# Families whose models predict the same after the conversion; a vector machine, for example, needs more.
_CONVERTED = ("ensemble", "linear_model", "cluster", "decomposition")


def _tell(word: str) -> None:
    try:
        with open(_REPORT, "a", encoding="utf-8") as report:
            report.write(word + "\n")
    except OSError:
        pass


class _AfterImport:
    """Patches scikit-learn when the program imports it, so that other programs start as fast as ever."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name != "sklearn":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_patch(module):  # type: ignore[no-untyped-def]
                run(module)
                _patch()

            spec.loader.exec_module = run_and_patch  # type: ignore[method-assign]
        return spec


def _patch() -> None:
    import logging

    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said = record.getMessage()
            if ".fit" in said:
                _tell("off" if "fallback" in said else "on" if "accelerated" in said else "")

    try:
        from sklearnex import patch_sklearn
    except ImportError:
        _tell("missing")
        return
    logger = logging.getLogger("sklearnex")
    for handler in logger.handlers:
        handler.setLevel(max(handler.level, logging.WARNING))
    logger.addHandler(Telling(logging.INFO))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    patch_sklearn(verbose=False)
    _pickle_as_plain()


def _pickle_as_plain() -> None:
    """Let fitted models be pickled as scikit-learn's own, so that whoever loads one needs no accelerator."""
    try:
        from sklearnex.dispatcher import get_patch_map
    except ImportError:  # a version that keeps it elsewhere
        return
    for _, _, kind, plain in get_patch_map().values():
        family = getattr(kind, "__module__", "").split(".")[1:2]
        if isinstance(kind, type) and isinstance(plain, type) and family and family[0] in _CONVERTED:
            kind.__reduce_ex__ = _reduced(kind.__reduce_ex__, plain)  # type: ignore[method-assign, no-untyped-call]


def _reduced(otherwise, plain):  # type: ignore[no-untyped-def]
    def reduce(self, protocol):  # type: ignore[no-untyped-def]
        if not any(name.endswith("_") and not name.startswith("_") for name in vars(self)):
            return otherwise(self, protocol)
        try:
            # As in protocol 1: pickle refuses an object of another class in the later form.
            return _as_plain(self, plain).__reduce_ex__(1)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - the model is saved as it is, rather than not at all
            return otherwise(self, protocol)

    return reduce


def _as_plain(fitted, plain):  # type: ignore[no-untyped-def]
    """Return the fitted model as one of scikit-learn's class, with what the library computes only when asked."""
    made = plain.__new__(plain)
    made.__dict__.update(
        {name: value for name, value in vars(fitted).items() if not name.startswith(("_onedal", "_cached"))}
    )
    for base in type(fitted).__mro__:
        for name, member in vars(base).items():
            lazily = isinstance(member, property) and name.endswith("_") and not name.startswith("__")
            if lazily and base.__module__.startswith("sklearnex") and hasattr(fitted, name):
                made.__dict__[name] = getattr(fitted, name)
    return made


def _look_at_cuml() -> None:
    accel = sys.modules.get("cuml.accel")
    if "sklearn" in sys.modules:
        _tell("on" if accel is not None and accel.enabled() else "missing" if accel is None else "off")


def _run_next() -> None:
    """Run the file of this name that Python would have run without this one."""
    elsewhere = [path for path in sys.path if os.path.abspath(path or ".") != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


if os.environ.get("CMLKIT_ACCELERATOR") == "intelex":
    sys.meta_path.insert(0, _AfterImport())
elif os.environ.get("CMLKIT_ACCELERATOR") == "cuml":
    import atexit

    atexit.register(_look_at_cuml)
_run_next()
