"""Requirement files of the format that pip documents, as one list without what no index has."""

from collections.abc import Callable

import pytest

from cmlkit.errors import SettingsError
from cmlkit.runner.packages.requirements import RequirementList, is_named, read_constraints, read_list


def reading(files: dict[str, str]) -> Callable[[str], str]:
    return files.__getitem__


def listed(**files: str) -> RequirementList:
    into = RequirementList()
    read_list("main", reading(files), into)
    return into


# https://pip.pypa.io/en/stable/reference/requirements-file-format/, and pip-compile's hashes
@pytest.mark.parametrize(
    "line",
    [
        "pytest",
        "docopt == 0.6.1",
        'requests [security] >= 2.8.1, == 2.8.* ; python_version < "2.7"',
        "numpy==2.1.0 --hash=sha256:ab --hash=sha256:cd",
        "zope.interface~=6.0",
        "name (>=1.0)",
    ],
)
def test_a_requirement_with_a_name_is_kept(line: str) -> None:
    found = listed(main=f"  {line}  # why\n\n# a comment\n")
    assert (found.lines, found.left_out) == ([line], [])


@pytest.mark.parametrize(
    "line",
    [
        "urllib3 @ https://github.com/urllib3/urllib3/archive/refs/tags/1.26.8.zip",
        "./downloads/numpy-1.9.2-cp34-none-win32.whl",
        "http://wxpython.org/Phoenix/snapshot-builds/wxPython_Phoenix-3.0.3.dev1820+49a8884-cp34-none-win_amd64.whl",
        "git+https://github.com/openai/CLIP.git",
        "-e .",
        "--editable git+ssh://git@github.com/octo/forest.git#egg=forest",
        "--find-links ./wheels",
        "-r https://example.com/requirements.txt",
        ".[train]",
        "../lib",
        "wheels/forest-1.0-py3-none-any.whl",
    ],
)
def test_what_no_index_has_is_left_out_and_named(line: str) -> None:
    found = listed(main=f"numpy\n{line}\n")
    assert found.lines == ["numpy"]
    assert [text.replace("***@", "git@") for text in found.left_out] == [line]


def test_a_token_in_what_is_left_out_is_not_shown() -> None:
    found = listed(main="git+https://x-access-token:ghp_abc@github.com/octo/features\n")
    assert found.left_out == ["git+https://***@github.com/octo/features"]


def test_files_that_a_file_names_are_part_of_it_from_its_folder_on() -> None:
    files = {
        "sub/main.txt": "-r ../base.txt\n--requirement=more.txt\n-c limits.txt\ntorch \\\n  ==2.5.0\n",
        "base.txt": "numpy\n-r sub/main.txt\n",
        "sub/more.txt": "pandas\n",
        "sub/limits.txt": "numpy<2\n--index-url https://x\n",
    }
    into = RequirementList()
    read_list("sub/main.txt", reading(files), into)
    assert into.lines == ["numpy", "pandas", "torch ==2.5.0"]
    assert into.constraints == ["numpy<2"]
    read_constraints("sub/limits.txt", reading(files), into)
    assert into.constraints == ["numpy<2", "numpy<2"]


def test_options_about_indexes_stay() -> None:
    options = [
        "--extra-index-url https://download.pytorch.org/whl/cu121",
        "--pre",
        "--no-binary=lxml",
        "-i https://pypi.org/simple",
    ]
    assert listed(main="\n".join(options)).lines == options


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("--index-url https://user:hunter2@pypi.example.com/simple", "credentials in the address"),
        ("--extra-index-url=https://hunter2@gitlab.example.com/api/v4/projects/1/packages/pypi/simple", "credentials"),
        ("--extra-index-url https://${PRIVATE_INDEX_TOKEN}@pypi.example.com/simple", "a variable in the address"),
        ("--extra-index-url https://$USER:hunter2@pypi.example.com/simple", "a variable in the address"),
    ],
)
def test_credentials_never_come_into_a_recipe_nor_into_the_message(line: str, kind: str) -> None:
    with pytest.raises(SettingsError, match=kind) as caught:
        listed(main=f"numpy\n{line}\n")
    assert "hunter2" not in str(caught.value)
    assert "main has" in str(caught.value)
    assert "--project FILE" in caught.value.next_step


@pytest.mark.parametrize("words", ["$(reboot)", "numpy pandas", "numpy && reboot", "--unknown", ""])
def test_other_words_are_no_requirement(words: str) -> None:
    assert not is_named(words)
