"""Permissions: which page grants a token of each kind what a request needs, in the words of that page."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

Kind = Literal["installation", "app", "fine-grained", "classic", "oauth", "person", "unknown"]

# https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
_PREFIXES: dict[str, Kind] = {
    "github_pat_": "fine-grained",
    "ghp_": "classic",
    "gho_": "oauth",
    "ghu_": "person",
    # Nothing tells GITHUB_TOKEN, an installation token of GitHub Actions, from that of another App.
    "ghs_": "installation",
}
NAMES: dict[Kind, str] = {
    "installation": "a token of a workflow or an App",
    "app": "a token of an App",
    "fine-grained": "a fine-grained token",
    "classic": "a classic token",
    "oauth": "a token of an OAuth app",
    "person": "a token of an App for a person",
    "unknown": "a token of a kind that cmlkit does not know",
}
# Of these kinds GitHub tells the scopes.
SCOPED: frozenset[Kind] = frozenset({"classic", "oauth"})
OF_INSTALLATIONS: frozenset[Kind] = frozenset({"installation", "app"})

# Keys of `permissions:` in a workflow that name a permission of Apps, with a dash for each underscore there.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions
_WORKFLOW_KEYS = frozenset(
    {"actions", "artifact-metadata", "attestations", "checks", "code-quality", "contents", "deployments", "discussions"}
    | {"issues", "packages", "pages", "pull-requests", "repository-projects", "security-events", "statuses"}
    | {"vulnerability-alerts"}
)
_WORKFLOW_LEVELS = frozenset({"read", "write"})
# Names on the page of an App or a fine-grained token, if they are not those of the API with a capital.
# https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
_NAMES_ON_PAGE = {
    "organization_administration": "Administration",
    "organization_self_hosted_runners": "Self-hosted runners",
    "repository_hooks": "Webhooks",
    "repository_projects": "Projects",
    "security_events": "Code scanning alerts",
    "statuses": "Commit statuses",
    "vulnerability_alerts": "Dependabot alerts",
}
_ACCESS = {"read": "Read-only", "write": "Read and write", "admin": "Admin"}
# Fine-grained tokens have no such permission, whatever the header says.
_NOT_FOR_PERSONS = frozenset({"checks"})
# https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
_SCOPES = {"workflows": "workflow", "organization_self_hosted_runners": "admin:org"}
_OF_RUNNERS = frozenset({"administration", "organization_self_hosted_runners"})


def kind_of(token: str) -> Kind:
    """Return the kind of a token, by its prefix."""
    return next((kind for prefix, kind in _PREFIXES.items() if token.startswith(prefix)), "unknown")


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The permissions that a request needs: sets of them, each of which suffices.

    Attributes:
        choices: Name in the API -> level, for each set.
    """

    choices: tuple[dict[str, str], ...] = ()

    @classmethod
    def parse(cls, accepted: str) -> Needs:
        """Parse `a=read,b=write; c=write`: commas join, semicolons separate sets.

        https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#insufficient-permission-errors
        """
        choices = [dict(_pair(each) for each in choice.split(",") if "=" in each) for choice in accepted.split(";")]
        # Every token has the metadata of what it may see.
        return cls(choices=tuple(choice for choice in choices if choice and set(choice) != {"metadata"}))


def _pair(text: str) -> tuple[str, str]:
    name, _, level = text.strip().partition("=")
    return name, level


def advice(kind: Kind, needs: Needs) -> str:
    """Return how to give a token of this kind what a request needs; empty if that is unknown."""
    if not needs.choices:
        return ""
    if kind in SCOPED:
        return scope_advice({_scope(needs)})
    if kind == "installation":
        return _installation(needs)
    if kind in ("app", "person"):
        return f"Give the GitHub App {_on_page(needs)}, and accept that for its installation."
    if kind == "fine-grained":
        return _fine_grained(needs)
    return f"The token needs {_on_page(needs)}."


def workflows_advice(kind: Kind) -> str:
    """Return how to let a token change workflow files, or point refs at those that no branch has."""
    return advice(kind, Needs.parse("workflows=write"))


def scopes_in(header: str) -> tuple[str, ...]:
    """Return the scopes in a header such as `X-OAuth-Scopes: repo, workflow`."""
    return tuple(filter(None, map(str.strip, header.split(","))))


def scope_advice(accepted: Set[str], *, granted: Set[str] = frozenset()) -> str:
    """Return what to do for a token with scopes; `accepted` are those of which one suffices, `granted` its own."""
    if accepted & granted:
        return "The token's scopes suffice: its owner needs more rights in the repository."
    return f"Give the token the scope {' or '.join(sorted(accepted))}; its owner needs write access to the repository."


def _installation(needs: Needs) -> str:
    choices = [keys for choice in needs.choices if (keys := _workflow_keys(choice))]
    if not choices:
        variable = "CMLKIT_RUNNER_TOKEN" if _is_of_runners(needs) else "CMLKIT_TOKEN"
        return (
            f"GITHUB_TOKEN can never have {_on_page(needs)}. Set {variable} to the token of a GitHub App or a"
            f" fine-grained token with it, or to a classic token with the scope {_scope(needs)}."
        )
    return (
        f"If it is GITHUB_TOKEN, write {' or '.join(choices)} under permissions: of the job;"
        f" if it is a GitHub App's, give the App {_on_page(needs)}."
    )


def _workflow_keys(choice: dict[str, str]) -> str:
    """Return the lines for `permissions:` of a workflow; empty if it has no key for one of the permissions."""
    keys = {name.replace("_", "-"): level for name, level in choice.items() if name != "metadata"}
    if not set(keys) <= _WORKFLOW_KEYS or not set(keys.values()) <= _WORKFLOW_LEVELS:
        return ""
    return " and ".join(f"{key}: {level}" for key, level in keys.items())


def _fine_grained(needs: Needs) -> str:
    possible = tuple(choice for choice in needs.choices if not _NOT_FOR_PERSONS & set(choice))
    if not possible:
        return "Fine-grained tokens can never have that: use GITHUB_TOKEN or the token of a GitHub App."
    return (
        f"Give the fine-grained token {_on_page(Needs(choices=possible))} at Settings > Developer settings > Personal"
        " access tokens; an organisation may have to approve it."
    )


def _scope(needs: Needs) -> str:
    names = {name for choice in needs.choices[:1] for name in choice}
    return next((scope for name, scope in _SCOPES.items() if name in names), "repo")


def _on_page(needs: Needs) -> str:
    """Return the permissions as the page of an App or a fine-grained token names them."""
    return " or ".join(" and ".join(map(_named, *zip(*choice.items(), strict=True))) for choice in needs.choices)


def _named(name: str, level: str) -> str:
    owner = "organisation" if name.startswith("organization_") else "repository"
    shown = _NAMES_ON_PAGE.get(name) or name.removeprefix("organization_").replace("_", " ").capitalize()
    return f"the {owner} permission {shown}: {_ACCESS.get(level, level)}"


def _is_of_runners(needs: Needs) -> bool:
    return any(_OF_RUNNERS & set(choice) for choice in needs.choices)
