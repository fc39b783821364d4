"""Work that begins beside other work."""

from __future__ import annotations

import threading

import pytest

from cmlkit.process import begun


def test_what_has_begun_goes_on_beside_and_gives_its_result_whenever_it_is_asked() -> None:
    other_work_is_done = threading.Event()
    result = begun(lambda: other_work_is_done.wait(10))
    other_work_is_done.set()
    assert (result(), result()) == (True, True)


def test_its_error_is_for_whoever_asks() -> None:
    def fail() -> None:
        raise OSError("disk")

    result = begun(fail)
    with pytest.raises(OSError, match="disk"):
        result()
