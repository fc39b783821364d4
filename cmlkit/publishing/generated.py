"""The files that cmlkit generates beside a model, marked so that forges collapse them in pull requests.

GitHub collapses files with the attribute `linguist-generated`, which is read from .gitattributes in any folder:
https://github.com/github-linguist/linguist/blob/main/docs/overrides.md
https://docs.github.com/en/repositories/working-with-files/managing-files/customizing-how-changed-files-appear-on-github
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from cmlkit.model.manifest import manifest_path, trend_path
from cmlkit.model.profiles import profiles_path
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.git_owners import GitOwners
from cmlkit.stores.attributes import ATTRIBUTES, escaped
from cmlkit.stores.base import ReadTree, with_line

ATTRIBUTE = "linguist-generated"
COMMENT = "# Written by cmlkit: pull requests show these generated files collapsed."


def attributes_beside(model: str) -> str:
    """Return the path of the .gitattributes in the model's folder."""
    return str(PurePosixPath(model).with_name(ATTRIBUTES))


def with_mark(
    files: Sequence[CommitFile], model: str, *, owners: GitOwners, removes: Collection[str], read: ReadTree
) -> tuple[CommitFile, ...]:
    """Return the files of the commit with the lines that mark those which no rule of the checkout mentions.

    All lines of the .gitattributes in the model's folder stay. A checkout with the lines needs no others, so they are
    written once; every run until then writes the same ones, which git merges.

    Args:
        model: Repository path of the model.
        owners: The rules of the checkout.
        removes: Paths that the commit must not have; a .gitattributes among them is not made anew.
        read: Reads files of the commit below the new one.
    """
    place = attributes_beside(model)
    unmarked = owners.without_rule(ATTRIBUTE, (manifest_path(model), profiles_path(model), trend_path(model)))
    if not unmarked or place in removes:
        return tuple(files)
    own = next((file for file in files if file.path == place), None)
    content = own.content if own else read(place) or b""
    known = content.splitlines()
    lines = [COMMENT, *(f"{_pattern(path, model)} {ATTRIBUTE}=true" for path in sorted(unmarked))]
    for line in lines:
        content = content if line.encode() in known else with_line(content, line)
    marked = own or CommitFile(path=place, role="attributes", content=content)
    others = [file for file in files if file is not own]
    return (*others, dataclasses.replace(marked, content=content))


def _pattern(path: str, model: str) -> str:
    """Return the pattern of a file beside the model, in the model's folder.

    It names the model by its suffix, if it has one: then the lines are the same for all models of a format, and pull
    requests that add them for two models do not conflict.
    """
    name, suffix = PurePosixPath(path).name, PurePosixPath(model).suffix
    return f"/*{escaped(name[len(PurePosixPath(model).stem) :])}" if suffix else f"/{escaped(name)}"
