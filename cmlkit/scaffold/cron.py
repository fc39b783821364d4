"""Schedules of GitHub Actions: POSIX cron with five fields, checked before they are written.

https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cmlkit.errors import SettingsError

DAILY = "0 8 * * *"
SHORTEST_MINUTES = 5
EXAMPLES = '"0 8 * * *" is daily at 08:00 UTC, "30 6 * * MON-FRI" on weekdays at 06:30, "0 */6 * * *" every six hours'
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\w+))?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class _Field:
    """One of the five fields: its name, its range, and words that stand for its numbers."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()

    def values(self, text: str) -> set[int]:
        """Return the numbers that a field's text stands for."""
        return {number for part in text.split(",") for number in self._part(part)}

    def _part(self, part: str) -> range:
        found = _PART.fullmatch(part)
        if not found or (found["first"] == "*" and found["last"]):
            raise ValueError(f"{part!r} is not a {self.name}")
        step = self._step(found["step"]) if found["step"] else 1
        if found["first"] == "*":
            return range(self.least, self.most + 1, step)
        first = self._number(found["first"])
        last = self._number(found["last"]) if found["last"] else self.most if found["step"] else first
        if last < first:
            raise ValueError(f"the range {part!r} of the {self.name} ends before it begins")
        return range(first, last + 1, step)

    def _step(self, text: str) -> int:
        if not text.isdigit() or not 1 <= int(text) <= self.most:
            raise ValueError(f"the step {text!r} of the {self.name} is not within 1-{self.most}")
        return int(text)

    def _number(self, text: str) -> int:
        if text in self.words:
            return self.least + self.words.index(text)
        if not text.isdigit():
            named = f" or {self.words[0]}-{self.words[-1]}" if self.words else ""
            raise ValueError(f"{text!r} is not a {self.name}: write {self.least}-{self.most}{named}")
        if not self.least <= int(text) <= self.most:
            sunday = "; Sunday is 0" if self.words == _DAYS and int(text) == 7 else ""
            raise ValueError(f"the {self.name} {text} is not within {self.least}-{self.most}{sunday}")
        return int(text)


_FIELDS = (
    _Field(name="minute", least=0, most=59),
    _Field(name="hour", least=0, most=23),
    _Field(name="day of the month", least=1, most=31),
    _Field(name="month", least=1, most=12, words=_MONTHS),
    _Field(name="day of the week", least=0, most=6, words=_DAYS),
)


def check_schedule(text: str) -> None:
    """Check that GitHub takes a schedule, and that it ever starts a run.

    Raises:
        SettingsError: It does not, or the schedule is more frequent than GitHub allows.
    """
    try:
        _check(text)
    except ValueError as error:
        raise SettingsError(
            f"The schedule {text!r} is not one of GitHub's: {error}.",
            next_step=f"Write minute, hour, day of the month, month and day of the week: {EXAMPLES}.",
        ) from error


def _check(text: str) -> None:
    if text.startswith("@"):
        raise ValueError("it takes no names such as @daily")
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"it has {len(fields)} field{'' if len(fields) == 1 else 's'}, and cron has {len(_FIELDS)}")
    minutes, hours, days, months, _ = (field.values(part) for field, part in zip(_FIELDS, fields, strict=True))
    if (gap := _shortest_gap(minutes, hours)) < SHORTEST_MINUTES:
        raise ValueError(f"it runs every {gap} min, and the shortest interval is {SHORTEST_MINUTES} min")
    # With both days given, either of them starts a run.
    if fields[4] == "*" and min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise ValueError("none of its months has that day, so it never runs")


def _shortest_gap(minutes: set[int], hours: set[int]) -> int:
    """Return the shortest time in minutes between two runs of a day; a day if there is only one."""
    times = sorted(60 * hour + minute for hour in hours for minute in minutes)
    return min(later - earlier for earlier, later in zip(times, [*times[1:], times[0] + 24 * 60], strict=True))
