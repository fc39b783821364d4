"""Events: the variables and the payload that GitHub gives to a workflow's run, for each event and situation.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows,
…/variables and https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmlkit_sandbox.github.accounts import Account
from cmlkit_sandbox.github.api import pull_shapes, shapes
from cmlkit_sandbox.github.api.workflow_runs import workflow_run
from cmlkit_sandbox.github.discussion import Issue, PullRequest
from cmlkit_sandbox.github.git_changes import merged_tree
from cmlkit_sandbox.github.git_objects import Signature, commit_content
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.jobs import WorkflowRun
from cmlkit_sandbox.github.refusals import not_found
from cmlkit_sandbox.github.repository import Repository

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event as a run sees it.

    Attributes:
        ref, sha: GITHUB_REF and GITHUB_SHA.
        head_ref, base_ref: GITHUB_HEAD_REF and GITHUB_BASE_REF, which only pull requests have.
    """

    name: str
    ref: str
    sha: str
    payload: Mapping[str, Any]
    actor: str
    head_ref: str = ""
    base_ref: str = ""

    def environ(self, directory: Path) -> dict[str, str]:
        """Return the run's variables; the payload's file is written into `directory`."""
        path = directory / "event.json"
        path.write_text(json.dumps(self.payload), encoding="utf-8")
        return {
            "GITHUB_EVENT_NAME": self.name,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_REF": self.ref,
            "GITHUB_REF_NAME": self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/"),
            "GITHUB_REF_TYPE": "tag" if self.ref.startswith("refs/tags/") else "branch",
            "GITHUB_SHA": self.sha,
            "GITHUB_HEAD_REF": self.head_ref,
            "GITHUB_BASE_REF": self.base_ref,
            "GITHUB_ACTOR": self.actor,
        }


