"""Check runs, commit statuses, and the merges that wait for them."""

from __future__ import annotations

import pytest
import requests

from cmlkit_sandbox.github import GitHubServer, Protection
from tests.integration.github.conftest import REPOSITORY, Api

ENABLE = """
mutation Enable($id: ID!, $method: PullRequestMergeMethod!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: $method}) { pullRequest { number } }
}
"""


def main_head(api: Api) -> str:
    sha: str = api.get("./git/ref/heads/main")["object"]["sha"]
    return sha


def test_a_check_run_goes_from_queued_to_its_conclusion(bot: Api) -> None:
    sha = main_head(bot)
    run = bot.post("./check-runs", name="gate", head_sha=sha, external_id="1", details_url="https://example.org/1")
    assert (run["status"], run["conclusion"], run["completed_at"]) == ("queued", None, None)
    output = {"title": "Better", "summary": "by 0.01", "annotations": []}
    done = bot.patch(f"./check-runs/{run['id']}", conclusion="success", output=output)
    assert (done["status"], done["conclusion"], done["output"]["title"]) == ("completed", "success", "Better")
    assert done["completed_at"] is not None
    assert bot.get(f"./check-runs/{run['id']}")["details_url"] == "https://example.org/1"


def test_a_workflows_own_token_cannot_say_where_the_details_of_a_check_are(github: GitHubServer) -> None:
    """https://github.com/actions/github-script/issues/143"""
    github.add_token("ghs_job", "github-actions[bot]", kind="job")
    job = Api(github, "ghs_job")
    run = job.post("./check-runs", name="gate", head_sha=main_head(job), details_url="https://example.org/1")
    assert run["details_url"] == run["html_url"]


def test_check_runs_are_listed_by_name_and_only_the_latest_unless_asked(bot: Api) -> None:
    sha = main_head(bot)
    for name in ("gate", "gate", "other"):
        bot.post("./check-runs", name=name, head_sha=sha, status="completed", conclusion="neutral")
    latest = bot.get("./commits/main/check-runs")
    assert (latest["total_count"], {each["name"] for each in latest["check_runs"]}) == (2, {"gate", "other"})
    assert bot.get(f"./commits/{sha}/check-runs?check_name=gate&filter=all")["total_count"] == 2


def test_only_apps_make_check_runs(api: Api) -> None:
    refused = api.refused("POST", "./check-runs", name="gate", head_sha=main_head(api))
    assert refused == (403, "You must authenticate via a GitHub App.")


def test_a_check_run_is_refused_for_what_github_refuses(bot: Api) -> None:
    sha = main_head(bot)
    assert bot.refused("POST", "./check-runs", name="gate", head_sha="1" * 40)[0] == 422
    assert bot.refused("POST", "./check-runs", name="gate", head_sha=sha, conclusion="splendid")[0] == 422
    assert bot.refused("POST", "./check-runs", name="gate", head_sha=sha, status="completed")[0] == 422
    output = {"title": "x", "summary": "s" * 65_536}
    assert bot.refused("POST", "./check-runs", name="gate", head_sha=sha, output=output)[0] == 422


def test_anybody_who_may_write_sets_a_status(api: Api) -> None:
    sha = main_head(api)
    status = api.post(f"./statuses/{sha}", state="success", context="gate", description="Better")
    assert (status["state"], status["context"], status["creator"]["login"]) == ("success", "gate", "octo")
    assert api.refused("POST", f"./statuses/{sha}", state="neutral") == (422, "Validation Failed")


