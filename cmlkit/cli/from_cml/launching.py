"""Jobs that launch a runner, those that run on it, and the job that stops it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from yaml.nodes import MappingNode, Node, ScalarNode

from cmlkit.cli.cml.runner_flags import REGIONS, size_with_gpu
from cmlkit.cli.from_cml.arguments import Argument, arguments
from cmlkit.cli.from_cml.calls import Call
from cmlkit.cli.from_cml.document import Document, Edit, NotYaml, Places, Remark, column, entries, items, text, value
from cmlkit.cli.from_cml.shell import Word
from cmlkit.cli.from_cml.workflow import Job, Step
from cmlkit.clouds import CLOUDS
from cmlkit.sinks.yaml_text import inline

PATH = ("runner", "launch")
# https://docs.github.com/en/actions/writing-workflows/workflow-syntax-for-github-actions#jobsjob_idtimeout-minutes
_DEFAULT_TIMEOUT = 360
_BOOT = 30  # minutes between the launch and the job's start, at most
_LONG = 24 * 60
_VARIABLES = "CML_RUNNER_"
# What only the job that launches has.
_OWN_CONTEXT = re.compile(r"\$\{\{.*?\b(matrix|steps|needs|job)\.")
_FOR_ROOT = frozenset({"apt", "apt-get"})
_CREDENTIALS = "aws-actions/configure-aws-credentials"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A call of `cml runner` that launches.

    Attributes:
        line: Of the file, where the call stands.
        labels: Of the runner; None if they are made at run time.
        given: Names of CML's flags that the call or a variable gives.
        region: The region, as our flag takes it.
        users: The jobs that run on the runner.
        fault: Why the call stops; empty if it launches.
        is_single: Whether the job makes one runner, and no other.
    """

    job: Job
    step: Step
    call: Call
    arguments: Sequence[Argument]
    line: int
    labels: Sequence[str] | None
    given: frozenset[str]
    region: str
    users: Sequence[Job]
    fault: str
    is_single: bool


@dataclass(frozen=True, kw_only=True)
class Added:
    """A flag that a launch gets."""

    written: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Edits and remarks."""

    edits: list[Edit] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def remark(self, line: int, why: str) -> None:
        """Add what the user has to decide about a line."""
        self.remarks.append(Remark(line=line, outcome="by hand", why=why))


def launches(document: Document, jobs: Sequence[Job]) -> list[Launch]:
    """Return the launches of a workflow."""
    return [
        _launch(document, jobs, job, step, call)
        for job in jobs
        for step in job.steps
        for call in (step.found.calls if step.found else ())
        if call.command is not None and call.command.path == PATH
    ]


def _settle_gpu(found: list[Argument], kind: Argument, gpu: Argument) -> None:
    """Leave the GPU out beside a type, which has its own; a size of CML's and its GPU stay, as they belong together."""
    if size_with_gpu(kind.value or "", gpu.value or ""):
        found[found.index(kind)] = replace(kind, new=None, why="The size has the GPU of the other flag.")
        found[found.index(gpu)] = replace(gpu, new=None, stops=False)
    else:
        found[found.index(gpu)] = replace(gpu, new="", why="The type has its GPUs.", stops=False)


def _launch(document: Document, jobs: Sequence[Job], job: Job, step: Step, call: Call) -> Launch:
    assert call.command is not None
    assert step.found is not None
    assert step.run is not None
    found = list(arguments(call.command, call.arguments))
    flags = {argument.flag: argument for argument in found if argument.flag}
    if "--cloud-type" in flags and "--cloud-gpu" in flags:
        _settle_gpu(found, flags["--cloud-type"], flags["--cloud-gpu"])
    values = {**_variables(document, step, job), **{name: argument.value for name, argument in flags.items()}}
    labels = _labels(values)
    number = sum(1 for other in job.calls if other.command is not None and other.command.path == PATH)
    return Launch(
        job=job,
        step=step,
        call=call,
        arguments=found,
        line=_line(document, step.run, call.name[0]),
        labels=labels,
        given=frozenset(values),
        region=_region(flags.get("--cloud-region"), values),
        users=[other for other in jobs if other is not job and _runs_on(other, job, labels, jobs)],
        fault=_fault(values),
        is_single=number == 1 and not step.found.script.compound and value(job.node, "strategy") is None,
    )


