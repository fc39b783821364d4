"""Rewriting a workflow: every place that concerns CML, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, ScalarNode

from cmlkit.cli.from_cml import launching
from cmlkit.cli.from_cml.arguments import Argument, arguments
from cmlkit.cli.from_cml.calls import Call, Found, Install
from cmlkit.cli.from_cml.document import (
    Document,
    Edit,
    NotYaml,
    Outcome,
    Places,
    Remark,
    Row,
    entries,
    replaced,
    scalars,
    text,
    value,
)
from cmlkit.cli.from_cml.launching import Launch
from cmlkit.cli.from_cml.workflow import SETUP_ACTION, Job, Step, is_about_cml, is_job_token, jobs, token
from cmlkit.sinks.yaml_text import Quote, inline

CHECKOUT = "actions/checkout"
_VEGA = re.compile(r"\b(vl2png|vl2svg|vl2vg|vg2png|vg2svg)\b")
_DVC = re.compile(r"(?m)(?:^|[;&|(]|\brun)[ \t]*dvc\s")
_OR_ALIAS = "Is it to be cmlkit? Change it, or set `cml: true` in the action, which puts cml on PATH."
_NEEDED = "Puts cmlkit on PATH."


# https://github.blog/changelog: runner images, and versions of actions, that no job gets any more.
_GONE_IMAGES = {"ubuntu-16.04", "ubuntu-18.04", "ubuntu-20.04"}
_GONE_ACTIONS = re.compile(r"actions/(?:(?:upload|download)-artifact@v[123]|cache@v[12])(?:\.[\d.]+)?")


class NotWorkflow(ValueError):
    """The file is no workflow of GitHub Actions, or not one that can be rewritten."""


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """A workflow of cmlkit's.

    Attributes:
        text: The file.
        rows: What becomes of each line that concerns CML; empty if none does.
        jobs: The jobs that concern CML, for what remains to be done.
        launches: Those that launch a runner.
    """

    text: str
    rows: Sequence[Row]
    jobs: Sequence[Job]
    launches: Sequence[Launch]
    document: Document


def rewrite(old: str, *, action: str) -> Rewritten:
    """Return a workflow that was written for CML as one of cmlkit's.

    Args:
        action: Our action, as `OWNER/REPOSITORY@REF`.

    Raises:
        NotWorkflow: The text has no jobs as blocks, or what came out is no workflow with the same jobs.
    """
    try:
        document = Document(old)
    except NotYaml as error:
        raise NotWorkflow(f"It is no YAML: {error}.") from error
    node = value(document.root, "jobs")
    if not isinstance(node, MappingNode):
        raise NotWorkflow("It has no jobs.")
    if node.flow_style:
        raise NotWorkflow("Its jobs are written in braces: write them as blocks first.")
    return _Rewriting(document, action).rewritten()


@dataclass
class _Script:
    """A script that changes: its node, the places of its characters, and the changes of its value."""

    node: ScalarNode
    places: Places
    changes: list[tuple[int, int, str]] = field(default_factory=list)

    def new(self) -> str:
        """Return the value with the changes."""
        return replaced(str(self.node.value), self.changes)


class _Rewriting:
    """The edits and remarks for one workflow, as they are found."""

    def __init__(self, document: Document, action: str) -> None:
        self._document, self._action = document, action
        self._edits: list[Edit] = []
        self._remarks: list[Remark] = []
        self._scripts: list[_Script] = []
        self._seen: set[int] = set()
        every = jobs(document)
        self._every = every
        self._jobs = [job for job in every if is_about_cml(job)]
        self._launches = launching.launches(document, every)

    def rewritten(self) -> Rewritten:
        for job in self._jobs:
            self._rewrite_job(job)
        if self._edits or self._remarks:
            self._remarks += [remark for job in self._every for remark in _retired(self._document, job)]
        handed = launching.handed_over(self._document, self._every, self._launches, action=self._action)
        self._edits += handed.edits
        self._remarks += handed.remarks
        try:
            new = self._document.edited(self._edits)
            self._check(new)
        except NotYaml as error:
            raise NotWorkflow(f"It cannot be rewritten: {error}.") from error
        return Rewritten(
            text=new,
            rows=self._document.rows(self._edits, self._remarks),
            jobs=self._jobs,
            launches=self._launches,
            document=self._document,
        )

    def _rewrite_job(self, job: Job) -> None:
        for step in job.steps:
            # What an alias repeats is rewritten where its anchor stands.
            if step.node.start_mark.index not in self._seen:
                self._seen.add(step.node.start_mark.index)
                self._rewrite_step(job, step)
        if any(step.found and step.found.installs for step in job.steps):
            self._node(job)
        if job.container:
            self._container(job, job.container)
        if text(job.node, "runs-on").startswith("windows") and self._needs_action(job):
            _, node = entries(job.node)["runs-on"]
            self._remark(node.start_mark.index, "stops", "The action does not run on Windows: take ubuntu-latest.")
        for node in job.strangers:
            self._remark(node.start_mark.index, "by hand", f"CML is named outside of a script. {_OR_ALIAS}")
        if not any(_becomes_action(step) for step in job.steps) and self._needs_action(job):
            self._add_action(job)

    def _rewrite_step(self, job: Job, step: Step) -> None:
        if step.uses == SETUP_ACTION:
            self._setup(job, step)
        elif _becomes_action(step):
            self._step_that_installs(step)
        elif step.found:
            self._script(job, step, step.found)
        elif step.fault and step.run:
            self._remark(step.run.start_mark.index, "by hand", f"{step.fault} {_OR_ALIAS}")

    def _needs_action(self, job: Job) -> bool:
        """Return whether a job calls cmlkit in the end."""
        stopped = [launch.call for launch in self._launches if launch.fault]
        works = [call for call in job.calls if call not in stopped and not (call.command and call.command.refusal)]
        return bool(works) or any(step.found and step.found.installs for step in job.steps)

    def _setup(self, job: Job, step: Step) -> None:
        _, node = entries(step.node)["uses"]
        self._replace_scalar(node, self._action)
        options = value(step.node, "with")
        if options is not None and not step.node.flow_style:
            self._edits += self._document.without_entry(
                step.node, "with", why="The action has its version in its name."
            )
        elif options is not None:
            self._remark(options.start_mark.index, "by hand", "The action does not have these inputs: remove `with`.")
        scripts = [str(other.run.value) for other in job.steps if other.run]
        if text(step.node, "with", "vega") != "false" and any(_VEGA.search(script) for script in scripts):
            why = "setup-cml installed Vega, too: add a step that runs npm install -g canvas vega-cli vega-lite."
            self._remark(node.start_mark.index, "by hand", why)

    def _replace_scalar(self, node: object, new: str, *, why: str = "") -> None:
        assert isinstance(node, ScalarNode)
        start, end = self._document.scalar_start(node), int(node.end_mark.index)
        quote: Quote = "'" if node.style == "'" else '"' if node.style == '"' else ""
        # A comment that names the version of a commit is not about the new one.
        tail = re.compile(r"[ \t]+# *v\d[\w.]*[ \t]*(?=\r?$)", re.MULTILINE).match(self._document.text, end)
        end = tail.end() if tail else end
        line = self._document.line(start)
        self._edits.append(Edit(start=start, end=end, text=inline(new, quote=quote), line=line, why=why))

    def _container(self, job: Job, image: ScalarNode) -> None:
        has_dvc = any(step.run and _DVC.search(str(step.run.value)) for step in job.steps)
        added = " The step with the action adds cmlkit." if self._needs_action(job) else ""
        python = "no container, and actions/setup-python" + (" and iterative/setup-dvc" if has_dvc else "")
        what = (
            f"CML's image gets no updates, and has no cmlkit.{added} Better: an image such as python:3.12; or {python}."
        )
        self._remark(image.start_mark.index, "by hand", what)

    def _node(self, job: Job) -> None:
        for step in job.steps:
            if step.uses == "actions/setup-node":
                why = "CML needs Node.js and cmlkit does not: leave the step out if nothing else in the job does."
                self._remark(step.node.start_mark.index, "kept", why)

    def _step_that_installs(self, step: Step) -> None:
        """Turn a step that does nothing but install CML into one that uses the action."""
        key, node = entries(step.node)["run"]
        start, end = int(key.start_mark.index), self._document.content_end(node)
        first = self._document.line(start)
        self._edits.append(Edit(start=start, end=end, text=f"uses: {inline(self._action)}", line=first, why=_NEEDED))

    def _add_action(self, job: Job) -> None:
        """Add a step with the action behind the checkout, or in front of the first step."""
        checkout = next((step for step in job.steps if step.uses == CHECKOUT), None)
        first = self._document.line(job.steps[0].node.start_mark.index)
        start = self._document.line_start(first)
        indent, dash, _ = self._document.text[start : self._document.line_end(first)].partition("-")
        if not dash or indent.strip() or start < job.key.start_mark.index:
            self._remark(start, "by hand", f"Add a step before this one: uses: {self._action}")
            return
        if checkout is None:
            line, text = first - 1, f"{indent}- uses: {inline(self._action)}\n"
        else:
            line = self._document.line(self._document.content_end(checkout.node))
            start, text = self._document.line_end(line), f"\n{indent}- uses: {inline(self._action)}"
        self._edits.append(Edit(start=start, end=start, text=text, line=line, why=_NEEDED, added=True))

    def _script(self, job: Job, step: Step, found: Found) -> None:
        if (
            not step.run
            or step.run.start_mark.index in self._seen
            or not (found.calls or found.installs or found.lookups or found.mentions)
        ):
            return
        try:
            script = _Script(node=step.run, places=Places(self._document, step.run))
        except NotYaml as error:
            self._remark(step.run.start_mark.index, "by hand", f"{error}: write the script behind `run: |`.")
            return
        self._seen.add(step.run.start_mark.index)
        self._scripts.append(script)
        for install in found.installs:
            self._install(script, install, found)
        for word in found.lookups:
            self._change(script, word.start, word.end, "cmlkit")
        for call in found.calls:
            self._call(job, step, script, call)
        for offset in found.mentions:
            at, _ = script.places.span(offset, offset + 1)
            self._remark(at, "by hand", f"CML is named where no command of the script stands. {_OR_ALIAS}")

    def _install(self, script: _Script, install: Install, found: Found) -> None:
        why = "The action installs cmlkit."
        start, end = install.words[0].start, install.words[-1].end
        text = str(script.node.value)
        if not install.alone:
            for word in install.packages:
                before = max(other.end for other in install.words if other.end <= word.start)
                self._remove(script, before, word.end, why=why, at=word.start)
        elif found.script.compound or not (text[:start] + text[end:]).strip():
            # An empty branch, or script, would be an error.
            self._change(script, start, end, ":", why=why)
        elif script.node.style == "|" and _is_alone(text, start, end):
            first, last = (self._document.line(place) for place in script.places.span(start, end))
            self._edits += [self._document.without_line(line, why=why) for line in range(first, last + 1)]
            script.changes.append((start, end, ""))
        elif behind := re.compile(r"\s*(?:&&|;)(?:\s|\\\n)*").match(text, end):
            self._change(script, start, behind.end(), "", why=why)
        elif before_it := re.compile(r"\s*(?:&&|;)(?:\s|\\\n)*$").search(text[:start]):
            self._remove(script, before_it.start(), end, why=why, at=start)
        else:
            self._change(script, start, end, ":", why=why)

    def _call(self, job: Job, step: Step, script: _Script, call: Call) -> None:
        name, command = call.name, call.command
        at = script.places.span(name[0].start, name[0].end)[0]
        if command is None:
            self._change(script, name[0].start, name[-1].end, "cmlkit")
            return
        path = " ".join(command.path)
        if command.refusal:
            self._remark(at, "stops", f"cmlkit has no {path}. {command.refusal.why} {command.refusal.instead}".strip())
            return
        launch = next((launch for launch in self._launches if launch.call is call), None)
        if launch and launch.fault:
            self._remark(at, "stops", launch.fault)
            return
        self._change(script, name[0].start, name[-1].end, f"cmlkit {path}")
        before = name[-1].end
        for argument in launch.arguments if launch else arguments(command, call.arguments):
            self._argument(script, argument, before)
            before = argument.words[-1].end
        if launch:
            self._launch(script, launch)
        self._token(job, step, command.path, at)

    def _token(self, job: Job, step: Step, path: tuple[str, ...], at: int) -> None:
        """Say if a command needs another token than it had for CML."""
        written = token(step, job, self._document.root)
        if path == ("asset", "publish") and not written:
            why = "cmlkit stores the image in the repository, which takes a token: set REPO_TOKEN in the step's env."
            self._remark(at, "stops", why)
        if path == ("check", "create") and not is_job_token(written):
            why = (
                "GitHub takes checks from its own token: set GITHUB_TOKEN: ${{ github.token }} in the step's env, too."
            )
            self._remark(at, "by hand", why)

    def _argument(self, script: _Script, argument: Argument, before: int) -> None:
        start, end = argument.words[0].start, argument.words[-1].end
        if argument.new == "":
            self._remove(script, before, end, why=argument.why, at=start)
        elif argument.new is not None and script.places.can_hold(argument.new):
            self._change(script, start, end, argument.new, why=argument.why)
        elif argument.why:
            outcome: Outcome = "stops" if argument.stops else "by hand" if argument.by_hand else "kept"
            self._remark(script.places.span(start, start + 1)[0], outcome, argument.why)

    def _launch(self, script: _Script, launch: Launch) -> None:
        """Add the flags without which the launch would not do as CML's does."""
        last = (launch.call.arguments or launch.call.name)[-1]
        start, at = script.places.span(last.start, last.end)
        line = self._document.line(at)
        lead = self._document.text[self._document.line_start(line) : start]
        has_own_line = script.node.style == "|" and bool(launch.call.arguments) and not lead.strip()
        for flag in launching.defaults(launch):
            new = f" \\\n{lead}{flag.written}" if has_own_line else f" {flag.written}"
            self._edits.append(Edit(start=at, end=at, text=new, line=line, why=flag.why, added=True))
            script.changes.append((last.end, last.end, new))

    def _change(self, script: _Script, start: int, end: int, new: str, *, why: str = "") -> None:
        """Replace a part of a script, from one character that is no blank to another."""
        first = script.places.span(start, start)[0]
        last = script.places.end(end) if new else script.places.span(end, end)[0]
        line = self._document.line(first)
        self._edits.append(Edit(start=first, end=last, text=script.places.written(new), line=line, why=why))
        script.changes.append((start, end, new))

    def _remove(self, script: _Script, before: int, end: int, *, why: str, at: int) -> None:
        """Remove a part of a script with the blanks before it; report it for the line of the offset `at`."""
        line = self._document.line(script.places.span(at, at)[0])
        first, last = script.places.end(before), script.places.end(end)
        self._edits.append(Edit(start=first, end=last, text="", line=line, why=why))
        script.changes.append((before, end, ""))

    def _remark(self, offset: int, outcome: Outcome, why: str) -> None:
        self._remarks.append(Remark(line=self._document.line(offset), outcome=outcome, why=why))

    def _check(self, new: str) -> None:
        """Make sure that the result is a workflow with all jobs, and with the scripts that were meant.

        Raises:
            NotYaml: The result is no YAML.
            NotWorkflow: It is another workflow.
        """
        document = Document(new)
        kept = [job.name for job in jobs(document)][: len(self._every)]
        scripts = [_squeezed(step.run.value) for job in jobs(document) for step in job.steps if step.run]
        if kept != [job.name for job in self._every] or any(
            _squeezed(item.new()) not in scripts for item in self._scripts
        ):
            raise NotWorkflow("It cannot be rewritten: the way in which it is written is not understood.")


