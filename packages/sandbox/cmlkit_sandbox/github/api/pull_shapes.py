"""GitHub's JSON for pull requests, issues and comments."""

from __future__ import annotations

from cmlkit_sandbox.github.accounts import Account
from cmlkit_sandbox.github.api import shapes
from cmlkit_sandbox.github.api.shapes import (
    Json,
    api,
    author,
    page,
    user,
)
from cmlkit_sandbox.github.discussion import (
    AutoMerge,
    Comment,
    CommitComment,
    Issue,
    PullRequest,
    Review,
)
from cmlkit_sandbox.github.git_changes import changes, merged_tree
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.merging import merge_state
from cmlkit_sandbox.github.repository import Repository

NO_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def issue(hub: Hub, repository: Repository, value: Issue) -> Json:
    """Return the issues endpoints' form of an issue, or of a pull request in its role as one."""
    root = api(hub, repository, f"/issues/{value.number}")
    return {
        **_common(hub, repository, value),
        "url": root,
        "repository_url": api(hub, repository),
        "labels_url": f"{root}/labels{{/name}}",
        "comments_url": f"{root}/comments",
        "events_url": f"{root}/events",
        "html_url": html_url(hub, repository, value),
        "comments": len(value.comments),
        "state_reason": None,
        "closed_by": None if value.closed_by is None else user(hub, value.closed_by),
        "reactions": _reactions(root),
        "timeline_url": f"{root}/timeline",
        **({"pull_request": _link(hub, repository, value)} if isinstance(value, PullRequest) else {}),
    }


def simple_pull(hub: Hub, repository: Repository, value: PullRequest) -> Json:
    """Return a pull request in the form of lists."""
    root = api(hub, repository, f"/pulls/{value.number}")
    issue_url = api(hub, repository, f"/issues/{value.number}")
    urls = {
        "html": html_url(hub, repository, value),
        "issue": issue_url,
        "comments": f"{issue_url}/comments",
        "review_comments": f"{root}/comments",
        "review_comment": api(hub, repository, "/pulls/comments{/number}"),
        "commits": f"{root}/commits",
        "statuses": api(hub, repository, f"/statuses/{value.head_sha}"),
    }
    return {
        **_common(hub, repository, value),
        "url": root,
        "diff_url": f"{urls['html']}.diff",
        "patch_url": f"{urls['html']}.patch",
        **{f"{name}_url": url for name, url in urls.items()},
        "_links": {name: {"href": url} for name, url in {"self": root, **urls}.items()},
        "merged_at": value.merged,
        "merge_commit_sha": value.merge_commit,
        "requested_reviewers": [user(hub, each) for each in value.reviewers],
        "requested_teams": [_team(hub, repository, slug) for slug in value.teams],
        "head": _end(hub, value.head_repository, value.head, value.head_sha),
        "base": _end(hub, repository, value.base, value.base_sha),
        "auto_merge": None if value.auto_merge is None else _auto_merge(hub, value.auto_merge),
        "draft": value.draft,
    }


def pull(hub: Hub, repository: Repository, value: PullRequest) -> Json:
    """Return the answer to GET /repos/OWNER/REPO/pulls/NUMBER."""
    git = repository.git
    fork_point = git.merge_base(value.base_sha, value.head_sha) or value.base_sha
    files = changes(git, fork_point, value.head_sha)
    mergeable = None if value.merged else merged_tree(git, ours=value.base_sha, theirs=value.head_sha) is not None
    return {
        **simple_pull(hub, repository, value),
        "user": user(hub, value.author),
        "merged": value.merged is not None,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": _mergeable_state(repository, value, mergeable),
        "merged_by": None if value.merged_by is None else user(hub, value.merged_by),
        "comments": len(value.comments),
        "review_comments": 0,
        "maintainer_can_modify": value.maintainer_can_modify,
        "commits": git.count(value.head_sha, f"^{fork_point}"),
        "additions": sum(each.additions for each in files),
        "deletions": sum(each.deletions for each in files),
        "changed_files": len(files),
    }


def _mergeable_state(repository: Repository, value: PullRequest, mergeable: bool | None) -> str:
    if not mergeable:
        return "unknown" if mergeable is None else "dirty"
    return "draft" if value.draft else merge_state(repository, value)