def _variables(document: Document, step: Step, job: Job) -> dict[str, str | None]:
    """Return the flags that CML takes from variables, with their values; None if GitHub puts something into one."""
    found: dict[str, str | None] = {}
    for node in (document.root, job.node, step.node):
        for name, (_, item) in entries(value(node, "env")).items():
            if name.startswith(_VARIABLES) and isinstance(item, ScalarNode):
                flag = f"--{name.removeprefix(_VARIABLES).lower().replace('_', '-')}"
                found[flag] = None if "${{" in item.value else str(item.value)
    return found


def _line(document: Document, script: ScalarNode, word: Word) -> int:
    """Return the line of a word in a script; the script's first, if its places are not known."""
    try:
        return document.line(Places(document, script).end(word.end))
    except NotYaml:
        return document.line(script.start_mark.index)


def _labels(values: Mapping[str, str | None]) -> list[str] | None:
    given = values.get("--labels", "cml")  # CML's default
    return None if given is None else [label.strip() for label in given.split(",") if label.strip()]


def _region(argument: Argument | None, values: Mapping[str, str | None]) -> str:
    """Return the region as our flag takes it; as it is written, or empty, if GitHub or the shell puts it in."""
    if argument is not None:
        written = argument.new if argument.new is not None else argument.words[-1].text
        return re.sub(r"^--[\w-]+[= ]", "", written)
    given = values.get("--cloud-region", "us-west")  # CML's default
    return "" if given is None else REGIONS.get(given, given)


def _fault(values: Mapping[str, str | None]) -> str:
    if "--cloud" not in values:
        return (
            "Without --cloud, CML makes the machine itself a runner; cmlkit only launches instances. Register it at"
            " Settings > Actions > Runners > New self-hosted runner, and remove this line."
        )
    if values["--cloud"] is not None and values["--cloud"] not in CLOUDS:
        return f"cmlkit launches on {', '.join(CLOUDS)} only: stay with CML for this job, or move it."
    return ""


def _runs_on(job: Job, launcher: Job, labels: Sequence[str] | None, jobs: Sequence[Job]) -> bool:
    own = [str(item.value) for item in items(_runs_on_node(job))]
    if labels is None:
        is_own = any(label == "self-hosted" or "${{" in label for label in own)
        return is_own and _comes_after(job, launcher, jobs)
    return any(label in labels for label in own if label != "self-hosted")


def _comes_after(job: Job, earlier: Job, jobs: Sequence[Job]) -> bool:
    """Return whether a job needs another one, or needs one that comes after it."""
    needed = set(job.needs)
    for _ in jobs:
        needed |= {name for other in jobs if other.name in needed for name in other.needs}
    return earlier.name in needed


def _runs_on_node(job: Job) -> Node | None:
    node = value(job.node, "runs-on")
    return value(node, "labels") if isinstance(node, MappingNode) else node


def defaults(launch: Launch) -> Iterator[Added]:
    """Yield the flags without which a launch would not do as CML's does."""
    if "--cloud-spot" not in launch.given:
        yield Added(written="--market=on-demand", why="CML's default; cmlkit's is the spot market first.")
    if "--cloud-region" not in launch.given:
        yield Added(written=f"--region={launch.region}", why="CML's default.")
    if "--labels" not in launch.given:
        yield Added(written="--labels=cml", why="CML's default.")
    if (minutes := _most_minutes(launch.users)) is not None:
        why = f"cmlkit ends an instance after 2h, even during a job: this is the job's time limit, and {_BOOT} minutes."
        yield Added(written=f"--max-lifetime={_duration(minutes + _BOOT)}", why=why)
    if names := ", ".join(job.name for job in launch.users if _needs_docker(job)):
        yield Added(written="--docker", why=f"{names} needs Docker, which Ubuntu's image lacks; it makes the job root.")
    if names := ", ".join(job.name for job in launch.users if _uses_sudo(job)):
        yield Added(written="--sudo", why=f"{names} uses sudo; cmlkit's jobs may not without this.")


def _most_minutes(users: Sequence[Job]) -> int | None:
    """Return the longest time limit of jobs; None if it is not known."""
    limits = [text(job.node, "timeout-minutes") or str(_DEFAULT_TIMEOUT) for job in users]
    return max(map(int, limits)) if limits and all(limit.isdecimal() for limit in limits) else None


def _duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return "".join(part for part in (f"{hours}h" if hours else "", f"{rest}m" if rest else "") if part)


def handed_over(document: Document, jobs: Sequence[Job], found: Sequence[Launch], *, action: str) -> Changes:
    """Return the changes around launches: the run's own label for the jobs, and the job that stops the instances."""
    changes = Changes()
    working = [launch for launch in found if not launch.fault]
    for launch in working:
        _remark_on(document, launch, changes)
        if launch.is_single and launch.labels is not None and _can_take_label(launch):
            _hand_over(document, launch, changes)
        elif launch.labels is not None:
            _say_that_labels_stay(document, launch, changes)
    if working:
        _add_stop(document, jobs, working, action, changes)
    return changes


