"""The token's account and rate limits, and the repository itself."""

from __future__ import annotations

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import full_repository, user

account = Routes()

APPS = frozenset({"app", "job"})


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
