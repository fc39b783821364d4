"""Pull requests: list, open, change, review, and their commits and files."""

from __future__ import annotations

from typing import cast

from cmlkit_sandbox.github.api.call import (
    Answer,
    Call,
    Fields,
    within,
)
from cmlkit_sandbox.github.api.commit_shapes import commit, diff_entry
from cmlkit_sandbox.github.api.pull_shapes import pull as shown_pull
from cmlkit_sandbox.github.api.pull_shapes import review, simple_pull
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.discussion import MergeMethod, PullRequest
from cmlkit_sandbox.github.git_changes import changes
from cmlkit_sandbox.github.merging import merge, pull_commits
from cmlkit_sandbox.github.pull_state import close, take_head
from cmlkit_sandbox.github.refusals import (
    Refusal,
    invalid,
    not_found,
    unprocessable,
)
from cmlkit_sandbox.github.repository import Repository

pulls = Routes()

PULLS = "/repos/<owner>/<repo>/pulls"
TITLE_LIMIT = 256
BODY_LIMIT = 65_536
# https://docs.github.com/en/rest/pulls/pulls#list-commits-on-a-pull-request
COMMITS_LIMIT = 250
FILES_LIMIT = 3000
READ = "pull_requests=read"
WRITE = "pull_requests=write"


@pulls.add("GET", PULLS, needs=READ)
def list_pulls(call: Call) -> Answer:
    state, base, head = call.query("state", "open"), call.query("base"), call.query("head")
    if state not in ("open", "closed", "all"):
        raise invalid("PullRequest", "invalid", field="state", value=state)
    found = [
        pull
        for pull in call.repository.pulls
        if state in (pull.state, "all") and base in ("", pull.base) and _is_from(pull, head)
    ]
    newest_first = call.query("direction", "asc" if "sort" in call.request.args else "desc") == "desc"
    by_update = call.query("sort") == "updated"
    found.sort(key=lambda pull: (pull.updated if by_update else "", pull.number), reverse=newest_first)
    return call.page(found, lambda pull: simple_pull(call.hub, call.repository, pull))


def _is_from(pull: PullRequest, head: str) -> bool:
    # GitHub ignores a head that does not name its owner.
    owner, colon, branch = head.partition(":")
    return not colon or (pull.head_repository.owner.login.lower() == owner.lower() and pull.head == branch)


@pulls.add("POST", PULLS, needs=WRITE)
def create_pull(call: Call) -> Answer:
    fields, repository = call.fields, call.repository
    if call.token is not None and call.token.kind == "job" and not repository.settings.can_create_pull_requests:
        raise Refusal(403, "GitHub Actions is not permitted to create or approve pull requests.")
    title = within("PullRequest", "title", _title(fields), limit=TITLE_LIMIT)
    body = fields.optional_text("body")
    within("PullRequest", "body", body or "", limit=BODY_LIMIT)
    base, base_sha = fields.text("base"), repository.git.branch_head(fields.text("base"))
    if base_sha is None:
        raise invalid("PullRequest", "invalid", field="base")
    source, head, head_sha = _head(call, fields)
    _refuse_needless(repository, source, head, head_sha, base, base_sha)
    number = repository.next_number
    pull = PullRequest(
        id=call.hub.next_id(),
        number=number,
        title=title,
        body=body,
        author=call.actor,
        created=call.hub.timestamp(),
        updated=call.hub.timestamp(),
        head=head,
        head_repository=source,
        head_sha=head_sha,
        base=base,
        base_sha=base_sha,
        draft=fields.flag("draft"),
        maintainer_can_modify=fields.flag("maintainer_can_modify", default=True),
    )
    take_head(repository, pull, head_sha)
    repository.issues[number] = pull
    return Answer(status=201, body=shown_pull(call.hub, repository, pull))


def _title(fields: Fields) -> str:
    title = fields.optional_text("title") or ""
    if not title.strip():
        raise invalid("PullRequest", "missing_field", field="title")
    return title


def _head(call: Call, fields: Fields) -> tuple[Repository, str, str]:
    """Return the repository, branch and commit that `head` names: `branch`, or `owner:branch` for a fork."""
    owner, colon, branch = fields.text("head").rpartition(":")
    source = call.repository
    if colon and owner.lower() != source.owner.login.lower():
        source = _fork_of(call, owner, fields.optional_text("head_repo") or "")
    head_sha = source.git.branch_head(branch)
    if head_sha is None:
        raise invalid("PullRequest", "invalid", field="head")
    return source, branch, head_sha


def _fork_of(call: Call, owner: str, name: str) -> Repository:
    for other in list(call.hub.repositories.values()):
        is_fork = other.parent is call.repository and other.owner.login.lower() == owner.lower()
        if is_fork and name in ("", other.name, other.full_name):
            return other
    raise invalid("PullRequest", "invalid", field="head")


def _refuse_needless(
    repository: Repository, source: Repository, head: str, head_sha: str, base: str, base_sha: str
) -> None:
    for pull in repository.pulls:
        if pull.state == "open" and (pull.head_repository, pull.head, pull.base) == (source, head, base):
            message = f"A pull request already exists for {source.owner.login}:{head}."
            raise invalid("PullRequest", "custom", message=message)
    if head_sha == base_sha or (source is repository and repository.git.is_ancestor(head_sha, base_sha)):
        raise invalid("PullRequest", "custom", message=f"No commits between {base} and {head}")