def _remark_on(document: Document, launch: Launch, changes: Changes) -> None:
    for why in (*_of_its_machine(launch), *_of_its_users(launch)):
        changes.remark(launch.line, why)
    for job in launch.users:
        if value(job.node, "container") is not None:
            continue  # in there, the job is root
        for line in _lines_for_root(document, job):
            why = "Jobs on the instance are not root, as with CML: put this into --startup-script of the launch."
            changes.remark(line, why)


def _lines_for_root(document: Document, job: Job) -> Iterator[int]:
    """Yield the lines whose commands only root may run, without sudo."""
    for step in job.steps:
        if step.found is None or step.run is None:
            continue
        for words in step.found.script.commands:
            if words[0].value in _FOR_ROOT:
                yield _line(document, step.run, words[0])


def _needs_docker(job: Job) -> bool:
    """Return whether a job runs in a container, has services, or uses Docker in a step."""
    if any(value(job.node, key) is not None for key in ("container", "services")):
        return True
    return any(step.uses.startswith("docker://") for step in job.steps) or "docker" in _programs(job)


def _uses_sudo(job: Job) -> bool:
    return value(job.node, "container") is None and "sudo" in _programs(job)


def _programs(job: Job) -> set[str | None]:
    """Return the names of the commands in a job's scripts."""
    scripts = [step.found.script for step in job.steps if step.found is not None]
    return {words[0].value for script in scripts for words in script.commands if words}


def _of_its_machine(launch: Launch) -> Iterator[str]:
    if not {"--cloud-type", "--cloud-gpu"} & launch.given:
        yield "Without --cloud-type, CML takes m5.2xlarge and cmlkit t3.medium: add --instance-type."
    if not re.fullmatch(r"[\w-]+", launch.region):
        yield "Check the region of the job that stops the instance: it must be one of AWS's own, such as us-west-1."
    minutes = _most_minutes(launch.users)
    if launch.users and minutes is None:
        yield "cmlkit ends an instance after 2h, even during a job: set --max-lifetime."
    elif minutes is not None and minutes > _LONG:
        yield "A hanging instance costs as long: lower timeout-minutes and --max-lifetime to what training takes."


def _of_its_users(launch: Launch) -> Iterator[str]:
    if not launch.users:
        yield "No job of this file runs on it: use the output `label` of this step in runs-on."
    has_matrix = any(value(job.node, "strategy", "matrix") is not None for job in launch.users)
    if len(launch.users) > 1 or (has_matrix and value(launch.job.node, "strategy") is None):
        names = ", ".join(job.name for job in launch.users)
        yield (
            f"An instance serves one job, and several run on this one ({names}): add --count=N if they run at the same"
            " time, or launch in a job of its own for each."
        )


def _say_that_labels_stay(document: Document, launch: Launch, changes: Changes) -> None:
    why = (
        f"The label stays, and two runs could take each other's instance: better, {launch.job.name} hands its step's"
        " output `label` on, as in workflows/train-on-ec2.yml."
    )
    for job in launch.users:
        node = value(job.node, "runs-on")
        assert node is not None
        changes.remarks.append(Remark(line=document.line(node.start_mark.index), outcome="kept", why=why))


def _can_take_label(launch: Launch) -> bool:
    outputs = value(launch.job.node, "outputs")
    return (
        bool(launch.users)
        and all(launch.job.name in job.needs for job in launch.users)
        and (outputs is None or (isinstance(outputs, MappingNode) and not outputs.flow_style))
    )


def _hand_over(document: Document, launch: Launch, changes: Changes) -> None:
    identifier = text(launch.step.node, "id") or _step_id(document, launch, changes)
    if not text(launch.job.node, "outputs", "label"):
        _add_output(document, launch, identifier, changes)
    for job in launch.users:
        own = [item for item in items(_runs_on_node(job)) if str(item.value) in (launch.labels or ())]
        start, end = document.scalar_start(own[0]), int(own[0].end_mark.index)
        new = inline(f"${{{{ needs.{launch.job.name}.outputs.label }}}}", quote='"')
        why = "The label of this run's own instance: with a fixed one, two runs could take each other's."
        changes.edits.append(Edit(start=start, end=end, text=new, line=document.line(start), why=why))


