"""Issues, and pull requests in their role as issues: comments, labels, assignees, milestones."""

from __future__ import annotations

from cmlkit_sandbox.github.api import pull_shapes, shapes
from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.discussion import (
    Comment,
    CommitComment,
    Issue,
    Label,
    PullRequest,
)
from cmlkit_sandbox.github.refusals import Refusal, invalid, not_found, unprocessable
from cmlkit_sandbox.github.repository import NEW_LABEL_COLOR

issues = Routes()

REPOSITORY = "/repos/<owner>/<repo>"
ISSUE = f"{REPOSITORY}/issues/<int:number>"
COMMENT_LIMIT = 65_536
LABEL_LIMIT = 50
READ = "issues=read; pull_requests=read"
WRITE = "issues=write; pull_requests=write"


@issues.add("GET", f"{REPOSITORY}/issues", needs=READ)
def list_issues(call: Call) -> Answer:
    """List issues, and pull requests in their role as issues, newest first."""
    state = call.query("state", "open")
    found = [issue for issue in call.repository.issues.values() if state in ("all", issue.state)]
    found.sort(key=lambda issue: issue.number, reverse=True)
    return call.page(found, lambda issue: pull_shapes.issue(call.hub, call.repository, issue))


@issues.add("POST", f"{REPOSITORY}/issues", needs="issues=write")
def create_issue(call: Call) -> Answer:
    fields, now = call.fields, call.hub.timestamp()
    issue = Issue(
        id=call.hub.next_id(),
        number=call.repository.next_number,
        title=fields.text("title"),
        body=fields.optional_text("body"),
        author=call.actor,
        created=now,
        updated=now,
    )
    call.repository.issues[issue.number] = issue
    return Answer(status=201, body=pull_shapes.issue(call.hub, call.repository, issue))


@issues.add("GET", ISSUE, needs=READ)
def get_issue(call: Call, number: int) -> Answer:
    return Answer(body=pull_shapes.issue(call.hub, call.repository, _issue(call, number)))


@issues.add("PATCH", ISSUE, needs=WRITE)
def update_issue(call: Call, number: int) -> Answer:
    fields, issue = call.fields, _issue(call, number)
    if "title" in fields:
        issue.title = fields.text("title")
    if "body" in fields:
        issue.body = fields.optional_text("body")
    if "milestone" in fields:
        issue.milestone = _milestone(call, fields.optional_number("milestone"))
    if "labels" in fields:
        issue.labels = [_label(call, name) for name in fields.texts("labels")]
    if "assignees" in fields:
        issue.assignees = [call.hub.account(login) for login in fields.texts("assignees")]
    if "state" in fields:
        _set_state(call, issue, fields.one_of("state", ("open", "closed")))
    issue.updated = call.hub.timestamp()
    return Answer(body=pull_shapes.issue(call.hub, call.repository, issue))


def _milestone(call: Call, number: int | None) -> int | None:
    if number is not None and number not in call.repository.milestones:
        raise invalid("Issue", "invalid", field="milestone", value=number)
    return number


def _set_state(call: Call, issue: Issue, state: str) -> None:
    if state == "closed" and issue.state == "open":
        issue.state, issue.closed, issue.closed_by = "closed", call.hub.timestamp(), call.actor
    elif state == "open":
        issue.state, issue.closed, issue.closed_by = "open", None, None


@issues.add("GET", f"{ISSUE}/comments", needs=READ)
def list_comments(call: Call, number: int) -> Answer:
    _issue(call, number)
    found = call.repository.comments_of(number)
    since = call.query("since")
    return call.page([each for each in found if each.updated >= since], lambda each: _shown(call, each))


@issues.add("POST", f"{ISSUE}/comments", needs=WRITE)
def create_comment(call: Call, number: int) -> Answer:
    issue, now = _issue(call, number), call.hub.timestamp()
    _check_permission(call, issue)
    body = call.fields.body_text("IssueComment", limit=COMMENT_LIMIT)
    comment = Comment(id=call.hub.next_id(), number=number, author=call.actor, body=body, created=now, updated=now)
    call.repository.comments[comment.id] = comment
    issue.comments.append(comment.id)
    issue.updated = now
    return Answer(status=201, body=_shown(call, comment))


@issues.add("GET", f"{REPOSITORY}/issues/comments/<int:comment_id>", needs=READ)
def get_comment(call: Call, comment_id: int) -> Answer:
    return Answer(body=_shown(call, _comment(call, comment_id)))


@issues.add("PATCH", f"{REPOSITORY}/issues/comments/<int:comment_id>", needs=WRITE)
def update_comment(call: Call, comment_id: int) -> Answer:
    comment = _comment(call, comment_id)
    _check_permission(call, call.repository.issues[comment.number])
    comment.body = call.fields.body_text("IssueComment", limit=COMMENT_LIMIT)
    comment.updated = call.hub.timestamp()
    return Answer(body=_shown(call, comment))


@issues.add("DELETE", f"{REPOSITORY}/issues/comments/<int:comment_id>", needs=WRITE)
def delete_comment(call: Call, comment_id: int) -> Answer:
    comment = _comment(call, comment_id)
    _check_permission(call, call.repository.issues[comment.number])
    call.repository.issues[comment.number].comments.remove(comment_id)
    del call.repository.comments[comment_id]
    return Answer(status=204)