@dataclass(frozen=True, kw_only=True)
class Events:
    """The events of one repository; `actor` is the login of the account that causes them."""

    hub: Hub
    repository: Repository
    actor: str = "octo"

    def push(self, branch: str) -> Event:
        return self._of_ref("push", f"refs/heads/{branch}", self._pushed(branch))

    def push_tag(self, tag: str) -> Event:
        return self._of_ref("push", f"refs/tags/{tag}", self._pushed(tag))

    def schedule(self) -> Event:
        return self._of_ref("schedule", self._default, {"schedule": "0 8 * * *"})

    def dispatch(self, ref: str) -> Event:
        """`workflow_dispatch` on a full ref."""
        return self._of_ref("workflow_dispatch", ref, {"ref": ref, "inputs": None, "workflow": "train.yml"})

    def repository_dispatch(self) -> Event:
        return self._of_ref("repository_dispatch", self._default, {"action": "retrain", "client_payload": {}})

    def release(self, tag: str) -> Event:
        release = {"tag_name": tag, "target_commitish": self.repository.default_branch, "draft": False}
        return self._of_ref("release", f"refs/tags/{tag}", {"action": "published", "release": release})

    def pull_request(self, number: int, *, action: str = "synchronize") -> Event:
        """The run tests a merge of the head into the base; of a pull request that is merged, the base itself."""
        pull = self._pull(number)
        ref = f"refs/heads/{pull.base}" if pull.merged else f"refs/pull/{number}/merge"
        if not pull.merged:
            self._merge(pull, ref)
        return self._of_pull("pull_request", pull, action, ref)

    def pull_request_target(self, number: int, *, action: str = "synchronize") -> Event:
        """The run is on the base branch, whatever the pull request changes."""
        pull = self._pull(number)
        return self._of_pull("pull_request_target", pull, action, f"refs/heads/{pull.base}")

    def merge_group(self, number: int) -> Event:
        """The queue makes a branch for the group whose last pull request this is."""
        ref = self.queue_branch(number)
        pull = self._pull(number)
        group = {
            "head_sha": self._commit(ref),
            "head_ref": ref,
            "base_sha": pull.base_sha,
            "base_ref": f"refs/heads/{pull.base}",
            "head_commit": {"id": self._commit(ref), "message": self._message(ref)},
        }
        return self._of_ref("merge_group", ref, {"action": "checks_requested", "merge_group": group})

    def queue_branch(self, number: int) -> str:
        """Return the full ref of a merge queue's branch, created if missing."""
        pull = self._pull(number)
        ref = f"refs/heads/gh-readonly-queue/{pull.base}/pr-{number}-{pull.base_sha}"
        self._merge(pull, ref)
        return ref

    def issue_comment(self, number: int, body: str = "/train") -> Event:
        issue = self.repository.issues[number]
        payload = {
            "action": "created",
            "issue": pull_shapes.issue(self.hub, self.repository, issue),
            "comment": {"body": body, "user": shapes.user(self.hub, self._account)},
        }
        return self._of_ref("issue_comment", self._default, payload)

    def workflow_run(self, ended: WorkflowRun, *, pull: int | None = None) -> Event:
        """A workflow that follows another runs on the default branch; GitHub lists no pull request of a fork."""
        shown = workflow_run(self.hub, self.repository, ended)
        if pull is not None:
            head = self._pull(pull)
            shown["head_repository"] = shapes.minimal_repository(self.hub, head.head_repository)
            shown["head_sha"], shown["head_branch"] = head.head_sha, head.head
            is_ours = head.head_repository is self.repository
            shown["pull_requests"] = [self._listed(head)] if is_ours and head.state == "open" else []
        return self._of_ref("workflow_run", self._default, {"action": "completed", "workflow_run": shown})

    def opened_issue(self, title: str) -> int:
        """Open an issue; return its number."""
        number, now = self.repository.next_number, self.hub.timestamp()
        self.repository.issues[number] = Issue(
            id=self.hub.next_id(),
            number=number,
            title=title,
            body=None,
            author=self._account,
            created=now,
            updated=now,
        )
        return number

    def _listed(self, pull: PullRequest) -> Json:
        """Return a pull request as a workflow run lists it."""

        def end(repository: Repository, ref: str, sha: str) -> Json:
            url = shapes.api(self.hub, repository)
            return {"ref": ref, "sha": sha, "repo": {"id": repository.id, "url": url, "name": repository.name}}

        return {
            "id": pull.id,
            "number": pull.number,
            "url": shapes.api(self.hub, self.repository, f"/pulls/{pull.number}"),
            "head": end(pull.head_repository, pull.head, pull.head_sha),
            "base": end(self.repository, pull.base, pull.base_sha),
        }

    @property
    def _default(self) -> str:
        return f"refs/heads/{self.repository.default_branch}"

    @property
    def _account(self) -> Account:
        return self.hub.account(self.actor)

    def _pull(self, number: int) -> PullRequest:
        found = self.repository.issues[number]
        assert isinstance(found, PullRequest)
        return found

    def _commit(self, ref: str) -> str:
        found = self.repository.git.resolve(ref)
        if found is None:
            raise not_found()
        return found

    def _message(self, ref: str) -> str:
        return self.repository.git.commit(self._commit(ref)).message

    def _pushed(self, name: str) -> Json:
        sha = self._commit(name)
        return {
            "before": "0" * 40,
            "after": sha,
            "created": True,
            "deleted": False,
            "forced": False,
            "head_commit": {"id": sha, "message": self._message(name)},
        }

    def _of_ref(self, name: str, ref: str, payload: Json) -> Event:
        common = {
            "ref": ref,
            "repository": shapes.full_repository(self.hub, self.repository, None),
            "sender": shapes.user(self.hub, self._account),
        }
        return Event(name=name, ref=ref, sha=self._commit(ref), payload={**common, **payload}, actor=self.actor)

    def _of_pull(self, name: str, pull: PullRequest, action: str, ref: str) -> Event:
        payload = {
            "action": action,
            "number": pull.number,
            "pull_request": pull_shapes.pull(self.hub, self.repository, pull),
            "repository": shapes.full_repository(self.hub, self.repository, None),
            "sender": shapes.user(self.hub, self._account),
        }
        return Event(
            name=name,
            ref=ref,
            sha=self._commit(ref),
            payload=payload,
            actor=self.actor,
            head_ref=pull.head,
            base_ref=pull.base,
        )

    def _merge(self, pull: PullRequest, ref: str) -> None:
        """Set a ref to the merge of the pull request's head into its base."""
        git = self.repository.git
        tree = merged_tree(git, ours=pull.base_sha, theirs=pull.head_sha)
        assert tree is not None, "GitHub has no merge of a pull request in conflict"
        signer = Signature(name=self._account.login, email=self._account.email, seconds=int(self.hub.now()))
        content = commit_content(
            tree=tree,
            parents=(pull.base_sha, pull.head_sha),
            author=signer,
            committer=signer,
            message=f"Merge {pull.head_sha} into {pull.base_sha}",
        )
        git.update_ref(ref, git.write("commit", content))
