"""The mutation score: the share of changes to the code that a unit test notices, by file, after `make mutants`.

Run it as `python -m scripts.mutation_score`. It writes the survivors to build/mutants.txt. Mutants that only change the
words of a message are counted apart: tests hold what a message must name, not each of its words.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json import loads
from pathlib import Path

MUTANTS = Path("mutants")
SURVIVORS = Path("build/mutants.txt")
# Exit codes that mutmut notes: a failed or broken test run, a crash, and the codes of its timeouts.
KILLED = {1, 3, 24, 36, 152, 255, -24, -11, -9}
UNTESTED = {5, 33}


@dataclass(kw_only=True)
class Score:
    """The mutants of one file by what became of them; `wording` are survivors that change only words of a message."""

    path: str
    killed: int = 0
    wording: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.killed + len(self.survivors)

    def __str__(self) -> str:
        alive = len(self.survivors)
        counts = f"{self.total:>7} {self.killed:>7} {alive:>7} {self.wording:>7}"
        return f"{self.path:<44} {counts} {self.killed / self.total:>7.1%}"


def main() -> int:
    """Print a table of the scores; 2 if mutmut has not run."""
    scores = [score for meta in sorted(MUTANTS.rglob("*.py.meta")) if (score := _score(meta)).total]
    if not scores:
        sys.stderr.write("There are no mutants yet: run `make mutants`.\n")
        return 2
    whole = Score(
        path="all",
        killed=sum(score.killed for score in scores),
        wording=sum(score.wording for score in scores),
        survivors=[name for score in scores for name in score.survivors],
    )
    SURVIVORS.parent.mkdir(exist_ok=True)
    SURVIVORS.write_text("".join(f"{name}\n" for name in whole.survivors), encoding="utf-8")
    sys.stdout.write(f"{'file':<44} mutants  killed   alive   words   score\n")
    sys.stdout.writelines(f"{score}\n" for score in (*scores, whole))
    sys.stdout.write(f"Survivors are listed in {SURVIVORS}; `.venv/bin/mutmut show NAME` shows one.\n")
    return 0


def _score(meta: Path) -> Score:
    source = meta.with_suffix("")
    codes: Mapping[str, int | None] = loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    score = Score(path=str(source.relative_to(MUTANTS)))
    functions = _functions(source)
    for name, code in codes.items():
        if code in KILLED:
            score.killed += 1
        elif code is not None and _is_wording(name.rpartition(".")[2], functions):
            score.wording += 1
        elif code is not None:
            score.survivors.append(name if code not in UNTESTED else f"{name} (no test)")
    return score


def _functions(source: Path) -> Mapping[str, ast.AST]:
    """Return the functions of a changed file: each original, and each of its mutants."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name: node for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))) if isinstance(node, kinds)
    }


def _is_wording(name: str, functions: Mapping[str, ast.AST]) -> bool:
    original = functions.get(f"{name.rpartition('__mutmut_')[0]}__mutmut_orig")
    changed = functions.get(name)
    if original is None or changed is None:
        return False
    before, after = list(_leaves(original)), list(_leaves(changed))
    if len(before) != len(after):
        return False
    pairs = [(old, new) for old, new in zip(before[1:], after[1:], strict=True) if old != new]
    return all(isinstance(old, str) and isinstance(new, str) and " " in old for old, new in pairs)


def _leaves(node: ast.AST) -> Iterator[object]:
    """Return the kinds of the nodes and the values in them, in the order of the source."""
    for child in ast.walk(node):
        yield child.value if isinstance(child, ast.Constant) else _plain(child)


def _plain(node: ast.AST) -> Sequence[object]:
    fields = (value for name, value in ast.iter_fields(node) if not isinstance(value, (ast.AST, list)))
    return (type(node).__name__, *fields)


if __name__ == "__main__":
    sys.exit(main())
