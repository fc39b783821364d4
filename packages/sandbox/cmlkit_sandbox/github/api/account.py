"""The token's account and rate limits, and the repository itself."""

from __future__ import annotations

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import full_repository, user

account = Routes()

APPS = frozenset({"app", "job"})
# https://docs.github.com/en/rest/meta/meta#github-api-root
ROOT_PATHS = {
    "authorizations": "/authorizations",
    "code_search": "/search/code?q={query}{&page,per_page,sort,order}",
    "commit_search": "/search/commits?q={query}{&page,per_page,sort,order}",
    "current_user": "/user",
    "current_user_repositories": "/user/repos{?type,page,per_page,sort}",
    "emails": "/user/emails",
    "emojis": "/emojis",
    "events": "/events",
    "feeds": "/feeds",
    "followers": "/user/followers",
    "following": "/user/following{/target}",
    "gists": "/gists{/gist_id}",
    "issue_search": "/search/issues?q={query}{&page,per_page,sort,order}",
    "issues": "/issues",
    "keys": "/user/keys",
    "label_search": "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
    "notifications": "/notifications",
    "organization": "/orgs/{org}",
    "organization_repositories": "/orgs/{org}/repos{?type,page,per_page,sort}",
    "organization_teams": "/orgs/{org}/teams",
    "public_gists": "/gists/public",
    "rate_limit": "/rate_limit",
    "repository": "/repos/{owner}/{repo}",
    "repository_search": "/search/repositories?q={query}{&page,per_page,sort,order}",
    "starred": "/user/starred{/owner}{/repo}",
    "starred_gists": "/gists/starred",
    "topic_search": "/search/topics?q={query}{&page,per_page}",
    "user": "/users/{user}",
    "user_organizations": "/user/orgs",
    "user_repositories": "/users/{user}/repos{?type,page,per_page,sort}",
    "user_search": "/search/users?q={query}{&page,per_page,sort,order}",
}


@account.add("GET", "/")
def root(call: Call) -> Answer:
    """Return where other resources are, whether or not the sandbox has them."""
    api = {f"{name}_url": call.hub.api_url + path for name, path in ROOT_PATHS.items()}
    pages = {"current_user_authorizations_html_url": f"{call.hub.url}/settings/connections/applications{{/client_id}}"}
    return Answer(body={**api, **pages})


@account.add("GET", "/user", forbidden=APPS)
def get_user(call: Call) -> Answer:
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    unknown = dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio"))
    since = "2011-01-25T18:44:36Z"
    body = {**user(call.hub, call.actor), **unknown, **counts, "created_at": since, "updated_at": since}
    return Answer(body=body)


@account.add("GET", "/rate_limit")
def rate_limit(call: Call) -> Answer:
    core = call.hub.limits.state(call.token)
    return Answer(body={"resources": {"core": core, "search": core, "graphql": core}, "rate": core})


@account.add("GET", "/repos/<owner>/<repo>")
def get_repository(call: Call) -> Answer:
    return Answer(body=full_repository(call.hub, call.repository, call.token))
