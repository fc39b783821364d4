"""Differences between two commits, and their merge."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cmlkit_sandbox.github.git_objects import TreeEntry
from cmlkit_sandbox.github.git_repository import NO_SHA, GitFailed, GitRepository, isolated_environment

STATUSES = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}
# GitHub leaves the patch out where it would be long: https://docs.github.com/en/rest/commits/commits#get-a-commit
PATCH_LIMIT_LINES = 3000


@dataclass(frozen=True, kw_only=True)
class FileChange:
    """A change to one file.

    Attributes:
        sha: The blob; the old one if the file was removed.
        patch: The hunks; empty for binary files and for long ones.
    """

    path: str
    previous_path: str
    status: str
    sha: str
    additions: int
    deletions: int
    binary: bool
    patch: str

    @property
    def changes(self) -> int:
        return self.additions + self.deletions


def changes(repository: GitRepository, old: str, new: str) -> list[FileChange]:
    """Return the files that differ between two commits or trees, by path, with renames recognised."""
    raw = _records(repository, "--raw", "--no-abbrev", old, new)
    counts = _counts(repository, old, new)
    patches = _patches(repository, old, new)
    return [_file_change(each, counts, patches) for each in _raw_changes(raw)]


@dataclass(frozen=True, kw_only=True)
class _RawChange:
    status: str
    sha: str
    path: str
    previous_path: str


def _records(repository: GitRepository, *arguments: str) -> list[str]:
    out = repository.git("diff-tree", "-r", "-z", "-M", *arguments).decode("utf-8", "surrogateescape")
    return out.split("\0")[:-1]


def _raw_changes(records: list[str]) -> list[_RawChange]:
    found: list[_RawChange] = []
    rest = iter(records)
    for record in rest:
        _, _, old_sha, new_sha, status = record.split(" ")
        first = next(rest)
        path = next(rest) if status[0] in "RC" else first
        sha = old_sha if new_sha == NO_SHA else new_sha
        found.append(_RawChange(status=status[0], sha=sha, path=path, previous_path=first if path != first else ""))
    return found


def _counts(repository: GitRepository, old: str, new: str) -> dict[str, tuple[int, int, bool]]:
    """Return path -> lines added, lines removed, whether it is binary."""
    counts: dict[str, tuple[int, int, bool]] = {}
    rest = iter(_records(repository, "--numstat", old, new))
    for record in rest:
        added, removed, path = record.split("\t")
        if not path:
            next(rest)
            path = next(rest)
        counts[path] = (0, 0, True) if added == "-" else (int(added), int(removed), False)
    return counts


def _patches(repository: GitRepository, old: str, new: str) -> dict[str, str]:
    """Return path -> the hunks of its patch."""
    out = repository.git("diff-tree", "-r", "-p", "-M", "--no-prefix", "--no-ext-diff", old, new)
    patches: dict[str, str] = {}
    for part in f"\n{out.decode('utf-8', 'replace')}".split("\ndiff --git ")[1:]:
        head, marker, hunks = part.partition("\n@@ ")
        if marker:
            names = [line[4:] for line in head.splitlines() if line.startswith(("+++ ", "--- "))]
            name = next(each for each in reversed(names) if each != "/dev/null")
            patches[name.rstrip("\t")] = f"@@ {hunks}".rstrip("\n")
    return patches


def _file_change(
    raw: _RawChange, counts: Mapping[str, tuple[int, int, bool]], patches: Mapping[str, str]
) -> FileChange:
    additions, deletions, binary = counts.get(raw.path, (0, 0, False))
    patch = patches.get(raw.path, "")
    return FileChange(
        path=raw.path,
        previous_path=raw.previous_path,
        status=STATUSES.get(raw.status, "changed"),
        sha=raw.sha,
        additions=additions,
        deletions=deletions,
        binary=binary,
        patch=patch if patch.count("\n") < PATCH_LIMIT_LINES else "",
    )


def generated(repository: GitRepository, commit: str, paths: Sequence[str]) -> set[str]:
    """Return those of the paths that the commit's .gitattributes mark as generated, which GitHub shows collapsed.

    https://github.com/github-linguist/linguist/blob/main/docs/overrides.md
    """
    command = ("check-attr", "--cached", "-z", "--stdin", "linguist-generated")
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        repository.git("read-tree", commit, environ=index)
        send = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
        fields = repository.git(*command, send=send, environ=index).decode("utf-8", "surrogateescape").split("\0")
    return {path for path, value in zip(fields[::3], fields[2::3], strict=False) if value in ("set", "true")}


def merged_tree(repository: GitRepository, *, ours: str, theirs: str) -> str | None:
    """Return the tree of a merge of two commits, or None if they conflict."""
    base = repository.merge_base(ours, theirs)
    return None if base is None else three_way_tree(repository, base=base, ours=ours, theirs=theirs)


def three_way_tree(repository: GitRepository, *, base: str, ours: str, theirs: str) -> str | None:
    """Return the tree of `ours` with the changes from `base` to `theirs`, or None if they conflict."""
    trees = (base, ours, theirs)
    known = repository.merges.get(trees)
    # Its objects may be gone, if the repository's folder was put back to what it was before the merge.
    if trees not in repository.merges or (known is not None and repository.kind(known) is None):
        repository.merges[trees] = known = _three_way_tree(repository, base=base, ours=ours, theirs=theirs)
    return known


def _three_way_tree(repository: GitRepository, *, base: str, ours: str, theirs: str) -> str | None:
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        repository.git("read-tree", "-i", "-m", "--aggressive", base, ours, theirs, environ=index)
        unmerged = _unmerged(repository, index)
        gone = [path for path, stages in unmerged.items() if _is_removed(stages)]
        # First those, as a file may take the place of a folder.
        _update(repository, index, [f"0 {NO_SHA}\t{path}" for path in gone])
        for path in [path for path in unmerged if path not in gone]:
            merged = _merged_entry(repository, unmerged[path], Path(scratch))
            if merged is None or not _update(repository, index, [f"{merged.mode} {merged.sha}\t{path}"]):
                return None
        return repository.line("write-tree", environ=index)


def _update(repository: GitRepository, index: Mapping[str, str], records: list[str]) -> bool:
    """Change entries of the index; return whether they fit to the others."""
    content = "".join(f"{record}\0" for record in records).encode("utf-8", "surrogateescape")
    try:
        repository.git("update-index", "-z", "--index-info", send=content, environ=index)
    except GitFailed:
        return False
    return True


def _is_removed(stages: Mapping[int, TreeEntry]) -> bool:
    """Return whether one side removed what the other left as it was."""
    return set(stages) in ({1, 2}, {1, 3}) and len({(entry.mode, entry.sha) for entry in stages.values()}) == 1


def _merged_entry(repository: GitRepository, stages: Mapping[int, TreeEntry], scratch: Path) -> TreeEntry | None:
    if set(stages) in ({2}, {3}):  # only one side has it, where the other had or has a folder
        return next(iter(stages.values()))
    sha = _merged_file(repository, stages, scratch)
    return None if sha is None else replace(stages[2], sha=sha)


def _unmerged(repository: GitRepository, index: Mapping[str, str]) -> dict[str, dict[int, TreeEntry]]:
    """Return path -> stage (1 base, 2 ours, 3 theirs) -> entry for the paths that a plain merge left unmerged."""
    found: dict[str, dict[int, TreeEntry]] = {}
    for record in repository.git("ls-files", "-z", "--unmerged", environ=index).decode().split("\0")[:-1]:
        words, _, path = record.partition("\t")
        mode, sha, stage = words.split()
        found.setdefault(path, {})[int(stage)] = TreeEntry(mode=mode, kind="blob", sha=sha, path=path)
    return found


def _merged_file(repository: GitRepository, stages: Mapping[int, TreeEntry], scratch: Path) -> str | None:
    if set(stages) != {1, 2, 3} or len({entry.mode for entry in stages.values()}) > 1:
        return None
    files = {stage: scratch / f"stage-{stage}" for stage in stages}
    for stage, file in files.items():
        found = repository.read(stages[stage].sha)
        file.write_bytes(b"" if found is None else found.content)
    done = subprocess.run(
        ["git", "merge-file", "--stdout", "--quiet", str(files[2]), str(files[1]), str(files[3])],
        capture_output=True,
        cwd=scratch,
        env=isolated_environment(),
        check=False,
    )
    return repository.write("blob", done.stdout) if done.returncode == 0 else None
