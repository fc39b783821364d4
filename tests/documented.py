"""What the documentation shows: its blocks, the commands in them, and workflows made of its pieces of YAML."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("examples/*/README.md"))]
# Written by scripts/render_reference.py, whose test compares them as a whole.
RENDERED = [
    *(ROOT / "docs" / "reference" / f"{name}.md" for name in ("commands", "errors", "python")),
    ROOT / "docs" / "README.md",
]
SHELL, OUTPUT = ("sh", "bash"), ("", "text")
SETTINGS = ("runner", "train", "publish", "gate")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`((?:cmlkit|make) [^`\n]+)`")
# A job has at least one of these; https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
_OF_JOBS = {"container", "needs", "outputs", "runs-on", "steps", "uses"}
_OF_STEPS = {"run", "uses"}

Kind = Literal["settings", "workflow", "jobs", "steps", "permissions"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of code in a page.

    Attributes:
        line: Where it begins.
        text: Without the indentation that it has in a list.
        before: The block before it in the same page.
    """

    page: Path
    line: int
    language: str
    text: str
    before: Block | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """Every line `cmlkit …`, as words, without where its output goes."""
        lines = [line.strip() for line in self.text.replace("\\\n", " ").splitlines()]
        return [words(line) for line in lines if line.startswith("cmlkit ")]


def words(line: str) -> list[str]:
    """The words of the first command in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    return list(itertools.takewhile(lambda word: not set(word) <= set("|&;<>"), lexer))


def blocks(*languages: str, pages: Sequence[Path] = tuple(PAGES)) -> list[Block]:
    """Every block, or those in some languages."""
    return [block for page in pages for block in _blocks(page) if not languages or block.language in languages]


def _blocks(page: Path) -> Iterator[Block]:
    text, before = page.read_text(encoding="utf-8"), None
    for found in _FENCE.finditer(text):
        content = re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        line = text.count("\n", 0, found.start()) + 1
        before = Block(page=page, line=line, language=found["language"], text=content, before=before)
        yield before


def fences(page: Path) -> int:
    """Number of lines that begin or end a block: two for each that `blocks` finds."""
    return len(re.findall(r"^ *(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE))


def commands(pages: Sequence[Path] = tuple(PAGES)) -> list[list[str]]:
    """Every line `cmlkit …` in a block that shows what to type, as words."""
    return [command for block in blocks(*SHELL, "console", pages=pages) for command in block.commands]


def spans(pages: Sequence[Path] = tuple(PAGES)) -> list[str]:
    """Every `cmlkit …` and `make …` within a sentence or a table."""
    prose = [_FENCE.sub("", page.read_text(encoding="utf-8")) for page in pages]
    return sorted({span for text in prose for span in _SPAN.findall(text)})


def made() -> list[str]:
    """Every `make …` to be typed: in blocks, in lists of CONTRIBUTING.md, and within sentences."""
    lines = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    typed = [found[1] for line in lines if (found := re.match(r" *(make [a-z-]+)", line))]
    return sorted({*typed, *(span for span in spans() if span.startswith("make "))})


def kind(content: Any) -> Kind | None:
    """What a block of YAML is for; None if it is nothing that a test knows how to check."""
    if isinstance(content, list):
        return "steps" if all(isinstance(item, dict) and _OF_STEPS & set(item) for item in content) else None
    if not isinstance(content, dict):
        return None
    names = set(content)
    if "jobs" in names:
        return "workflow" if names & {"on", True} else "jobs"
    if names == {"permissions"}:
        return "permissions"
    if names <= set(SETTINGS) and not _are_jobs(content):
        return "settings"
    return "jobs" if _are_jobs(content) else None


def _are_jobs(content: Mapping[str, Any]) -> bool:
    return all(isinstance(job, dict) and _OF_JOBS & set(job) for job in content.values())


def workflow(block: Block) -> str | None:
    """A whole workflow with the block in its place; None if it belongs into none.

    Jobs that the block leaves out, and the parts of a job that it leaves out, are filled in.
    """
    content = yaml.safe_load(block.text)
    found = kind(content)
    if found == "workflow":
        return block.text
    if found == "permissions":
        return _written({"main": {}}, **content)
    if found == "steps":
        return _written({"main": {"steps": content}})
    if found == "jobs":
        return _written(content.get("jobs", content))
    return None


def _written(jobs: Mapping[str, Any], **further: Any) -> str:
    needed = [name for job in jobs.values() for name in _listed(job.get("needs", []))]
    outputs = set(re.findall(r"needs\.([\w-]+)\.outputs\.([\w-]+)", str(jobs)))
    keys = {name: [key for of, key in sorted(outputs) if of == name] for name in needed if name not in jobs}
    missing = {
        name: {"outputs": dict.fromkeys(found, "${{ github.run_id }}")} if found else {} for name, found in keys.items()
    }
    named = re.findall(r"steps\.([\w-]+)\.outputs", str(jobs))
    filled = {name: _filled(job, named) for name, job in {**missing, **jobs}.items()}
    return yaml.safe_dump({"on": "push", **further, "jobs": filled}, sort_keys=False)


def _filled(job: Mapping[str, Any], named: Sequence[str]) -> dict[str, Any]:
    if "uses" in job:
        return dict(job)  # the called workflow says where its jobs run
    steps = [{"id": name, "run": "true"} for name in dict.fromkeys(named)]
    return {"runs-on": "ubuntu-latest", "steps": steps or [{"run": "true"}], **job}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def steps(content: Any) -> Iterator[Mapping[str, Any]]:
    """Every step in a piece of YAML."""
    if isinstance(content, dict):
        if _OF_STEPS & set(content) and not isinstance(content.get("run"), dict):
            yield content
        for value in content.values():
            yield from steps(value)
    elif isinstance(content, list):
        for item in content:
            yield from steps(item)


def normal(text: str) -> list[str]:
    """Return the lines without what differs from run to run: ids, hashes, numbers, times, and the width of columns."""
    for pattern, name in (
        (r"https?://127\.0\.0\.1:\d+|https://github\.com(?=/octo/)", "HOST"),
        (r"\b(i|ami|sg|subnet|vol)-[0-9a-f]{8,17}\b", r"\1-ID"),
        (r"\blocal[0-9a-f]{8}\b", "local-ID"),
        (r"\b\d{4}-\d\d-\d\d(?:T[\d:+]+)?", "DATE"),
        (r"\b[\d,.]+ (?:bytes|B|KiB|MiB)\b", "SIZE"),
        (r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b…?", "HASH"),
        (r"(?<![.,\d])(?:\d{7}|\d{12})\b(?![.,]\d)", "HASH"),  # ids of commits and files may be of digits alone
        (r"\b\d+(?:\.\d+){2,}\b", "VERSION"),
        (r"\b\d[\d,]*(?:\.\d+)?", "N"),
        (r"[ \t\xa0]+", " "),
    ):
        text = re.sub(pattern, name, text)
    return [line.strip() for line in text.strip().splitlines()]
