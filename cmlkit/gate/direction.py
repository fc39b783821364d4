"""Direction: whether more of a metric is better, told by the words of its name, or by the person.

Known names come first, the longest at each place; of several in one name the last decides, as the noun of the phrase:
`loss_accuracy` is an accuracy. Words are whole: `sentiment` has no `time` in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from cmlkit.gate.metric_names import HIGHER, LIKELIHOODS, LOWER, NEITHER, UNITS, VETO, VETO_LAST

_NEGATIVE = ("neg", "negative", "negated", "minus")
_LONGEST = max(name.count("_") for name in HIGHER | LOWER | NEITHER) + 1
_KNOWN = {**dict.fromkeys(NEITHER), **dict.fromkeys(HIGHER, True), **dict.fromkeys(LOWER, False)}
_LENGTH_LIMIT = 1_000
# Words in camelCase, with their digits: `F1Score`, `valAUC`, `HTTPError2`.
_CAMEL = re.compile(r"[A-Z]+\d*(?![a-z])|[A-Z]?[a-z]+\d*\+*|\d+")
_SCORE = frozenset({"score", "scores"})
# Precision and recall at a rank, as retrieval and XGBoost write them: `P@5`, `pre@5`, `R@1`.
_AT_RANK = re.compile(r"(?<![^\W_])(?:p|pre|(?P<recall>r))@(?=\d)", re.IGNORECASE)


def higher_is_better(name: str) -> bool | None:
    """Return whether more of the metric is better; None if its name does not say."""
    found = words(name)
    matches = list(_matches(found))
    covered = {position for match in matches for position in range(match.start, match.end)}
    if _is_vetoed(found, covered):
        return None
    decisive = [match for match in matches if match.higher is not None]
    # `_score` says only that a function returns more for the better (scikit-learn's convention): of `fid_score` the
    # first word tells more.
    telling = [match for match in decisive if not match.is_score] or decisive
    return telling[-1].higher if telling else None


@dataclass(frozen=True, kw_only=True)
class _Match:
    """A known name among the words of a metric, from `start` to before `end`."""

    start: int
    end: int
    higher: bool | None
    is_score: bool = False


def words(name: str) -> tuple[str, ...]:
    """Return the words of a metric's name in lower case: `val/topK-Accuracy(B)` is val, top, k, accuracy, b."""
    plain = unicodedata.normalize("NFKC", name[:_LENGTH_LIMIT])
    plain = _AT_RANK.sub(lambda found: "recall@" if found["recall"] else "precision@", plain)
    return tuple(word for part in re.split(r"[^\w+]+|_+", plain) if part for word in _split(part))


def _split(part: str) -> Sequence[str]:
    folded = part.casefold()
    if folded in _KNOWN:
        return (folded,)
    pieces = [piece.casefold() for piece in _CAMEL.findall(part)]
    return pieces if "".join(pieces) == folded else (folded,)


def _is_vetoed(found: Sequence[str], covered: Set[int]) -> bool:
    """Return whether a word that is no part of a known name makes the metric say nothing of the model."""
    return any(
        word in VETO or (word in VETO_LAST and all(map(_is_unit, found[position + 1 :])))
        for position, word in enumerate(found)
        if position not in covered
    )


def _is_unit(word: str) -> bool:
    return word in UNITS or word.isdecimal()


def _matches(found: Sequence[str]) -> Iterator[_Match]:
    """Yield the known names, from the left, the longest at each place."""
    position = 0
    while position < len(found):
        match = _match_at(found, position)
        if match is not None:
            yield match
        position = position + 1 if match is None else match.end


def _match_at(found: Sequence[str], position: int) -> _Match | None:
    if (name := _known_at(found, position)) is not None:
        end = position + name.count("_") + 1
        return _Match(start=position, end=end, higher=_KNOWN[name], is_score=name in _SCORE)
    negated = _known_at(found, position + 1) if found[position] in _NEGATIVE else None
    if negated is not None and (_KNOWN[negated] is False or negated in LIKELIHOODS):
        return _Match(start=position, end=position + negated.count("_") + 2, higher=not _KNOWN[negated])
    return None


def _known_at(found: Sequence[str], position: int) -> str | None:
    """Return the longest known name that starts at `position`, also if a number is attached to its last word."""
    if position >= len(found):
        return None
    for length in range(_LONGEST, 0, -1):
        name = "_".join(found[position : position + length])
        if name in _KNOWN:
            return name
    bare = found[position].rstrip("0123456789")
    return bare if bare in _KNOWN else None
