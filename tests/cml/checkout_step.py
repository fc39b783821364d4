"""The step `uses: actions/checkout`: what it leaves in the workspace, as its version 4 does.

One commit unless `fetch-depth` says otherwise, on a branch for a push and on a detached HEAD for a pull request, and
the token in the repository's own configuration.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.cml.event import Event

_INPUTS = {"fetch-depth", "ref", "token", "lfs", "persist-credentials", "path"}


def check_out(
    workspace: Path, inputs: Mapping[str, str], event: Event, *, url: str, token: str, environ: Mapping[str, str]
) -> None:
    """Check the event's commit, or that of the input `ref`, out into an empty workspace."""
    if unknown := inputs.keys() - _INPUTS:
        raise ValueError(f"inputs of actions/checkout that are not known here: {unknown}")
    directory = workspace / inputs.get("path", "")
    directory.mkdir(parents=True, exist_ok=True)

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=directory, env=dict(environ), check=True, capture_output=True)

    header = base64.b64encode(f"x-access-token:{inputs.get('token', token)}".encode()).decode()
    server = url.rsplit("/", 2)[0]
    git("init", "--quiet")
    git("remote", "add", "origin", url)
    git("config", "--local", "gc.auto", "0")
    git("config", "--local", f"http.{server}/.extraheader", f"AUTHORIZATION: basic {header}")
    source, place, start = _plan(event, inputs.get("ref", ""))
    depth = inputs.get("fetch-depth", "1")
    if depth == "0":
        git("fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
    git(
        "fetch", "--quiet", "--no-tags", *([f"--depth={depth}"] if depth != "0" else []), "origin", f"+{source}:{place}"
    )
    git("checkout", "--quiet", "--force", *start)
    if inputs.get("persist-credentials") == "false":
        git("config", "--local", "--unset-all", f"http.{server}/.extraheader")


def _plan(event: Event, ref: str) -> tuple[str, str, list[str]]:
    """Return what is fetched, the ref that keeps it, and what `git checkout` is told."""
    if ref and ref not in (event.sha, event.ref):
        branch = ref.removeprefix("refs/heads/")
        if len(ref) == 40:
            return ref, "refs/remotes/origin/checked-out", ["--detach", ref]
        return f"refs/heads/{branch}", f"refs/remotes/origin/{branch}", ["-B", branch, f"refs/remotes/origin/{branch}"]
    if event.ref.startswith("refs/pull/"):
        kept = event.ref.replace("refs/", "refs/remotes/", 1)
        return event.sha, kept, [kept]
    branch = event.ref.removeprefix("refs/heads/")
    return event.sha, f"refs/remotes/origin/{branch}", ["-B", branch, f"refs/remotes/origin/{branch}"]
