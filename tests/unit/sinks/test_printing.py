"""What is printed acts neither on a terminal nor on the runner of a job."""

from __future__ import annotations

import io
import json

import pytest

from cmlkit.sinks.printing import command, printable, show, show_json

# Commands that actions/runner registers, in the two forms that src/Runner.Common/ActionCommand.cs parses.
COMMANDS = (
    "::set-output name=verdict::better",
    "::add-mask::1",
    "::stop-commands::x",
    "::error file=a::lost",
    "::add-path::/tmp",
    "##[error]lost",
    "##[add-mask]1",
)


def acts(line: str) -> bool:
    """Whether the runner takes a line for a command, as it parses one."""
    return line.lstrip().startswith("::") or "##[" in line


@pytest.mark.parametrize("text", COMMANDS)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "  {}",
        "\t{}",
        "a\n{}",
        "a\r{}",
        "a\r\n{}",
        "\u00a0{}",
        "\u2003{}",
        "\u3000{}",
        "\x85{}",
        "\u2028{}",
        "\x0b{}",
    ],
)
def test_no_printed_line_is_a_command_to_the_runner(text: str, around: str) -> None:
    shown = printable(around.format(text))
    # .NET begins lines after these characters.
    lines = shown.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert not any(map(acts, lines))
    assert shown.replace("\u200b", "").endswith(text)


def test_colons_and_number_signs_elsewhere_stay() -> None:
    text = "std::vector: a::b, ## title, C##, #1, val:loss\n- ::"
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        (
            "\x1b]8;;https://evil.example\x1b\\safe\x1b]8;;\x1b\\",
            "\\x1b]8;;https://evil.example\\x1b\\safe\\x1b]8;;\\x1b\\",
        ),
        ("\x9b31m", r"\x9b31m"),
        ("50 %\r100 %", r"50 %\r100 %"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("a\u2066b\u2069", r"a\u2066b\u2069"),
        ("a\x08\x7fb", r"a\x08\x7fb"),
        ("caf\udce9", r"caf\udce9"),
        ("Genauigkeit 日本 naïve 🚗 é\tx\ny", "Genauigkeit 日本 naïve 🚗 é\tx\ny"),
        ("family 👨‍👩‍👧", "family 👨‍👩‍👧"),
    ],
    ids=[
        "CSI and OSC",
        "a link by OSC 8",
        "C1",
        "CR",
        "direction",
        "isolates",
        "BS and DEL",
        "surrogate",
        "names",
        "joined",
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_is_shown_twice_stays_as_it_is() -> None:
    assert printable(printable("##[error]\n::x::\x1b")) == printable("##[error]\n::x::\x1b")


def test_json_keeps_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"::error::x": ["##[error]y", "::x::"]}
    show_json(json.dumps(value, indent=2))
    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert not any(map(acts, printed.splitlines()))


def test_an_encoding_that_lacks_a_character_does_not_end_the_command() -> None:
    stream = io.TextIOWrapper(raw := io.BytesIO(), encoding="latin-1")
    show("müde …", stream=stream)
    assert raw.getvalue() == b"m\xfcde \\u2026\n"


def test_a_command_is_one_line_and_escapes_what_a_terminal_obeys() -> None:
    log = io.StringIO()
    command("::warning::\x1b[31mred", stream=log)
    assert log.getvalue() == "::warning::\\x1b[31mred\n"
