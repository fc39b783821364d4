"""Publishes that cannot be: each says why, what to do, and leaves nothing behind that it should not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import CmlkitError, ModelError, NotFound, PermissionDenied, SettingsError
from cmlkit.forges.github import FACTS
from cmlkit.forges.github.signed_commits import PAYLOAD_BYTES
from cmlkit_sandbox.github.accounts import Level
from cmlkit_sandbox.github.repository import Protection
from tests.integration.project import BOT, MANIFEST, METRICS, MODEL, PLOT, REPOSITORY, Project, project

pytestmark = pytest.mark.slow

ALL: dict[str, Level] = {
    "contents": "write",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
    "statuses": "write",
}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def assert_untouched(there: Project) -> None:
    writes = [item for item in there.github.requests if item.method != "GET" and "graphql" not in item.path]
    assert [item for item in writes if item.status is not None and item.status < 400] == []
    assert there.everything() == there.begun


def refused(there: Project, error: type[CmlkitError], message: str, **options: object) -> CmlkitError:
    run = there.trained(0.9)
    with pytest.raises(error, match=message) as caught:
        there.publish(run, **options)  # type: ignore[arg-type]
    assert_untouched(there)
    return caught.value


def test_a_base_branch_that_does_not_exist(there: Project) -> None:
    error = refused(there, SettingsError, "octo/forest has no branch 'develop'", base="develop")
    assert "default branch is 'main'" in error.next_step
    assert error.exit_code == 2


def test_a_branch_name_that_git_refuses(there: Project) -> None:
    refused(there, SettingsError, r"'a\.\.b', made from 'a\.\.b', has two dots", branch="a..b")


@pytest.mark.parametrize("setting", ["title", "body"])
def test_a_template_with_an_unknown_field(there: Project, setting: str) -> None:
    refused(there, SettingsError, f"publish.{setting}.*known are .model., .base.", **{setting: "by {author}"})


def test_a_malformed_rule(there: Project) -> None:
    refused(there, SettingsError, "accuracy", rules=["accuracy ~ 1"])


@pytest.mark.parametrize(("missing", "kind"), [(MODEL, ModelError), (METRICS, SettingsError), (PLOT, SettingsError)])
def test_a_file_that_is_missing(there: Project, missing: str, kind: type[CmlkitError]) -> None:
    run = there.trained(0.9)
    (there.directory / missing).unlink()
    with pytest.raises(kind, match=f"{missing} does not exist"):
        there.publish(run)
    assert_untouched(there)


def test_a_model_that_changed_since_the_training(there: Project) -> None:
    run = there.trained(0.9)
    (there.directory / MODEL).write_bytes(b"another")
    with pytest.raises(ModelError, match="it has changed since the training"):
        there.publish(run)
    assert_untouched(there)


def test_a_manifest_that_is_none(there: Project) -> None:
    run = there.trained(0.9)
    (there.directory / MANIFEST).write_text("{")
    with pytest.raises(ModelError, match="is not a model manifest"):
        there.publish(run)
    assert_untouched(there)


def test_a_model_over_githubs_limit(there: Project) -> None:
    run = there.trained(0.9)
    with (there.directory / MODEL).open("r+b") as file:
        file.truncate(FACTS.limits.files.git + 1)
    with pytest.raises(ModelError, match="takes no file over 100 MiB"):
        there.publish(run)
    assert_untouched(there)


def test_a_token_that_github_does_not_know(there: Project) -> None:
    error = refused(there, PermissionDenied, "401 Bad credentials", forge=there.client(token="ghp_unknown"))
    assert "CMLKIT_TOKEN" in error.next_step
    assert error.exit_code == 3


def test_a_repository_that_does_not_exist(there: Project) -> None:
    error = refused(there, NotFound, "404 Not Found", forge=there.client(repository="octo/desert"))
    assert "the token may not see it" in error.next_step


def test_a_private_repository_that_the_token_does_not_reach(there: Project) -> None:
    there.repository.private = True
    there.github.add_token("ghs_other", BOT, kind="job", repositories=["octo/other"])
    refused(there, NotFound, "404 Not Found", forge=there.client(token="ghs_other"))


def test_a_token_that_may_not_write_contents(there: Project) -> None:
    there.github.add_token("ghs_reads", BOT, kind="job", permissions={**ALL, "contents": "read"})
    error = refused(
        there, PermissionDenied, "403 Resource not accessible by integration", forge=there.client(token="ghs_reads")
    )
    assert "contents: write" in error.next_step


def test_the_read_only_token_of_a_forks_pull_request_leaves_the_report(there: Project) -> None:
    there.github.add_token("ghs_reads", BOT, kind="job", permissions=dict.fromkeys(ALL, "read"))
    published = there.publish(there.trained(0.9), forge=there.client(token="ghs_reads"), from_fork=True)
    assert_untouched(there)
    assert "comes from a fork, so its token may only read" in published.report
    assert "**0.9**" in published.report


def test_a_repository_that_is_archived(there: Project) -> None:
    there.repository.settings.archived = True
    error = refused(there, PermissionDenied, "403 Repository was archived")
    assert "unarchive" in error.next_step


def test_workflows_that_may_not_open_pull_requests_name_the_setting_and_keep_the_result(there: Project) -> None:
    run = there.trained(0.9)
    there.repository.settings.can_create_pull_requests = False
    with pytest.raises(PermissionDenied, match="committed to the branch cmlkit/main/100") as caught:
        there.publish(run)
    assert "Allow GitHub Actions to create and approve pull requests" in caught.value.next_step
    assert MODEL in there.files("cmlkit/main/100")
    there.repository.settings.can_create_pull_requests = True
    assert there.publish(run).pull_request_number == 1


def test_a_token_that_may_not_open_pull_requests_names_the_permission(there: Project) -> None:
    there.github.add_token("ghs_no_pulls", BOT, kind="job", permissions={**ALL, "pull_requests": "read"})
    with pytest.raises(PermissionDenied, match="committed to the branch") as caught:
        there.publish(there.trained(0.9), forge=there.client(token="ghs_no_pulls"))
    assert "pull-requests: write" in caught.value.next_step


def test_a_token_that_may_not_create_checks_sets_a_status(there: Project) -> None:
    there.github.add_token("ghs_no_checks", BOT, kind="job", permissions={**ALL, "checks": "read"})
    published = there.publish(there.trained(0.9), forge=there.client(token="ghs_no_checks"))
    (status,) = there.repository.statuses
    assert (status.sha, status.context, status.state) == (published.commit_sha, "cmlkit", "success")
    assert published.check_url
    assert there.progress.warnings == []


def test_a_token_that_may_do_neither_goes_without_and_says_so(there: Project) -> None:
    few: dict[str, Level] = {**ALL, "checks": "read", "statuses": "read"}
    there.github.add_token("ghs_few", BOT, kind="job", permissions=few)
    published = there.publish(there.trained(0.9), forge=there.client(token="ghs_few"))
    assert published.check_url == ""
    assert "No check was created: GitHub refused" in there.progress.warnings[0]
    assert "checks: write" in there.progress.warnings[0]


@pytest.mark.parametrize("ruleset", [True, False])
def test_a_branch_that_takes_signed_commits_only_says_whose_github_signs(there: Project, ruleset: bool) -> None:
    branch = there.publish(there.trained(0.9)).branch
    words = "Commits must have verified signatures."
    there.github.protect(REPOSITORY, branch, Protection(rule="required_signatures", message=words, ruleset=ruleset))
    before = there.head(branch)
    run = there.trained(0.91, content=bytes(PAYLOAD_BYTES + 1))
    with pytest.raises(PermissionDenied, match="verified signatures") as caught:
        there.publish(run, attempt=2, forge=there.client(token="ghp_person"))
    assert "GITHUB_TOKEN" in caught.value.next_step
    assert there.head(branch) == before
    assert there.publish(run, attempt=2).commit_sha == there.head(branch) != before


def test_a_branch_that_a_ruleset_guards(there: Project) -> None:
    run = there.trained(0.9)
    there.github.protect(REPOSITORY, "cmlkit/main/100")
    with pytest.raises(PermissionDenied) as caught:
        there.publish(run)
    assert "Settings > Rules > Rulesets" in caught.value.next_step
    assert there.branches() == {"main"}
