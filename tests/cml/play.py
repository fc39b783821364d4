"""Plays a case: its events one after another, and for each the workflows that it starts."""

from __future__ import annotations

import secrets as random_values
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmlkit_sandbox.github.accounts import BOT, Level
from cmlkit_sandbox.github.discussion import Issue
from cmlkit_sandbox.github.hub import JOB_RATE_LIMIT
from cmlkit_sandbox.github.jobs import JOB_PERMISSIONS, WorkflowRun
from cmlkit_sandbox.github.repository import Protection
from tests.cml.case import Case
from tests.cml.event import Event, happened
from tests.cml.expression import condition, expanded
from tests.cml.forge import Forge
from tests.cml.job_run import JobResult, JobRun
from tests.cml.workflow_file import Job, Workflow, read_workflow

PERSONAL_TOKEN = "ghp_personal"
SELF_HOSTED_SECONDS = 60
_WORKFLOWS = ".github/workflows/"
# Secrets that every case has, besides its own.
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(kw_only=True)
class Play:
    """A case that is being played in a sandbox.

    Attributes:
        results: Job -> its result in the last event that started it; a matrix's jobs have their values in the name.
        log: What all jobs printed.
        secrets: The values that no log and no comment may have.
    """

    case: Case
    forge: Forge
    folder: Path
    results: dict[str, JobResult] = field(default_factory=dict)
    log: str = ""
    secrets: set[str] = field(default_factory=set)

    def run(self) -> None:
        self._prepare()
        event = None
        runs: dict[str, WorkflowRun] = {}
        for number, told in enumerate(self.case.when, start=1):
            if told["event"] == "rerun":
                assert event is not None
                event = event.again()
            else:
                event, runs = happened(self.forge, told), {}
            for path, workflow in self._started(event):
                run = runs[path] = self._begun(runs.get(path), workflow, event)
                self._run_workflow(workflow, event, run, self.folder / f"{number}-{Path(path).stem}")

    def _prepare(self) -> None:
        github, repository = self.forge.sandbox.github, self.forge.repository
        github.add_token(PERSONAL_TOKEN, repository.owner.login)
        for name, value in self.case.settings.items():
            setattr(repository.settings, name, value)
        for branch, checks in self.case.protect.items():
            github.protect(repository.full_name, branch, Protection(checks=tuple(checks)))
        for title in self.case.issues:
            now = github.hub.timestamp()
            number = repository.next_number
            repository.issues[number] = Issue(
                id=github.hub.next_id(),
                number=number,
                title=title,
                body="",
                author=repository.owner,
                created=now,
                updated=now,
            )

    def _started(self, event: Event) -> Iterator[tuple[str, Workflow]]:
        """Yield the workflows that the event starts, as they are in the commit that it is about."""
        git = self.forge.repository.git
        for name in git.line("ls-tree", "-r", "--name-only", event.sha, _WORKFLOWS).splitlines():
            workflow = read_workflow(git.line("show", f"{event.sha}:{name}"), path=name)
            if workflow.starts_on(event.name, branch=event.base) and event.only in ("", Path(name).stem):
                yield name, workflow

    def _begun(self, earlier: WorkflowRun | None, workflow: Workflow, event: Event) -> WorkflowRun:
        if earlier is not None:
            earlier.attempt = event.attempt
            return earlier
        hub = self.forge.sandbox.github.hub
        branch = "main" if event.from_fork else event.branch
        run = hub.start_run(
            self.case_repository, workflow=workflow.name, event=event.name, branch=branch, actor=event.by
        )
        run.branch, run.sha = event.branch, event.head_sha
        return run

    @property
    def case_repository(self) -> str:
        return self.forge.sandbox.repository

    def _run_workflow(self, workflow: Workflow, event: Event, run: WorkflowRun, folder: Path) -> None:
        needed: dict[str, Any] = {}
        for job in workflow.jobs:
            for variant in job.variants:
                name = f"{job.id} ({', '.join(map(str, variant.values()))})" if variant else job.id
                contexts = self._contexts(workflow, job, variant, event, run)
                contexts["needs"] = {each: needed[each] for each in job.needs}
                result = self._run_job(job, event, run, contexts, folder / name)
                self.results[name] = result
                self.log += result.log
                needed[job.id] = {"result": result.conclusion, "outputs": result.outputs}

    def _run_job(
        self, job: Job, event: Event, run: WorkflowRun, contexts: Mapping[str, Any], folder: Path
    ) -> JobResult:
        failed = any(each["result"] != "success" for each in contexts["needs"].values())
        if not condition(job.condition, contexts, failed=failed):
            return JobResult(conclusion="skipped")
        if "self-hosted" in job.labels:
            return self._run_on_runner(job, run, contexts)
        result = JobRun(
            job=job,
            event=event,
            folder=folder,
            contexts=contexts,
            environ=self._addresses(),
            url=f"{self.forge.sandbox.github.url}/{self.case_repository}",
            after_checkout=lambda: self._meanwhile(event),
        ).run()
        if job.may_fail and result.failed:
            result.conclusion = "success"
        return result

    def _meanwhile(self, event: Event) -> None:
        for branch, files in event.meanwhile.items():
            self.forge.commit(branch, files, message="Meanwhile")

    def _run_on_runner(self, job: Job, run: WorkflowRun, contexts: Mapping[str, Any]) -> JobResult:
        """Run a job on the runner that has its labels, on a machine of the sandbox."""
        environ = {**self._addresses(), **{name: expanded(text, contexts) for name, text in job.env.items()}}
        steps = []
        for step in job.steps:
            if step.condition or step.may_fail or step.working_directory:
                raise ValueError(
                    "if, continue-on-error and working-directory are not known here on runners of one's own"
                )
            environ |= {name: expanded(text, contexts) for name, text in step.env.items()}
            if step.run:
                steps.append(expanded(step.run, contexts))
        queued = self.forge.sandbox.github.queue_job(
            self.case_repository,
            labels=[expanded(label, contexts) for label in job.labels],
            steps=steps,
            environ=environ,
            name=job.id,
            run=run,
        )
        conclusion = queued.wait(SELF_HOSTED_SECONDS)
        return JobResult(conclusion=conclusion, log=queued.log, outputs=queued.outputs, summary=queued.summary)

    def _addresses(self) -> dict[str, str]:
        known = self.forge.sandbox.environ()
        kept = ("AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED", "AWS_REGION", "NO_PROXY", "no_proxy")
        return {**{name: known[name] for name in kept}, "GIT_CONFIG_NOSYSTEM": "1"}

    def _contexts(
        self, workflow: Workflow, job: Job, variant: Mapping[str, Any], event: Event, run: WorkflowRun
    ) -> dict[str, Any]:
        github = self.forge.sandbox.github
        token = f"ghs_{random_values.token_hex(8)}"
        github.add_token(
            token,
            BOT,
            kind="job",
            permissions=_permissions(job, event),
            repositories=[self.case_repository],
            rate_limit=JOB_RATE_LIMIT,
        )
        aws = {name: self.forge.sandbox.environ()[name] for name in _AWS}
        own = {"PERSONAL_ACCESS_TOKEN": PERSONAL_TOKEN, **aws}
        # GitHub gives none of them to a workflow of a fork's pull request.
        hidden = event.from_fork and event.name == "pull_request"
        self.secrets |= {token, PERSONAL_TOKEN, *aws.values()}
        return {
            "github": {
                "actor": event.by,
                "api_url": github.api_url,
                "base_ref": event.base_ref,
                "event": event.payload,
                "event_name": event.name,
                "head_ref": event.head_ref,
                "ref": event.ref,
                "ref_name": event.ref.split("/", 2)[2],
                "repository": self.case_repository,
                "repository_owner": self.case_repository.partition("/")[0],
                "run_attempt": run.attempt,
                "run_id": run.id,
                "run_number": run.number,
                "server_url": github.url,
                "sha": event.sha,
                "token": token,
                "workflow": workflow.name,
            },
            "matrix": variant,
            "secrets": {**{name: "" if hidden else value for name, value in own.items()}, "GITHUB_TOKEN": token},
        }


def _permissions(job: Job, event: Event) -> dict[str, Level]:
    asked = job.permissions
    if isinstance(asked, Mapping):
        granted = {name.replace("-", "_"): level for name, level in asked.items() if level != "none"}
    else:
        granted = dict(JOB_PERMISSIONS)
    granted["metadata"] = "read"
    read_only = event.from_fork and event.name == "pull_request"
    return {name: "read" if read_only or level == "read" else "write" for name, level in granted.items()}
