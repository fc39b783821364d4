"""The identity that GitHub vouches for: issuer and subjects of a workflow's OpenID Connect tokens."""

from __future__ import annotations

from urllib.parse import urlsplit

from cmlkit.forges.github.hosts import PUBLIC, RESIDENCY


def issuer(server_url: str) -> str:
    """Return the issuer of a server's tokens, without the scheme.

    https://docs.github.com/en/actions/reference/security/oidc and, for GitHub Enterprise Server,
    https://docs.github.com/en/enterprise-server@latest/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
    """
    host = urlsplit(server_url).netloc.lower()
    if host == PUBLIC:
        return "token.actions.githubusercontent.com"
    return f"token.actions.{host}" if host.endswith(RESIDENCY) else f"{host}/_services/token"


def subjects(
    repository: str, branch: str, *, environments: tuple[str, ...] = (), ids: tuple[int, int] | None = None
) -> tuple[str, ...]:
    """Return the subjects of the tokens of a branch's workflows, and of jobs that run in environments.

    Since 15 July 2026, those of repositories that are new or were renamed also have the ids of owner and repository:
    https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/

    Args:
        ids: Of the owner and the repository; patterns for any id if None.
    """
    owner, _, name = repository.partition("/")
    owner_id, repository_id = ids or ("*", "*")
    # A colon in an environment's name is escaped in the subject.
    wheres = [f"ref:refs/heads/{branch}", *(f"environment:{name.replace(':', '%3A')}" for name in environments)]
    return tuple(
        f"repo:{written}:{where}"
        for where in wheres
        for written in (repository, f"{owner}@{owner_id}/{name}@{repository_id}")
    )
