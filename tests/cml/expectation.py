"""Compares what a played case left with its `then`. Whatever is not named there must not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cmlkit_sandbox.github.discussion import PullRequest
from cmlkit_sandbox.github.repository import Repository
from tests.cml.given_files import png
from tests.cml.play import Play
from tests.cml.shown_text import compared, images, same, several, texts

_KEYS = {
    "jobs", "log", "never in log", "main", "pull requests", "comments on commits", "comments on issues", "checks",
    "statuses", "stored images", "summary", "instances",
}  # fmt: skip
_PULL_KEYS = {
    "author",
    "base",
    "head",
    "title",
    "body",
    "state",
    "messages",
    "changes",
    "merged",
    "conflicts",
    "comments",
}
ASSETS = "cmlkit-assets"
ANYTHING = "…"
SUBMODULE = "160000"


class Difference(AssertionError):
    """What is there is not what the case says."""


def compare(play: Play) -> None:
    """Compare everything that a case may name; raise one Difference that lists all differences."""
    then = play.case.then
    if unknown := then.keys() - _KEYS:
        raise ValueError(f"{play.case.name}: then has keys that are not known: {unknown}")
    found = [*_jobs(play), *texts("the log", play.log, then.get("log", []), then.get("never in log", []))]
    for part in (_main, _pull_requests, _comments, _checks, _stored, _secrets, _summary, _instances):
        found += part(play, then)
    if found:
        raise Difference("\n".join([f"{play.case.shows}", *(f"- {line}" for line in found), "", play.log]))


def _jobs(play: Play) -> Iterator[str]:
    have = {name: result.conclusion for name, result in play.results.items()}
    yield from same("jobs", have, play.case.then.get("jobs", dict.fromkeys(have, "success")))


def _main(play: Play, then: Mapping[str, Any]) -> Iterator[str]:
    if "main" in then:
        yield from _files("main", play.forge.repository, "main", then["main"])
    elif len(play.forge.repository.git.log("main")) != 1 + sum(
        told.get("branch", "main") == "main" and "commit" in told for told in play.case.when
    ) + sum("main" in told.get("meanwhile", {}) for told in play.case.when):
        yield f"main has other commits than people's: {play.forge.repository.git.line('log', '--oneline', 'main')}"


def _files(where: str, repository: Repository, revision: str, files: Mapping[str, Any]) -> Iterator[str]:
    for path, content in files.items():
        yield from same(f"{where}: {path}", _shown(repository, revision, path, content), content)


def _pull_requests(play: Play, then: Mapping[str, Any]) -> Iterator[str]:
    pulls, expected = play.forge.repository.pulls, then.get("pull requests", [])
    if len(pulls) != len(expected):
        listed = [f"#{pull.number} {pull.head} -> {pull.base}: {pull.title}" for pull in pulls]
        yield f"there are {len(pulls)} pull requests, not {len(expected)}: {listed}"
    for pull, each in zip(pulls, expected, strict=False):
        yield from _pull_request(play, pull, each)


def _pull_request(play: Play, pull: PullRequest, expected: Mapping[str, Any]) -> Iterator[str]:
    if unknown := expected.keys() - _PULL_KEYS:
        raise ValueError(f"a pull request has keys that are not known: {unknown}")
    where, repository = f"pull request #{pull.number}", play.forge.repository
    state = "merged" if pull.merged else pull.state
    yield from same(f"{where}: state", state, expected.get("state", "open"))
    yield from same(f"{where}: base", pull.base, expected.get("base", "main"))
    for key, text in (
        ("author", pull.author.login),
        ("head", pull.head),
        ("title", pull.title),
        ("body", pull.body or ""),
    ):
        if key in expected:
            yield from texts(f"{where}: {key}", text, [expected[key]])
    commits = repository.git.log(pull.head_sha, f"^{pull.base_sha}")[::-1]
    if "messages" in expected:
        messages = [repository.git.line("log", "-1", "--format=%B", commit) for commit in commits]
        yield from same(f"{where}: number of commits in {messages}", len(messages), len(expected["messages"]))
        for message, wanted in zip(messages, expected["messages"], strict=False):
            yield from texts(f"{where}: message", message, [wanted])
    if "changes" in expected:
        yield from _changes(where, repository, pull, expected["changes"])
    if pull.state == "open":
        yield from _merge(where, repository, pull, expected)
    bodies = [comment.body for comment in repository.comments_of(pull.number)]
    yield from compared(f"{where}: comments", bodies, expected.get("comments", []))


def _changes(where: str, repository: Repository, pull: PullRequest, expected: Mapping[str, Any]) -> Iterator[str]:
    base = repository.git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    listed = repository.git.git("diff", "--name-only", "-z", "--no-renames", base, pull.head_sha).decode()
    yield from same(f"{where}: changed files", sorted(filter(None, listed.split("\0"))), sorted(expected))
    yield from _files(where, repository, pull.head_sha, expected)


def _merge(where: str, repository: Repository, pull: PullRequest, expected: Mapping[str, Any]) -> Iterator[str]:
    """Compare what merging the pull request would do to its base."""
    arguments = ("--write-tree", "--name-only", "--no-messages", f"refs/heads/{pull.base}", pull.head_sha)
    tree, *conflicts = repository.git.git("merge-tree", *arguments, accept=(0, 1)).decode().splitlines()
    yield from same(f"{where}: files in conflict", conflicts, expected.get("conflicts", []))
    yield from _files(f"{where}, merged", repository, tree, expected.get("merged", {}))


def _shown(repository: Repository, revision: str, path: str, wanted: Any) -> Any:
    """Return a file as the case writes it, in the form in which the case expects it."""
    record = repository.git.git("ls-tree", "-z", "--full-tree", revision, "--", f":(literal){path}").decode()
    mode, kind, sha = record.partition("\t")[0].split() if record else ("", "", "")
    if kind in ("", "tree"):
        return None
    if mode == SUBMODULE:
        return ANYTHING
    content = repository.git.git("cat-file", "blob", sha)
    if mode == "120000":
        return {"link": content.decode()}
    if isinstance(wanted, Mapping) and "png" in wanted:
        return {"png": wanted["png"]} if content == png(wanted["png"]) else f"{len(content)} bytes"
    if isinstance(wanted, Mapping) and "lfs" in wanted:
        return {"lfs": _in_lfs(repository, content)}
    if wanted == ANYTHING:
        return ANYTHING
    text = content.decode("utf-8", "replace")
    return {"run": text.partition("\n")[2].removesuffix("\n")} if mode == "100755" else text


def _in_lfs(repository: Repository, pointer: bytes) -> str:
    """Return the text to which a pointer leads in the LFS storage; the file itself if it is no pointer."""
    found = re.search(rb"^oid sha256:([0-9a-f]{64})$", pointer, re.MULTILINE)
    if not pointer.startswith(b"version https://git-lfs.github.com/spec/v1\n") or found is None:
        return f"no pointer: {pointer[:50]!r}"
    oid = found[1].decode()
    stored = repository.git.path / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    return stored.read_text() if stored.exists() else "not stored"


def _comments(play: Play, then: Mapping[str, Any]) -> Iterator[str]:
    repository, expected = play.forge.repository, then.get("comments on commits", {})
    comments = list(repository.commit_comments.values())
    commits = {repository.git.line("rev-parse", revision): revision for revision in expected}
    for sha, revision in commits.items():
        bodies = [comment.body for comment in comments if comment.sha == sha]
        yield from compared(f"comments on {revision}", bodies, expected[revision])
    for comment in comments:
        if comment.sha not in commits:
            yield f"there is a comment on the commit {comment.sha[:7]}: {comment.body[:200]!r}"
    for number, wanted in then.get("comments on issues", {}).items():
        bodies = [comment.body for comment in repository.comments_of(number)]
        yield from compared(f"comments on issue {number}", bodies, wanted)


def _checks(play: Play, then: Mapping[str, Any]) -> Iterator[str]:
    repository = play.forge.repository
    checks = {run.name: run for run in repository.check_runs.values()}
    expected = then.get("checks", {})
    yield from same("checks", sorted(checks), sorted(expected))
    for name in checks.keys() & expected.keys():
        run, wanted = checks[name], expected[name]
        yield from same(f"check {name}: conclusion", run.conclusion, wanted.get("conclusion", "success"))
        if "on" in wanted:
            yield from same(f"check {name}: commit", run.sha, repository.git.line("rev-parse", wanted["on"]))
        yield from texts(f"check {name}", run.output.summary or "", several(wanted.get("has", [])))
        yield from images(f"check {name}", run.output.summary or "", wanted)
    statuses = {status.context: status.state for status in repository.statuses}
    yield from same("statuses", statuses, then.get("statuses", {}))


def _stored(play: Play, then: Mapping[str, Any]) -> Iterator[str]:
    git = play.forge.repository.git
    there = git.branch_head(ASSETS)
    names = git.line("ls-tree", "-r", "--name-only", ASSETS).splitlines() if there else []
    images = [name for name in names if name != "README.md"]
    if "stored images" in then:
        yield from same("stored images", len(images), then["stored images"])


def _secrets(play: Play, then: Mapping[str, Any]) -> Iterator[str]:
    bodies = [comment.body for comment in play.forge.repository.comments.values()]
    texts = {"the log": play.log, "a comment": "\n".join(bodies)}
    for where, text in texts.items():
        if any(secret in text for secret in play.secrets):
            yield f"{where} has a secret"


def _summary(play: Play, then: Mapping[str, Any]) -> Iterator[str]:
    text = "\n".join(result.summary for result in play.results.values())
    yield from texts("the summaries", text, several(then.get("summary", [])))


def _instances(play: Play, then: Mapping[str, Any]) -> Iterator[str]:
    instances = [f"{each.instance_type} {each.market} {each.state}" for each in play.forge.sandbox.aws.instances()]
    yield from same("instances", instances, then.get("instances", []))
