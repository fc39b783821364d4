"""A worker beside this process: what it is asked for is done, by it or, if it cannot, here."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cmlkit.errors import SettingsError
from cmlkit.training.plots import Residuals, draw
from cmlkit.training.tables.table import read_table
from cmlkit.training.worker import COMMAND, Worker

pytestmark = pytest.mark.slow


def test_it_is_another_process_and_its_results_may_be_asked_for_in_any_order() -> None:
    with Worker() as worker:
        process, first, second = worker.begin(os.getpid), worker.begin(pow, 2, 3), worker.begin(pow, 2, 4)
        assert (second(), first()) == (16, 8)
        assert process() != os.getpid()


@pytest.mark.parametrize("command", [COMMAND, ("false",), ("no-such-program",), ("echo", "nonsense")])
def test_tables_are_read_and_plots_drawn_whether_it_works_or_not(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2.5\n-3,4e-7\n")
    with Worker(command) as worker:
        table = worker.begin(read_table, tmp_path / "table.csv", 1)
        drawn = worker.begin(draw, Residuals(truth=np.arange(3.0), predicted=np.arange(3.0)), tmp_path / "p.png")
        assert table().tolist() == [[1, 2.5], [-3, 4e-7]]
        drawn()
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_its_error_is_raised_here_and_what_follows_is_done_here(tmp_path: Path) -> None:
    with Worker() as worker:
        table, process = worker.begin(read_table, tmp_path / "absent.csv"), worker.begin(os.getpid)
        with pytest.raises(SettingsError, match="cannot be read"):
            table()
        assert process() == os.getpid()


def test_nothing_is_left_of_it_when_nobody_waits(tmp_path: Path) -> None:
    with Worker() as worker:
        process = worker.begin(os.getpid)()
        worker.begin(read_table, tmp_path / "absent.csv")
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
