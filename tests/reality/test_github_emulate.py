"""publish, pr, comment, check and asset against a GitHub that others wrote: npm's emulate."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.integration.project import PIXEL
from tests.reality.commands import Job
from tests.reality.emulated import Emulated


def file_at(emulated: Emulated, ref: str, path: str) -> bytes:
    return base64.b64decode(emulated.get(f"/contents/{path}", ref=ref)["content"])


def test_publish_leaves_a_branch_a_pull_request_a_comment_and_a_check(job: Job, emulated: Emulated) -> None:
    job.trained(0.9)
    published = job.result("publish")
    [pull] = emulated.get("/pulls")
    assert published["pull_request_url"] == pull["html_url"]
    assert (pull["head"]["sha"], pull["base"]["ref"]) == (published["commit_sha"], "main")
    assert file_at(emulated, published["branch"], "m.joblib") == b"model of 0.9\n"
    [comment] = emulated.get(f"/issues/{pull['number']}/comments")
    assert "accuracy" in comment["body"]
    [check] = emulated.get(f"/commits/{published['commit_sha']}/check-runs")["check_runs"]
    assert (check["status"], check["conclusion"]) == ("completed", "success")


def test_the_base_branch_keeps_its_commit_and_the_new_one_its_files(job: Job, emulated: Emulated) -> None:
    before = emulated.main
    job.trained(0.9)
    published = job.result("publish")
    assert emulated.main == before
    [parent] = emulated.get(f"/git/commits/{published['commit_sha']}")["parents"]
    assert parent["sha"] == before
    there = {each["path"] for each in emulated.get("/contents", ref=published["branch"])}
    assert there == {"README.md", *published["files"]}


def test_publishing_the_same_again_opens_nothing_new(job: Job, emulated: Emulated) -> None:
    job.trained(0.9)
    first, again = job.result("publish"), job.result("publish")
    assert again["commit_sha"] == first["commit_sha"]
    [pull] = emulated.get("/pulls", state="all")
    assert len(emulated.get(f"/issues/{pull['number']}/comments")) == 1


def test_an_earlier_pull_request_whose_commits_name_no_account_stays_open(job: Job, emulated: Emulated) -> None:
    job.trained(0.9)
    first = job.result("publish")
    job.trained(0.95, GITHUB_RUN_ID="101")
    second = job.result("publish", GITHUB_RUN_ID="101")
    # emulate never names the author of a pull request's commit: as far as cmlkit knows, a person has committed there.
    state = {pull["html_url"]: pull["state"] for pull in emulated.get("/pulls", state="all")}
    assert state == {first["pull_request_url"]: "open", second["pull_request_url"]: "open"}


def test_a_rejected_model_is_a_draft_with_a_failed_check(job: Job, emulated: Emulated) -> None:
    job.trained(0.1)
    code, _, err = job.outcome("publish")
    assert code == 6, err
    [pull] = emulated.get("/pulls")
    [check] = emulated.get(f"/commits/{pull['head']['sha']}/check-runs")["check_runs"]
    assert check["conclusion"] == "failure"
    assert pull["draft"]


def test_a_champion_is_read_from_the_base_branch(job: Job, emulated: Emulated) -> None:
    job.trained(0.9)
    number = job.result("publish")["pull_request_url"].rpartition("/")[2]
    emulated.merge(int(number))
    job.environ["GITHUB_SHA"] = emulated.main
    job.trained(0.8, GITHUB_RUN_ID="101")
    published = job.result("publish", GITHUB_RUN_ID="101")
    [comment] = emulated.get(f"/issues/{published['pull_request_url'].rpartition('/')[2]}/comments")
    assert "0.9" in comment["body"]
    assert "0.8" in comment["body"]


def test_labels_and_a_reviewer_are_set(job: Job, emulated: Emulated) -> None:
    job.trained(0.9)
    job.result("publish", "--labels", "model", "--labels", "Daily", "--reviewers", "bob")
    [pull] = emulated.get("/pulls")
    assert {label["name"] for label in pull["labels"]} == {"model", "Daily"}
    assert [user["login"] for user in pull["requested_reviewers"]] == ["bob"]


def test_an_image_is_stored_under_its_hash_on_a_branch_of_its_own(job: Job, emulated: Emulated) -> None:
    job.write("plot.png", PIXEL)
    code, shown, err = job.outcome("asset", "publish", "plot.png")
    assert code == 0, err
    name = f"{hashlib.sha256(PIXEL).hexdigest()}.png"
    assert name in shown
    code, again, err = job.outcome("asset", "publish", "plot.png")
    assert (code, again) == (0, shown), err
    branches = [each["ref"] for each in emulated.get("/git/matching-refs/heads/") if "main" not in each["ref"]]
    assert [file_at(emulated, branch, name) for branch in branches] == [PIXEL]


@pytest.mark.parametrize("target", ["pr", "commit"])
def test_a_comment_is_made_once_and_then_updated(job: Job, emulated: Emulated, target: str) -> None:
    job.trained(0.9)
    number = job.result("publish")["pull_request_url"].rpartition("/")[2]
    where = f"pr/{number}" if target == "pr" else f"commit/{emulated.main}"
    comments = f"/issues/{number}/comments" if target == "pr" else f"/commits/{emulated.main}/comments"
    before = len(emulated.get(comments))
    job.outcome("comment", "create", "--target", where, job.write("report.md", "Accuracy: 0.9"))
    code, _, err = job.outcome("comment", "update", "--target", where, job.write("report.md", "Accuracy: 0.95"))
    assert code == 0, err
    made = [each["body"] for each in emulated.get(comments)][before:]
    assert [("Accuracy: 0.95" in body, "Accuracy: 0.9\n" in body) for body in made] == [(True, False)]


def test_a_check_is_created_with_its_report(job: Job, emulated: Emulated) -> None:
    code, _, err = job.outcome(
        "check", "create", "--conclusion", "neutral", "--title", "Report", job.write("report.md", "Accuracy: 0.9")
    )
    assert code == 0, err
    [check] = emulated.get(f"/commits/{emulated.main}/check-runs")["check_runs"]
    assert check["conclusion"] == "neutral"
    assert check["output"]["title"] == "Report"


def test_pr_create_opens_a_pull_request_of_changed_files(job: Job, emulated: Emulated) -> None:
    code, shown, err = job.outcome("pr", "create", job.write("metrics.txt", "accuracy: 0.9\n"))
    assert code == 0, err
    [pull] = emulated.get("/pulls")
    assert pull["html_url"] == shown.strip()
    assert file_at(emulated, pull["head"]["ref"], "metrics.txt") == b"accuracy: 0.9\n"
