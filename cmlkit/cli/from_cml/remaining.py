"""The steps that remain for a person after a workflow was rewritten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from yaml.nodes import MappingNode, Node, ScalarNode

from cmlkit.cli.from_cml.document import value
from cmlkit.cli.from_cml.launching import Launch
from cmlkit.cli.from_cml.rewriting import Rewritten
from cmlkit.cli.from_cml.workflow import Job, is_job_token, token

# Permissions that the workflow's own token needs, by command. Comments and assets store images on a branch.
_PERMISSIONS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("asset", "publish"): ("contents",),
    ("check", "create"): ("checks",),
    ("comment", "create"): ("contents", "pull-requests"),
    ("comment", "update"): ("contents", "pull-requests"),
    ("pr", "create"): ("contents", "pull-requests"),
    ("workflow", "rerun"): ("actions",),
}


def steps(rewritten: Rewritten, *, old: str, new: str, others: Sequence[str]) -> list[str]:
    """Return what a person has to do, in order.

    Args:
        old: The path of the old file.
        new: The path of the new one.
        others: Places in other files that name CML, as `PATH:LINE: TEXT`.
    """
    return [
        *_undecided(rewritten),
        *_for_runners([launch for launch in rewritten.launches if not launch.fault], rewritten.document.root),
        *(step for job in rewritten.jobs for step in _permissions(job, rewritten.document.root)),
        *_elsewhere(others),
        f"Read {new}, and delete {old} in the same commit: both would run.",
        "Push them; then see whether all is well: cmlkit doctor",
    ]


def _undecided(rewritten: Rewritten) -> Iterator[str]:
    lines = {row.line: row.outcome for row in rewritten.rows if row.outcome in ("stops", "by hand")}
    stops = [str(line) for line, outcome in lines.items() if outcome == "stops"]
    if stops:
        yield f"Change what would stop the run, as the table says: line {', '.join(stops)}."
    if by_hand := [str(line) for line, outcome in lines.items() if outcome == "by hand"]:
        yield f"Look at what only you can decide, as the table says: line {', '.join(by_hand)}."


def _for_runners(launches: Sequence[Launch], root: Node | None) -> Iterator[str]:
    for launch in launches[:1]:
        if is_job_token(token(launch.step, launch.job, root)):
            yield (
                "Give the job that launches a token that may register runners, as the secret CMLKIT_RUNNER_TOKEN in its"
                " env: fine-grained, with Administration: write. The workflow's own GITHUB_TOKEN may not."
            )
        else:
            yield (
                f"Make sure that the token of {launch.job.name} may register runners: Administration: write if it is"
                " fine-grained, the scope repo if it is classic."
            )


def _permissions(job: Job, root: Node | None) -> Iterator[str]:
    needed = {
        permission
        for step in job.steps
        for call in (step.found.calls if step.found else ())
        if call.command is not None and is_job_token(token(step, job, root))
        for permission in _PERMISSIONS.get(call.command.path, ())
    }
    block = value(job.node, "permissions") or value(root, "permissions")
    missing = [f"{name}: write" for name in sorted(needed) if not _grants(block, name)]
    if missing and block is not None:
        yield f"Add to the permissions of {job.name}, for its GITHUB_TOKEN: {', '.join(missing)}."
    elif missing:
        # A block takes every permission away that it does not name, and the checkout reads the repository.
        named = missing if "contents" in needed else ["contents: read", *missing]
        yield (
            f"Let the GITHUB_TOKEN of {job.name} write: {', '.join(named)} under `permissions:` of the job; or for"
            " all workflows at Settings > Actions > General > Workflow permissions."
        )
    if any(call.command and call.command.path == ("pr", "create") for call in job.calls) and needed:
        yield "Allow GitHub Actions to create pull requests: Settings > Actions > General."


def _grants(block: Node | None, permission: str) -> bool:
    if isinstance(block, ScalarNode):
        return bool(block.value == "write-all")
    node = value(block, permission) if isinstance(block, MappingNode) else None
    return isinstance(node, ScalarNode) and node.value == "write"


def _elsewhere(others: Sequence[str]) -> Iterator[str]:
    if others:
        shown = "; ".join(others[:5])
        more = f"; and {len(others) - 5} more" if len(others) > 5 else ""
        yield (
            f"Change cml to cmlkit in other files, or set `cml: true` in the action, which puts cml on PATH: {shown}"
            f"{more}. The jobs that run them need the action."
        )