def _step_id(document: Document, launch: Launch, changes: Changes) -> str:
    """Give the step that launches an id, and return it."""
    taken = {text(step.node, "id") for step in launch.job.steps}
    identifier = _free("launch", taken)
    key, _ = entries(launch.step.node)["run"]
    start = int(key.start_mark.index)
    added = f"id: {inline(identifier)}\n{column(key)}"
    changes.edits.append(Edit(start=start, end=start, text=added, line=document.line(start) - 1, added=True))
    return identifier


def _free(name: str, taken: set[str]) -> str:
    """Return a name, with a number behind it if it is taken."""
    names = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 2))]
    return next(each for each in names if each not in taken)


def _add_output(document: Document, launch: Launch, identifier: str, changes: Changes) -> None:
    label = f"${{{{ steps.{identifier}.outputs.label }}}}"
    written = f"label: {inline(label)}"
    outputs = value(launch.job.node, "outputs")
    if isinstance(outputs, MappingNode):
        key = outputs.value[0][0]
        added = f"{written}\n{column(key)}"
    else:
        key, _ = entries(launch.job.node)["steps"]
        added = f"outputs:\n{column(key)}  {written}\n{column(key)}"
    start = int(key.start_mark.index)
    changes.edits.append(Edit(start=start, end=start, text=added, line=document.line(start) - 1, added=True))


def _add_stop(document: Document, jobs: Sequence[Job], found: Sequence[Launch], action: str, changes: Changes) -> None:
    """Add the job that stops the instances, behind the last job."""
    name = _free("stop", {job.name for job in jobs})
    needs = dict.fromkeys([*(launch.job.name for launch in found), *(job.name for one in found for job in one.users)])
    lines = [
        f"{name}:",
        "  name: Terminate the instance",
        f"  needs: {inline(list(needs))}",
        "  if: always()",
        "  runs-on: ubuntu-latest",
        "  timeout-minutes: 10",
        *_copied(document, [found[0].job.node], "permissions", "  "),
        *_copied(document, [found[0].job.node], "env", "  "),
        "  steps:",
        f"    - uses: {inline(action)}",
        *dict.fromkeys(step for launch in found for step in _stop_steps(document, launch, own=found[0].job)),
    ]
    indent = column(jobs[0].key)
    text = textwrap.indent("\n".join(lines), indent)
    last = document.line(document.content_end(jobs[-1].node))
    at = document.line_end(last)
    why = "Ends the instance whatever happens; without it, the lease does after --max-lifetime."
    changes.edits.append(Edit(start=at, end=at, text=f"\n\n{text}", line=last, why=why, added=True))


def _stop_steps(document: Document, launch: Launch, *, own: Job) -> Iterator[str]:
    """Yield the steps that stop a launch's instance, with its credentials; those of the job `own` are there already."""
    for step in launch.job.steps:
        if step.uses == _CREDENTIALS:
            yield textwrap.indent("\n".join(_item(document, step.node)), "    ")
    command = f"cmlkit runner stop --region={launch.region}" if launch.region else "cmlkit runner stop"
    nodes = [launch.step.node] if launch.job is own else [launch.job.node, launch.step.node]
    yield "\n".join([f"    - run: {inline(command)}", *_copied(document, nodes, "env", "      ")])


def _item(document: Document, node: MappingNode) -> list[str]:
    """Return a step's lines, as an item without indentation."""
    source = document.text[int(node.start_mark.index) : document.content_end(node)]
    return textwrap.dedent(f"{column(node)}{source}").replace("\n", "\n  ").join(("- ", "")).splitlines()


def _copied(document: Document, nodes: Sequence[Node], key: str, indent: str) -> list[str]:
    """Return the lines of an entry of several mappings, without what only their job can know; the last one counts."""
    found = [node for node in (value(node, key) for node in nodes) if node is not None]
    written = [node for node in found if isinstance(node, ScalarNode) or not node.value]
    if written:
        return [f"{indent}{key}: {_source(document, written[-1], indent)}"]
    values = {
        name: _source(document, item, f"{indent}  ") for node in found for name, (_, item) in entries(node).items()
    }
    kept = [
        f"{indent}  {name}: {text}"
        for name, text in values.items()
        if not name.startswith(_VARIABLES) and not _OWN_CONTEXT.search(text)
    ]
    return [f"{indent}{key}:", *kept] if kept else []


def _source(document: Document, node: Node, indent: str) -> str:
    """Return a value as it is written; further lines get the indentation of what stands below a key."""
    source = document.text[int(node.start_mark.index) : document.content_end(node)]
    first, line_break, rest = source.partition("\n")
    return first.rstrip("\r") + line_break + textwrap.indent(textwrap.dedent(rest), f"{indent}  ")
