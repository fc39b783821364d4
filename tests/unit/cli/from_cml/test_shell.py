"""Reading shell scripts, in the forms of POSIX and bash."""

from __future__ import annotations

import pytest

from cmlkit.cli.from_cml.shell import NotShell, read


def commands(script: str) -> list[list[str]]:
    return [[word.text for word in words] for words in read(script).commands]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("a b\nc", [["a", "b"], ["c"]]),
        ("a; b && c || d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a \\\n  b \\\n  c", [["a", "b", "c"]]),
        ("a 'b; c' \"d | e\" f\\;g", [["a", "'b; c'", '"d | e"', "f\\;g"]]),
        ("a # b; c\nd", [["a"], ["d"]]),
        ("a#b c", [["a#b", "c"]]),
        ("a >b 2>&1 <c d &>>e", [["a", "d"]]),
        ("A=1 B='x y' a", [["A=1", "B='x y'", "a"]]),
        ('a "$(b c)" `d`', [["b", "c"], ["d"], ["a", '"$(b c)"', "`d`"]]),
        ("a <(b) ${c:-$(d)} $((1 + (2)))", [["b"], ["d"], ["a", "<(b)", "${c:-$(d)}", "$((1 + (2)))"]]),
        ("if a; then b; else c; fi", [["a"], ["b"], ["c"], ["fi"]]),
        ("for x in a b; do c $x; done", [["for", "x", "in", "a", "b"], ["c", "$x"], ["done"]]),
        ("while ! a; do b; done", [["a"], ["b"], ["done"]]),
        ("f() { a; }\nfunction g { b; }", [["a"], ["}"], ["b"], ["}"]]),
        ("(a; b) && { c; }", [["a"], ["b"], ["c"], ["}"]]),
        ('case "$x" in\n  a|b) c ;;\n  (*) d;;\nesac\ne', [["c"], ["d"], ["e"]]),
        ("[[ a =~ ^(b|c)$ && d ]] && e", [["e"]]),
        ("x=(a b\n c) d", [["x=", "d"]]),
        ("((i++)); a", [["a"]]),
        ("a ${{ x && (y | 'z') }} b", [["a", "${{ x && (y | 'z') }}", "b"]]),
    ],
)
def test_commands_are_found_wherever_they_can_stand(script: str, found: list[list[str]]) -> None:
    assert commands(script) == found


def test_words_know_their_place_and_their_value() -> None:
    script = 'a \'b c\' "d\\"" e\\ f "$g" ${{ h }}'
    [words] = read(script).commands
    assert [script[word.start : word.end] for word in words] == [word.text for word in words]
    assert [word.value for word in words] == ["a", "b c", 'd"', "e f", None, None]


def test_a_here_document_is_text_but_for_its_substitutions() -> None:
    assert commands("a <<END\nb; it's $(c d)\nEND\ne") == [["a"], ["c", "d"], ["e"]]
    assert commands("a <<'END'\n$(b) it's\nEND\nc") == [["a"], ["c"]]
    assert commands("a <<-END | b\n\tx '\n\tEND\nc") == [["a"], ["b"], ["c"]]
    assert read("a <<END\nb\nEND\n").documents == [(8, 10)]


@pytest.mark.parametrize(
    "script", ["a 'b", 'a "b', "a $(b", "a `b", "a <<END\nb", "a ${b", "(a", "a >", "x=(a", "[[ a"]
)
def test_an_incomplete_script_is_refused(script: str) -> None:
    with pytest.raises(NotShell):
        read(script)