@pulls.add("GET", f"{PULLS}/<int:number>", needs=READ)
def get_pull(call: Call, number: int) -> Answer:
    return Answer(body=shown_pull(call.hub, call.repository, pull_of(call, number)))


@pulls.add("PATCH", f"{PULLS}/<int:number>", needs=WRITE)
def update_pull(call: Call, number: int) -> Answer:
    fields, pull = call.fields, pull_of(call, number)
    if "title" in fields:
        pull.title = within("PullRequest", "title", _title(fields), limit=TITLE_LIMIT)
    if "body" in fields:
        pull.body = within("PullRequest", "body", fields.optional_text("body") or "", limit=BODY_LIMIT)
    if "base" in fields:
        _retarget(call, pull, fields.text("base"))
    if "state" in fields:
        _set_state(call, pull, fields.one_of("state", ("open", "closed")))
    pull.updated = call.hub.timestamp()
    return Answer(body=shown_pull(call.hub, call.repository, pull))


def _retarget(call: Call, pull: PullRequest, base: str) -> None:
    head = call.repository.git.branch_head(base)
    if head is None:
        raise invalid("PullRequest", "invalid", field="base")
    pull.base, pull.base_sha = base, head


def _set_state(call: Call, pull: PullRequest, state: str) -> None:
    if state == pull.state:
        return
    if state == "closed":
        close(call.hub, pull)
        pull.closed_by = call.actor
        return
    if pull.merged:
        message = "state cannot be changed. The pull request cannot be reopened."
        raise invalid("PullRequest", "custom", field="state", message=message)
    head = pull.head_repository.git.branch_head(pull.head)
    if head is None:
        message = f"state cannot be changed. The {pull.head} branch has been deleted."
        raise invalid("PullRequest", "custom", field="state", message=message)
    take_head(call.repository, pull, head)
    pull.state, pull.closed, pull.closed_by = "open", None, None


@pulls.add("GET", f"{PULLS}/<int:number>/commits", needs=READ)
def list_commits(call: Call, number: int) -> Answer:
    repository, pull = call.repository, pull_of(call, number)
    shas = pull_commits(repository, pull)[:COMMITS_LIMIT]
    return call.page(shas, lambda sha: commit(call.hub, repository, repository.git.commit(sha)))


@pulls.add("GET", f"{PULLS}/<int:number>/files", needs=READ)
def list_files(call: Call, number: int) -> Answer:
    repository, pull = call.repository, pull_of(call, number)
    fork_point = repository.git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    found = changes(repository.git, fork_point, pull.head_sha)[:FILES_LIMIT]
    return call.page(found, lambda each: diff_entry(call.hub, repository, each, pull.head_sha))


@pulls.add("GET", f"{PULLS}/<int:number>/reviews", needs=READ)
def list_reviews(call: Call, number: int) -> Answer:
    pull = pull_of(call, number)
    return call.page(pull.reviews, lambda each: review(call.hub, call.repository, pull, each))


@pulls.add("POST", f"{PULLS}/<int:number>/requested_reviewers", needs=WRITE)
def request_reviewers(call: Call, number: int) -> Answer:
    fields, pull = call.fields, pull_of(call, number)
    for login in fields.texts("reviewers"):
        account = call.hub.accounts.get(login.lower())
        if account is None:
            rule = "Reviews may only be requested from collaborators."
            name = call.repository.full_name
            raise unprocessable(f"{rule} One or more of the users or teams you specified is not one of {name}.")
        if account == pull.author:
            raise unprocessable("Review cannot be requested from pull request author.")
        if account not in pull.reviewers:
            pull.reviewers.append(account)
    pull.teams += [slug for slug in fields.texts("team_reviewers") if slug not in pull.teams]
    pull.updated = call.hub.timestamp()
    return Answer(status=201, body=simple_pull(call.hub, call.repository, pull))


@pulls.add("PUT", f"{PULLS}/<int:number>/merge", needs="contents=write")
def merge_pull(call: Call, number: int) -> Answer:
    fields, pull = call.fields, pull_of(call, number)
    method = cast("MergeMethod", fields.one_of("merge_method", ("merge", "squash", "rebase"), default="merge"))
    expected = fields.optional_text("sha")
    if expected is not None and expected != pull.head_sha:
        raise Refusal(409, "Head branch was modified. Review and try the merge again.", with_status=False)
    sha = merge(
        call.hub,
        call.repository,
        pull,
        actor=call.actor,
        method=method,
        title=fields.optional_text("commit_title") or "",
        message=fields.optional_text("commit_message") or "",
        token=call.token,
    )
    return Answer(body={"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def pull_of(call: Call, number: int) -> PullRequest:
    """Return the pull request with that number.

    Raises:
        Refusal: It does not exist.
    """
    found = call.repository.issues.get(number)
    if not isinstance(found, PullRequest):
        raise not_found()
    return found
