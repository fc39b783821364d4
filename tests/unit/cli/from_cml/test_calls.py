"""Calls of CML in the ways in which public workflows write them."""

from __future__ import annotations

import pytest

from cmlkit.cli.from_cml.calls import find


def called(script: str) -> list[tuple[str, str]]:
    """Our command, and the words for CML's, of each call."""
    return [
        (" ".join(call.command.path) if call.command else "", " ".join(word.text for word in call.name))
        for call in find(script).calls
    ]


@pytest.mark.parametrize(
    ("script", "call"),
    [
        ("cml comment create report.md", ("comment create", "cml comment create")),
        ("cml send-comment report.md", ("comment create", "cml send-comment")),
        ("cml-send-comment report.md", ("comment create", "cml-send-comment")),
        ("cml publish plot.png --md >> report.md", ("asset publish", "cml publish")),
        ("cml pr .", ("pr create", "cml pr")),
        ("cml pr create .", ("pr create", "cml pr create")),
        ("cml-runner --cloud=aws", ("runner launch", "cml-runner")),
        ("cml ci", ("repo prepare", "cml ci")),
        ("cml --version", ("", "cml")),
        ("sudo -E cml pr .", ("pr create", "cml pr")),
        ("A=b env C=d nohup cml pr . &", ("pr create", "cml pr")),
        ("xvfb-run -a -s '-screen 0' cml publish a.png", ("asset publish", "cml publish")),
        ("timeout -k 5 10m cml pr .", ("pr create", "cml pr")),
        ("ls | xargs -n 1 cml publish --md", ("asset publish", "cml publish")),
        ("npx --yes @dvcorg/cml pr .", ("pr create", "npx @dvcorg/cml pr")),
        ("npx -p @dvcorg/cml cml pr .", ("pr create", "npx cml pr")),
        ("bash -c 'cml pr .'", ("pr create", "cml pr")),
        ('eval "cml pr ."', ("pr create", "cml pr")),
    ],
)
def test_a_call_is_found(script: str, call: tuple[str, str]) -> None:
    assert called(script) == [call]
    assert not find(script).mentions


@pytest.mark.parametrize(
    "script",
    [
        "echo cml pr",
        'echo "cml publish plot.png"',
        "# cml pr create",
        "cat cml.md > .cml/pr",
        "./cml pr .",
        "git checkout cml-pr-branch",
        "python cml.py publish",
        "cd cml && make pr",
    ],
)
def test_other_words_are_no_calls(script: str) -> None:
    assert not called(script)
    assert not find(script).mentions


@pytest.mark.parametrize(
    "script",
    [
        "docker run image cml publish a.png",
        "find . -exec cml publish {} ;",
        'python -c \'subprocess.run(["cml", "pr"])\'',
        "cat > later.sh <<'END'\ncml pr .\nEND",
    ],
)
def test_a_name_that_no_command_of_the_script_has_is_mentioned(script: str) -> None:
    assert not called(script)
    assert len(find(script).mentions) == 1


@pytest.mark.parametrize(
    ("script", "packages", "alone"),
    [
        ("npm install -g @dvcorg/cml", ["@dvcorg/cml"], True),
        ("sudo npm i -g @dvcorg/cml@0.20.0", ["@dvcorg/cml@0.20.0"], True),
        ("npm install --location=global vega-cli @dvcorg/cml", ["@dvcorg/cml"], False),
        ("yarn global add @dvcorg/cml", ["@dvcorg/cml"], True),
        (
            "npm i -g git+https://github.com/iterative/cml.git#main",
            ["git+https://github.com/iterative/cml.git#main"],
            True,
        ),
    ],
)
def test_an_installation_is_found(script: str, packages: list[str], alone: bool) -> None:
    [install] = find(script).installs
    assert [word.text for word in install.packages] == packages
    assert install.alone is alone


def test_a_question_whether_cml_is_there_is_found() -> None:
    assert [word.start for word in find("command -v cml >/dev/null && which cml").lookups] == [11, 35]