def comment(hub: Hub, repository: Repository, value: Comment) -> Json:
    root = api(hub, repository, f"/issues/comments/{value.id}")
    on = repository.issues[value.number]
    return {
        "id": value.id,
        "node_id": f"IC_{value.id}",
        "url": root,
        "html_url": f"{html_url(hub, repository, on)}#issuecomment-{value.id}",
        "issue_url": api(hub, repository, f"/issues/{value.number}"),
        "body": value.body,
        "user": author(hub, value.author),
        "created_at": value.created,
        "updated_at": value.updated,
        "author_association": association(repository, value.author),
        "reactions": _reactions(root),
        "performed_via_github_app": None,
    }


def commit_comment(hub: Hub, repository: Repository, value: CommitComment) -> Json:
    root = api(hub, repository, f"/comments/{value.id}")
    return {
        "id": value.id,
        "node_id": f"CC_{value.id}",
        "url": root,
        "html_url": page(hub, repository, f"/commit/{value.sha}#commitcomment-{value.id}"),
        "body": value.body,
        "path": value.path,
        "position": value.position,
        "line": value.line,
        "commit_id": value.sha,
        "user": author(hub, value.author),
        "created_at": value.created,
        "updated_at": value.updated,
        "author_association": association(repository, value.author),
        "reactions": _reactions(root),
    }


def review(hub: Hub, repository: Repository, on: PullRequest, value: Review) -> Json:
    html = f"{html_url(hub, repository, on)}#pullrequestreview-{value.id}"
    pull_url = api(hub, repository, f"/pulls/{on.number}")
    return {
        "id": value.id,
        "node_id": f"PRR_{value.id}",
        "user": author(hub, value.author),
        "body": value.body,
        "state": value.state,
        "html_url": html,
        "pull_request_url": pull_url,
        "author_association": association(repository, value.author),
        "_links": {"html": {"href": html}, "pull_request": {"href": pull_url}},
        "submitted_at": value.submitted,
        "commit_id": value.sha,
    }


def association(repository: Repository, account: Account) -> str:
    return "OWNER" if account == repository.owner else "CONTRIBUTOR" if account.kind == "Bot" else "COLLABORATOR"


def html_url(hub: Hub, repository: Repository, value: Issue) -> str:
    kind = "pull" if isinstance(value, PullRequest) else "issues"
    return page(hub, repository, f"/{kind}/{value.number}")


def _common(hub: Hub, repository: Repository, value: Issue) -> Json:
    assignees = [user(hub, each) for each in value.assignees]
    milestone = repository.milestones.get(value.milestone or 0)
    return {
        "id": value.id,
        "node_id": value.node_id,
        "number": value.number,
        "state": value.state,
        "locked": False,
        "active_lock_reason": None,
        "title": value.title,
        "body": value.body,
        "user": author(hub, value.author),
        "labels": [shapes.label(hub, repository, repository.labels[name]) for name in value.labels],
        "milestone": None if milestone is None else shapes.milestone(hub, repository, milestone),
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "created_at": value.created,
        "updated_at": value.updated,
        "closed_at": value.closed,
        "author_association": association(repository, value.author),
    }


def _link(hub: Hub, repository: Repository, value: PullRequest) -> Json:
    html = html_url(hub, repository, value)
    return {
        "url": api(hub, repository, f"/pulls/{value.number}"),
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "merged_at": value.merged,
    }


def _end(hub: Hub, repository: Repository, branch: str, sha: str) -> Json:
    return {
        "label": f"{repository.owner.login}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": user(hub, repository.owner),
        "repo": shapes.simple_repository(hub, repository),
    }


def _auto_merge(hub: Hub, value: AutoMerge) -> Json:
    return {
        "enabled_by": user(hub, value.enabled_by),
        "merge_method": value.method,
        "commit_title": value.title,
        "commit_message": value.message,
    }


def _team(hub: Hub, repository: Repository, slug: str) -> Json:
    root = f"{hub.api_url}/organizations/{repository.owner.id}/team/{slug}"
    return {
        "id": repository.owner.id,
        "node_id": f"T_{slug}",
        "url": root,
        "html_url": f"{hub.url}/orgs/{repository.owner.login}/teams/{slug}",
        "name": slug,
        "slug": slug,
        "description": None,
        "privacy": "closed",
        "permission": "pull",
        "members_url": f"{root}/members{{/member}}",
        "repositories_url": f"{root}/repos",
        "type": "organization",
        "parent": None,
    }


def _reactions(url: str) -> Json:
    return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(NO_REACTIONS, 0)}
