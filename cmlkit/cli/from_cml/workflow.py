"""A workflow's jobs and steps, with their nodes in the file and what concerns CML in their scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode

from cmlkit.cli.from_cml import calls
from cmlkit.cli.from_cml.calls import Found
from cmlkit.cli.from_cml.document import Document, entries, items, scalars, text, value
from cmlkit.cli.from_cml.shell import NotShell

SETUP_ACTION = "iterative/setup-cml"
# https://cml.dev/doc/self-hosted-runners#docker-images, and the names before them.
_IMAGES = ("dvcorg/cml", "iterativeai/cml", "ghcr.io/iterative/cml", "docker.pkg.github.com/iterative/cml")

_TOKENS = ("CMLKIT_TOKEN", "REPO_TOKEN", "repo_token", "GITHUB_TOKEN")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a job.

    Attributes:
        found: What concerns CML in its script; None without a script that is understood.
        fault: Why its script is not understood, if it names CML; else empty.
    """

    node: MappingNode
    run: ScalarNode | None
    found: Found | None
    fault: str

    @property
    def uses(self) -> str:
        """The action that the step uses, without its version; empty if it runs a script."""
        return text(self.node, "uses").partition("@")[0]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of a workflow; `key` is the node of its name."""

    name: str
    key: ScalarNode
    node: MappingNode
    steps: Sequence[Step]

    @property
    def needs(self) -> Sequence[str]:
        return [str(item.value) for item in items(value(self.node, "needs"))]

    @property
    def container(self) -> ScalarNode | None:
        """The node that names the container's image, if it is one of CML's."""
        node = value(self.node, "container")
        image = node if isinstance(node, ScalarNode) else value(node, "image")
        return image if isinstance(image, ScalarNode) and _is_image(str(image.value)) else None

    @property
    def strangers(self) -> Sequence[Node]:
        """The nodes that name a command of CML or its image where no script stands, such as inputs of other actions."""
        given = [value(self.node, key) for key in ("env", "with", "strategy")]
        blocks = [*given, *(value(step.node, key) for step in self.steps for key in ("env", "with"))]
        uses = [value(step.node, "uses") for step in self.steps if step.uses.startswith("docker://")]
        return [
            *(node for block in blocks for node in scalars(block) if calls.mentions(str(node.value))),
            *(node for node in uses if isinstance(node, ScalarNode) and _is_image(str(node.value))),
        ]

    @property
    def calls(self) -> Sequence[calls.Call]:
        return [call for step in self.steps if step.found for call in step.found.calls]


def jobs(document: Document) -> list[Job]:
    """Return the jobs of a workflow, in the file's order."""
    shell = text(document.root, "defaults", "run", "shell")
    return [
        _job(name, key, node, text(node, "defaults", "run", "shell") or shell)
        for name, (key, node) in entries(value(document.root, "jobs")).items()
        if isinstance(node, MappingNode)
    ]


def is_about_cml(job: Job) -> bool:
    """Return whether a job installs or calls CML, or runs in its image."""
    return (
        job.container is not None
        or bool(job.strangers)
        or any(step.uses == SETUP_ACTION or step.fault for step in job.steps)
        or any(step.found and (step.found.calls or step.found.installs or step.found.mentions) for step in job.steps)
    )


def _is_image(image: str) -> bool:
    return image.removeprefix("docker://").startswith(_IMAGES)


def _job(name: str, key: ScalarNode, node: MappingNode, shell: str) -> Job:
    # The shell of Windows, if none is named.
    default = "pwsh" if text(node, "runs-on").startswith("windows") else "bash"
    steps = value(node, "steps")
    nodes: list[Node] = steps.value if steps is not None and not isinstance(steps, ScalarNode) else []
    return Job(
        name=name,
        key=key,
        node=node,
        steps=[_step(item, shell or default) for item in nodes if isinstance(item, MappingNode)],
    )


def _step(node: MappingNode, shell: str) -> Step:
    run = value(node, "run")
    if not isinstance(run, ScalarNode):
        return Step(node=node, run=None, found=None, fault="")
    interpreter = (text(node, "shell") or shell).split()[0]
    named = bool(calls.mentions(run.value))
    if interpreter not in ("bash", "sh"):
        return Step(node=node, run=run, found=None, fault=f"It is a script for {interpreter}." if named else "")
    try:
        return Step(node=node, run=run, found=calls.find(run.value), fault="")
    except NotShell as error:
        return Step(node=node, run=run, found=None, fault=f"It is no complete shell script: {error}." if named else "")


def token(step: Step, job: Job, root: Node | None) -> str:
    """Return what sets the token of a step's commands, as it is written; empty if nothing does."""
    for node in (step.node, job.node, root):
        variables = entries(value(node, "env"))
        found = [variables[name][1].value for name in _TOKENS if name in variables]
        if found:
            return str(found[0])
    return ""


def is_job_token(written: str) -> bool:
    """Return whether a token, as it is written, is the job's own; it is, too, if none is set."""
    return not written or any(name in written for name in ("secrets.GITHUB_TOKEN", "github.token"))
