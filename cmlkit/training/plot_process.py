"""The painter: draws in a process of its own, which loads matplotlib while this one loads scikit-learn and fits."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from cmlkit.process import beside, forked, helper
from cmlkit.training.plots import Plot, draw, load_matplotlib

COMMAND = helper("cmlkit.training.plot_process")


class Painter:
    """Draws beside what is done within its `with` block, and is done when that ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._plots: dict[Path, Plot] = {}

    def __enter__(self) -> Painter:
        self._process = beside(COMMAND)
        return self

    def draw(self, plots: Mapping[Path, Plot]) -> None:
        """Begin to draw: file -> plot. Called at most once."""
        self._plots = dict(plots)
        if self._process and self._process.stdin:
            try:
                with self._process.stdin as stream:
                    pickle.dump(self._plots, stream)
            except OSError:
                self._process.kill()  # it has ended already, and what it left undone is drawn here

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the drawings.

        Raises:
            SettingsError: matplotlib is not installed, or a file cannot be written.
        """
        finished = self._finished(kind is None)
        if kind is None and not finished:
            # Whatever kept the process from it happens here again, where it can be told, or does not happen at all.
            for path, plot in self._plots.items():
                draw(plot, path)

    def _finished(self, wanted: bool) -> bool:
        if self._process is None:
            return False
        if not (wanted and self._plots):
            self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        return self._process.wait() == 0


def main() -> None:
    """Draw the plots that come on standard input, from the process that started this one."""
    load_matplotlib()
    plots = list(pickle.load(sys.stdin.buffer).items())  # noqa: S301 - our own process wrote it
    # By then the training has nothing left to do but wait: its core draws too. Without threads of numpy a fork is safe.
    other_half = forked(lambda: _draw_all(plots[1::2]))
    _draw_all(plots[::2])
    if not other_half():
        sys.exit(1)


def _draw_all(plots: Iterable[tuple[Path, Plot]]) -> None:
    for path, plot in plots:
        draw(plot, path)


if __name__ == "__main__":
    main()
