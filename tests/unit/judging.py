"""The gate on plain mappings, for tests: rules first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cmlkit.gate.significance import Interval
from cmlkit.gate.verdict import Verdict, compare


def judge(
    rules: Sequence[str],
    *,
    challenger: Mapping[str, float],
    champion: Mapping[str, float] | None = None,
    intervals: Mapping[str, Interval] | None = None,
) -> Verdict:
    return compare(champion, challenger, rules, intervals=intervals)