def _check_permission(call: Call, issue: Issue) -> None:
    """Refuse a token that may only write pull requests: it may not write to an issue."""
    if not isinstance(issue, PullRequest) and call.token is not None and not call.token.has("issues", "write"):
        raise Refusal(403, call.token.refusal())


def _shown(call: Call, comment: Comment) -> shapes.Json:
    return pull_shapes.comment(call.hub, call.repository, comment)


@issues.add("GET", f"{ISSUE}/labels", needs=READ)
def list_labels(call: Call, number: int) -> Answer:
    labels = [call.repository.labels[name] for name in _issue(call, number).labels]
    return call.page(labels, lambda each: shapes.label(call.hub, call.repository, each))


@issues.add("POST", f"{ISSUE}/labels", needs=WRITE)
def add_labels(call: Call, number: int) -> Answer:
    issue = _issue(call, number)
    for known in _labels(call):
        if known not in issue.labels:
            issue.labels.append(known)
    return _all_labels(call, issue)


@issues.add("PUT", f"{ISSUE}/labels", needs=WRITE)
def set_labels(call: Call, number: int) -> Answer:
    issue = _issue(call, number)
    issue.labels = list(dict.fromkeys(_labels(call)))
    return _all_labels(call, issue)


def _labels(call: Call) -> list[str]:
    """Return the labels of the request: GitHub takes a bare list of names, too, as PyGithub sends."""
    return [_label(call, name) for name in call.fields_or_list("labels").texts("labels")]


def _all_labels(call: Call, issue: Issue) -> Answer:
    labels = [call.repository.labels[name] for name in issue.labels]
    return Answer(body=[shapes.label(call.hub, call.repository, each) for each in labels])


def _label(call: Call, name: str) -> str:
    """Return the label's name as the repository spells it; create a missing one, as GitHub does."""
    labels = call.repository.labels
    known = next((each for each in labels if each.lower() == name.lower()), None)
    if known is not None:
        return known
    if not name.strip() or len(name) > LABEL_LIMIT:
        message = f"name is too long (maximum is {LABEL_LIMIT} characters)"
        raise invalid("Label", "custom", field="name", message=message)
    labels[name] = Label(id=call.hub.next_id(), name=name, color=NEW_LABEL_COLOR)
    return name


@issues.add("POST", f"{ISSUE}/assignees", needs=WRITE)
def add_assignees(call: Call, number: int) -> Answer:
    issue = _issue(call, number)
    for login in call.fields.texts("assignees"):
        account = call.hub.accounts.get(login.lower())
        # GitHub passes over logins that it cannot assign.
        if account is not None and account not in issue.assignees:
            issue.assignees.append(account)
    return Answer(status=201, body=pull_shapes.issue(call.hub, call.repository, issue))


@issues.add("GET", f"{REPOSITORY}/milestones", needs=READ)
def list_milestones(call: Call) -> Answer:
    found = list(call.repository.milestones.values())
    return call.page(found, lambda each: shapes.milestone(call.hub, call.repository, each))


@issues.add("GET", f"{REPOSITORY}/commits/<sha>/comments")
def list_commit_comments(call: Call, sha: str) -> Answer:
    found = [each for each in list(call.repository.commit_comments.values()) if each.sha == sha]
    return call.page(found, lambda each: pull_shapes.commit_comment(call.hub, call.repository, each))


@issues.add("POST", f"{REPOSITORY}/commits/<sha>/comments", needs="contents=write")
def create_commit_comment(call: Call, sha: str) -> Answer:
    fields, now = call.fields, call.hub.timestamp()
    commit = call.repository.git.resolve(sha)
    if commit is None:
        raise unprocessable(f"No commit found for SHA: {sha}")
    comment = CommitComment(
        id=call.hub.next_id(),
        sha=commit,
        author=call.actor,
        body=fields.body_text("CommitComment", limit=COMMENT_LIMIT),
        path=fields.optional_text("path"),
        position=fields.optional_number("position"),
        line=fields.optional_number("line"),
        created=now,
        updated=now,
    )
    call.repository.commit_comments[comment.id] = comment
    return Answer(status=201, body=pull_shapes.commit_comment(call.hub, call.repository, comment))


@issues.add("GET", f"{REPOSITORY}/comments/<int:comment_id>")
def get_commit_comment(call: Call, comment_id: int) -> Answer:
    return Answer(body=pull_shapes.commit_comment(call.hub, call.repository, _commit_comment(call, comment_id)))


@issues.add("PATCH", f"{REPOSITORY}/comments/<int:comment_id>", needs="contents=write")
def update_commit_comment(call: Call, comment_id: int) -> Answer:
    comment = _commit_comment(call, comment_id)
    comment.body = call.fields.body_text("CommitComment", limit=COMMENT_LIMIT)
    comment.updated = call.hub.timestamp()
    return Answer(body=pull_shapes.commit_comment(call.hub, call.repository, comment))


def _issue(call: Call, number: int) -> Issue:
    found = call.repository.issues.get(number)
    if found is None:
        raise not_found()
    return found


def _comment(call: Call, comment_id: int) -> Comment:
    found = call.repository.comments.get(comment_id)
    if found is None:
        raise not_found()
    return found


def _commit_comment(call: Call, comment_id: int) -> CommitComment:
    found = call.repository.commit_comments.get(comment_id)
    if found is None:
        raise not_found()
    return found
