"""The run's own versions of files that are left as the base has them: stored as assets, and linked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cmlkit.errors import Conflict
from cmlkit.forges.base import Changes
from cmlkit.git.changes import Version
from cmlkit.publishing.asset import BRANCH
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.further_files import keep_versions
from cmlkit.publishing.selection import JobFile
from tests.fake_forge import FastClock
from tests.toys.forge import ToyCommit
from tests.unit.publishing.in_memory import ToldForge

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class Forge(ToldForge):
    """A forge on whose branch of images somebody else writes first, as often as `others` says."""

    others: int = 0

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        self.commits.setdefault("", ToyCommit(parent="", files={}))
        if not is_new and self.others:
            self.others -= 1
            raise Conflict("The branch has moved.", status=409)
        return super().commit(changes, branch=branch, parent=parent, is_new=is_new)


def left(path: str, content: bytes | None) -> JobFile:
    after = None if content is None else CommitFile(path=path, role="extra", content=content)
    return JobFile(path=path, before=Version(mode="100644", blob="0" * 40), after=after)


def test_each_version_is_linked_at_its_commit_and_a_deleted_file_has_none() -> None:
    forge, clock = Forge("octo/forest", others=1), FastClock()
    files = [left("gone.txt", None), left("a/params.yaml", b"p: 2"), left("plot.png", PNG), left("broken.png", b"x")]
    links = keep_versions(files, forge=forge, clock=clock)
    place = f"toy://forge/octo/forest/i/{forge.branches[BRANCH]}"
    assert links == {
        "gone.txt": "",
        "a/params.yaml": f"{place}/{hashlib.sha256(b'p: 2').hexdigest()}.yaml",
        "plot.png": f"{place}/{hashlib.sha256(PNG).hexdigest()}.png",
        "broken.png": f"{place}/{hashlib.sha256(b'x').hexdigest()}",
    }
    assert list(links) == [file.path for file in files]
    assert len(clock.slept) == 1


def test_files_that_were_only_deleted_store_nothing() -> None:
    forge = Forge("octo/forest")
    assert keep_versions([left("gone.txt", None)], forge=forge, clock=FastClock()) == {"gone.txt": ""}
    assert forge.branches == {}