def _retired(document: Document, job: Job) -> Iterator[Remark]:
    """Yield what GitHub has taken out of service since CML's time."""
    for image in scalars(value(job.node, "runs-on")):
        if image.value in _GONE_IMAGES:
            line = document.line(image.start_mark.index)
            yield Remark(line=line, outcome="stops", why=f"GitHub has no {image.value} any more: take ubuntu-latest.")
    for step in job.steps:
        uses = value(step.node, "uses")
        if isinstance(uses, ScalarNode) and _GONE_ACTIONS.fullmatch(uses.value):
            line = document.line(uses.start_mark.index)
            yield Remark(line=line, outcome="stops", why="GitHub has switched off this version: take the latest.")


def _squeezed(script: str) -> str:
    return " ".join(script.replace("\\\n", " ").split())


def _is_alone(text: str, start: int, end: int) -> bool:
    """Return whether a command has its lines to itself."""
    before = text[text.rfind("\n", 0, start) + 1 : start]
    behind = text[end : (text.find("\n", end) + 1 or len(text) + 1) - 1]
    return not before.strip() and not behind.strip() and not text[:start].rstrip().endswith(("\\", "&&", "||", "|"))


def _becomes_action(step: Step) -> bool:
    """Return whether a step sets up CML: with its action, or with a script that does nothing else."""
    if step.found is None:
        return step.uses == SETUP_ACTION
    alone = [install for install in step.found.installs if install.alone]
    return len(alone) == len(step.found.script.commands) > 0 and entries(step.node).keys() <= _STEP_KEYS


_STEP_KEYS = {"continue-on-error", "id", "if", "name", "run", "timeout-minutes"}