def graphql(github: GitHubServer, token: str, query: str, **variables: object) -> dict[str, object]:
    answer = requests.post(
        f"{github.url}/api/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert answer.status_code == 200
    document: dict[str, object] = answer.json()
    return document


@pytest.mark.parametrize("by_status", [True, False])
def test_auto_merge_merges_once_the_required_check_has_passed(
    github: GitHubServer, api: Api, bot: Api, *, by_status: bool
) -> None:
    github.hub.repository(REPOSITORY).settings.allow_auto_merge = True
    github.protect(REPOSITORY, "main", Protection(checks=("gate",)))
    pull = api.pull_request()
    assert graphql(github, "ghp_sandbox", ENABLE, id=pull["node_id"], method="SQUASH") == {
        "data": {"enablePullRequestAutoMerge": {"pullRequest": {"number": 1}}}
    }
    assert api.get("./pulls/1")["auto_merge"]["merge_method"] == "squash"
    sha = pull["head"]["sha"]
    bot.post("./check-runs", name="gate", head_sha=sha, conclusion="failure")
    assert api.get("./pulls/1")["state"] == "open"
    if by_status:
        api.post(f"./statuses/{sha}", state="success", context="gate")
    else:
        bot.post("./check-runs", name="gate", head_sha=sha, conclusion="success")
    assert api.get("./pulls/1")["merged"] is True


def test_auto_merge_is_refused_where_it_is_off_or_nothing_is_left_to_wait_for(github: GitHubServer, api: Api) -> None:
    pull = api.pull_request()
    refused = graphql(github, "ghp_sandbox", ENABLE, id=pull["node_id"], method="MERGE")
    assert "Auto merge is not allowed for this repository" in str(refused["errors"])
    github.hub.repository(REPOSITORY).settings.allow_auto_merge = True
    refused = graphql(github, "ghp_sandbox", ENABLE, id=pull["node_id"], method="MERGE")
    assert "Pull request is in clean status" in str(refused["errors"])
    assert api.get("./pulls/1")["mergeable_state"] == "clean"
    # A check that is not required: https://github.com/peter-evans/enable-pull-request-automerge/issues/355
    api.post(f"./statuses/{pull['head']['sha']}", state="pending", context="lint")
    refused = graphql(github, "ghp_sandbox", ENABLE, id=pull["node_id"], method="MERGE")
    assert "Pull request is in unstable status" in str(refused["errors"])
    assert api.get("./pulls/1")["mergeable_state"] == "unstable"
    # Both are needed, as merging writes to the repository.
    for permission in ("contents", "pull_requests"):
        github.add_token("writer", "eve", permissions={permission: "write"})
        refused = graphql(github, "writer", ENABLE, id=pull["node_id"], method="MERGE")
        assert "Resource not accessible by personal access token" in str(refused["errors"])


def test_a_pull_request_becomes_a_draft_and_ready_again(github: GitHubServer, api: Api) -> None:
    pull = api.pull_request()
    for name, is_draft in (("convertPullRequestToDraft", True), ("markPullRequestReadyForReview", False)):
        query = f'mutation {{ {name}(input: {{pullRequestId: "{pull["node_id"]}"}}) {{ pullRequest {{ isDraft }} }} }}'
        assert graphql(github, "ghp_sandbox", query) == {"data": {name: {"pullRequest": {"isDraft": is_draft}}}}
        assert api.get("./pulls/1")["draft"] is is_draft


CREATE_COMMIT = """
mutation ($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }
"""


def test_a_commit_by_graphql_is_signed_and_only_on_the_expected_head(github: GitHubServer, api: Api) -> None:
    head = main_head(api)
    request = {
        "branch": {"repositoryNameWithOwner": REPOSITORY, "branchName": "main"},
        "message": {"headline": "Retrain", "body": "run 7"},
        "expectedHeadOid": head,
        "fileChanges": {"additions": [{"path": "a", "contents": "bmV3"}], "deletions": [{"path": "train.py"}]},
    }
    made = graphql(github, "ghp_sandbox", CREATE_COMMIT, input=request)
    commit = api.get("./commits/main")
    assert made == {"data": {"createCommitOnBranch": {"commit": {"oid": commit["sha"]}}}}
    assert (commit["commit"]["message"], commit["commit"]["verification"]["verified"]) == ("Retrain\n\nrun 7", True)
    assert {(each["filename"], each["status"]) for each in commit["files"]} == {("a", "added"), ("train.py", "removed")}
    stale = graphql(github, "ghp_sandbox", CREATE_COMMIT, input=request)
    assert f'Expected branch to point to \\"{head}\\"' in str(stale).replace('"', '\\"')


def test_graphql_says_who_asks_and_refuses_what_it_cannot_read(github: GitHubServer) -> None:
    assert graphql(github, "ghs_sandbox", "query { me: viewer { ...who } } fragment who on User { login }") == {
        "data": {"me": {"login": "github-actions[bot]"}}
    }
    url = f"{github.url}/api/graphql"
    headers = {"Authorization": "Bearer ghs_sandbox"}
    assert requests.post(url, json={"mutation": "{}"}, headers=headers, timeout=10).status_code == 400
    assert requests.post(url, json={"query": "{ viewer { login } }"}, timeout=10).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "{ nothing }",
        "{ viewer {",
        "{ viewer }",
        "mutation { updateRefs(input: {refUpdates: []}) { clientMutationId } }",
        "mutation($id: Int!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { clientMutationId } }",
        'mutation { enablePullRequestAutoMerge(input: {pullRequestId: "P", mergeMethod: FAST}) { clientMutationId } }',
    ],
)
def test_a_request_against_githubs_schema_is_an_error_and_changes_nothing(github: GitHubServer, query: str) -> None:
    answer = graphql(github, "ghs_sandbox", query)
    assert "errors" in answer
    assert "data" not in answer
