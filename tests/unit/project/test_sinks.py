"""Writers: each kind of sink has one place through which texts reach it, and nothing goes around that place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "cmlkit"

# Module -> why it may write to a stream of its own.
PRINTS = {
    "sinks/printing.py": "the place",
    "progress.py": "rich, on a terminal",
    "cli/output.py": "rich, for tables",
    "training/libraries.py": "the answer of another interpreter, which cmlkit reads",
    "training/worker.py": "a pickle through a pipe to cmlkit itself",
}
PRINTERS = {"print", "echo", "secho", "print_exception", "print_exc", "print_tb", "pprint"}
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
# Calls that take a message or a title -> modules that make one, each from templates, constants and `plain`.
MESSAGES = {"Changes", "commit_files", "create_commit", "create_tag", "NewPullRequest", "create_check", "create_status"}
MESSENGERS = {
    "cli/check.py": "the user's own title",
    "forges/github/repository.py": "passes one on",
    "publishing/asset.py": "hashes",
    "publishing/asset_pruning.py": "a number",
    "publishing/commit.py": "passes one on",
    "publishing/named_files.py": "the user's own, else plain",
    "publishing/publish.py": "wording's, which are plain",
    "publishing/telling.py": "plain",
    "registry/promotion.py": "plain",
}


@cache
def nodes() -> Sequence[tuple[str, ast.AST]]:
    return [
        (path.relative_to(PACKAGE).as_posix(), node)
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]


def calls() -> Iterator[tuple[str, ast.Call]]:
    return ((place, node) for place, node in nodes() if isinstance(node, ast.Call))


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_stream(node: ast.expr) -> bool:
    """Whether an expression is `sys.stdout`, `sys.stderr` or the buffer of one."""
    inner = node.value if isinstance(node, ast.Attribute) and node.attr == "buffer" else node
    return isinstance(inner, ast.Attribute) and inner.attr in STREAMS and name_of(inner.value) == "sys"


def prints(call: ast.Call) -> bool:
    if name_of(call.func) in PRINTERS:
        return True
    writes = isinstance(call.func, ast.Attribute) and call.func.attr in ("write", "writelines")
    if writes and is_stream(call.func.value):  # type: ignore[attr-defined]
        return True
    # A stream may be handed to whatever writes, as click's errors do.
    return any(is_stream(argument) for argument in [*call.args, *(keyword.value for keyword in call.keywords)])


def test_texts_reach_standard_output_and_error_through_one_module() -> None:
    around = [f"{place}:{call.lineno}" for place, call in calls() if place not in PRINTS and prints(call)]
    assert around == []


def test_every_module_that_may_print_does() -> None:
    assert {place for place, call in calls() if prints(call)} == set(PRINTS) - {"training/libraries.py"}


def test_rich_draws_in_modules_that_are_known_to_make_texts_printable() -> None:
    importing = {place for place, node in nodes() if isinstance(node, ast.ImportFrom) and node.module == "rich.console"}
    assert importing == {place for place, why in PRINTS.items() if why.startswith("rich")}


def test_files_of_a_job_are_written_by_its_workplace_only() -> None:
    files = {"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE"}
    naming = {place for place, node in nodes() if isinstance(node, ast.Constant) and node.value in files}
    assert naming == {"ci/github_actions.py"}


def test_messages_and_titles_are_made_in_modules_that_are_known_to_make_them_plain() -> None:
    taken = {
        place
        for place, call in calls()
        if name_of(call.func) in MESSAGES and {"message", "title"} & {keyword.arg for keyword in call.keywords}
    }
    assert taken == set(MESSENGERS)


def test_tokens_that_a_forge_makes_are_kept_secret_where_they_are_read() -> None:
    fields = {"token", "access_token", "encoded_jit_config"}
    made = {
        place
        for place, call in calls()
        if place.startswith("forges/")
        and name_of(call.func) in ("filled", "text")
        and any(isinstance(argument, ast.Constant) and argument.value in fields for argument in call.args)
    }
    keeping = {place for place, call in calls() if name_of(call.func) in ("keep_secret", "_keep_secret")}
    assert made
    assert made <= keeping


def test_only_the_workplace_that_has_a_runner_masks() -> None:
    assert {place for place, call in calls() if name_of(call.func) == "mask"} == {"ci/github_actions.py"}


# Modules that write YAML -> their functions that return it, besides those of the place.
WRITE_YAML = {
    "clouds/aws/iac.py": set[str](),
    "cli/from_cml/launching.py": {"_source"},  # copies a part of the user's own file
    "cli/from_cml/rewriting.py": set[str](),
    "pipeline.py": set[str](),
    "scaffold/settings_text.py": {"_written"},
    "scaffold/templates.py": set[str](),
    "settings/pipeline.py": set[str](),
    "settings/written.py": set[str](),
}
DUMPS = {"dump", "dump_all", "safe_dump", "safe_dump_all", "serialize", "serialize_all"}
# The beginning of a line before its value: with an indentation, it is YAML in any module but those.
LINE = re.compile(r"(?:^|\n) *(?:- )?(?:[\w-]+: +[\"']?|(?<=- ))$")
INDENTED_LINE = re.compile(r"(?:^|\n) +(?:- )?(?:[\w-]+: +[\"']?|(?<=- ))$")
NO_YAML = {
    "__main__.py": "the next step below an error",
    "runner/ladder.py": "refusals below an error",
    "scaffold/confession.py": "a list for people",
}


def values_of_lines(text: ast.JoinedStr, line: re.Pattern[str]) -> Iterator[ast.expr]:
    """The values of an f-string that stand where a line of YAML has its value."""
    before = ""
    for part in text.values:
        if isinstance(part, ast.Constant):
            before += str(part.value)
        elif isinstance(part, ast.FormattedValue):
            if line.search(before):
                yield part.value
            before += "X"


def writes_raw(place: str, text: ast.JoinedStr) -> bool:
    known = {"inline"} | WRITE_YAML.get(place, set())
    line = LINE if place in WRITE_YAML else INDENTED_LINE
    values = values_of_lines(text, line) if place not in NO_YAML else ()
    return any(not (isinstance(value, ast.Call) and name_of(value.func) in known) for value in values)


def test_yaml_is_written_through_one_module() -> None:
    around = {
        f"{place}:{call.lineno}"
        for place, call in calls()
        if name_of(call.func) in DUMPS
        and (not isinstance(call.func, ast.Attribute) or name_of(call.func.value) in ("yaml", "_yaml"))
        and place != "sinks/yaml_text.py"
    }
    assert around == set()
    importing = {
        place
        for place, node in nodes()
        if isinstance(node, ast.ImportFrom)
        and (
            node.module == "cmlkit.sinks.yaml_text"
            or (node.module == "cmlkit.sinks" and "yaml_text" in {name.name for name in node.names})
        )
    }
    assert importing == set(WRITE_YAML)


def test_no_line_of_yaml_is_made_by_hand() -> None:
    raw = [
        f"{place}:{node.lineno}: {ast.unparse(node)}"
        for place, node in nodes()
        if isinstance(node, ast.JoinedStr) and writes_raw(place, node)
    ]
    assert raw == []


@pytest.mark.parametrize(
    "text",
    ['f"  - {rule}\\n"', 'f"run:\\n  key: {value}"', "f\"  cron: '{cron}'\"", 'f"{a}\\n    - uses: {action}"'],
)
def test_a_line_made_by_hand_would_be_found(text: str) -> None:
    line = ast.parse(text, mode="eval").body
    assert isinstance(line, ast.JoinedStr)
    assert writes_raw("another.py", line)
