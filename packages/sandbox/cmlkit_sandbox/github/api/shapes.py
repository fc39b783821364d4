"""GitHub's JSON for accounts and repositories."""

from __future__ import annotations

from cmlkit_sandbox.github.accounts import Account, Token
from cmlkit_sandbox.github.discussion import Label, Milestone
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.repository import Repository

Json = dict[str, object]

# Path below the repository's API URL -> the placeholder that GitHub shows.
REPOSITORY_URLS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
USER_URLS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


def api(hub: Hub, repository: Repository, path: str = "") -> str:
    """Return API URL of a resource of the repository."""
    return f"{hub.api_url}/repos/{repository.full_name}{path}"


def page(hub: Hub, repository: Repository, path: str = "") -> str:
    """Return Return web URL of a resource of the repository."""
    return f"{hub.url}/{repository.full_name}{path}"


GHOST = Account(id=10137, login="ghost")


def author(hub: Hub, account: Account) -> Json | None:
    """Return the author of something: null if the account is deleted, wherever GitHub's description allows that."""
    return None if account.id in hub.deleted else user(hub, account)


def user(hub: Hub, account: Account) -> Json:
    """Return an account; for a deleted one, GitHub's account `ghost`."""
    account = GHOST if account.id in hub.deleted else account
    root = f"{hub.api_url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": f"U_{account.id}",
        "avatar_url": f"{hub.url}/avatars/{account.id}",
        "gravatar_id": "",
        "url": root,
        "html_url": f"{hub.url}/{account.login}",
        **{name: root + path for name, path in USER_URLS.items()},
        "type": account.kind,
        "site_admin": False,
        "user_view_type": "public",
    }


def minimal_repository(hub: Hub, repository: Repository) -> Json:
    root = api(hub, repository)
    return {
        "id": repository.id,
        "node_id": f"R_{repository.id}",
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": user(hub, repository.owner),
        "html_url": page(hub, repository),
        "description": None,
        "fork": repository.parent is not None,
        "url": root,
        **{name: root + path for name, path in REPOSITORY_URLS.items()},
    }


def simple_repository(hub: Hub, repository: Repository) -> Json:
    """Return the short form, used in a pull request's head and base."""
    html = page(hub, repository)
    open_issues = sum(issue.state == "open" for issue in list(repository.issues.values()))
    counts = dict.fromkeys(("forks", "forks_count", "size", "stargazers_count", "watchers", "watchers_count"), 0)
    features = dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True)
    return {
        **minimal_repository(hub, repository),
        **counts,
        **features,
        "archived": repository.settings.archived,
        "clone_url": f"{html}.git",
        "created_at": repository.created,
        "default_branch": repository.default_branch,
        "disabled": False,
        "git_url": f"{html}.git".replace("http:", "git:", 1),
        "has_pages": False,
        "has_discussions": False,
        "homepage": None,
        "language": "Python",
        "license": None,
        "mirror_url": None,
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        "pushed_at": repository.created,
        "ssh_url": f"git@{hub.url.partition('://')[2]}:{repository.full_name}.git",
        "svn_url": html,
        "topics": [],
        "updated_at": repository.created,
        "visibility": "private" if repository.private else "public",
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
    }


def full_repository(hub: Hub, repository: Repository, token: Token | None) -> Json:
    """Return the answer to GET /repos/OWNER/REPO."""
    can_push = token is not None and token.has("contents", "write")
    is_admin = token is not None and token.has("administration", "write")
    return {
        **simple_repository(hub, repository),
        "network_count": 0,
        "subscribers_count": 0,
        "allow_auto_merge": repository.settings.allow_auto_merge,
        "allow_merge_commit": True,
        "allow_rebase_merge": True,
        "allow_squash_merge": True,
        "delete_branch_on_merge": repository.settings.delete_branch_on_merge,
        "permissions": {"admin": is_admin, "push": can_push, "pull": True},
        **({"parent": simple_repository(hub, repository.parent)} if repository.parent else {}),
    }


def label(hub: Hub, repository: Repository, value: Label) -> Json:
    return {
        "id": value.id,
        "node_id": f"LA_{value.id}",
        "url": api(hub, repository, f"/labels/{value.name}"),
        "name": value.name,
        "color": value.color,
        "default": value.default,
        # GitHub's description of its API has pull requests' labels with a text, though it answers null too.
        "description": value.description or "",
    }


def milestone(hub: Hub, repository: Repository, value: Milestone) -> Json:
    root = api(hub, repository, f"/milestones/{value.number}")
    of_it = [issue for issue in list(repository.issues.values()) if issue.milestone == value.number]
    return {
        "id": value.id,
        "node_id": f"MI_{value.id}",
        "number": value.number,
        "title": value.title,
        "state": "open",
        "description": None,
        "creator": user(hub, value.creator),
        "open_issues": sum(issue.state == "open" for issue in of_it),
        "closed_issues": sum(issue.state == "closed" for issue in of_it),
        "created_at": value.created,
        "updated_at": value.created,
        "closed_at": None,
        "due_on": None,
        "url": root,
        "html_url": page(hub, repository, f"/milestone/{value.number}"),
        "labels_url": f"{root}/labels",
    }
