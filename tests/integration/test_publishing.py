"""Publishing to the sandbox's GitHub: what is there afterwards, and what is left alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import GateRejected
from cmlkit.publishing.marker import marker_in
from cmlkit.settings.schema import PublishSpec
from cmlkit_sandbox.github.seeding import add_comments, add_milestone
from tests.integration.project import (
    BOT,
    MANIFEST,
    METRICS,
    MODEL,
    PLOT,
    REPORT,
    REPOSITORY,
    Project,
    project,
)

CHAMPION = ["accuracy >= champion"]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def tree_of(directory: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.rglob("*") if path.is_file()}


def writes(there: Project) -> list[str]:
    return [
        f"{item.method} {item.path}"
        for item in there.github.requests
        if item.method != "GET" and "graphql" not in item.path
    ]


def test_a_result_is_one_commit_on_top_of_the_base(there: Project) -> None:
    published = there.publish(there.trained(0.9))
    assert published.branch == "cmlkit/main/100"
    assert there.head(published.branch) == published.commit_sha
    assert there.git("rev-parse", f"{published.commit_sha}^").strip() == there.head("main")
    assert set(published.files) == {MODEL, MANIFEST, METRICS, PLOT, REPORT, "model/.gitattributes"}
    assert there.files(published.branch) == {"train.py", *published.files}
    assert there.git("show", f"{published.branch}:{MODEL}") == "model of 0.9"


def test_the_commit_is_the_tokens_own_and_says_what_it_holds(there: Project) -> None:
    published = there.publish(there.trained(0.9))
    author, *message = there.git("log", "-1", "--format=%an%n%B", published.commit_sha).splitlines()
    assert author == BOT
    assert message[0] == f"Retrain {MODEL}"
    assert "accuracy: 0.9" in message


@pytest.mark.parametrize("token", ["ghs_workflow", "ghp_person"])
def test_github_signs_the_commit_of_a_bot_and_of_a_person(there: Project, token: str) -> None:
    published = there.publish(there.trained(0.9), forge=there.client(token=token))
    assert "gpgsig" in there.git("cat-file", "commit", published.commit_sha)
    assert there.files(published.branch) == {"train.py", *published.files}
    assert there.git("rev-list", "--count", f"main..{published.branch}").strip() == "1"
    again = there.publish(there.trained(0.9), forge=there.client(token=token))
    assert again.commit_sha == published.commit_sha


def test_the_working_directory_is_only_read(there: Project) -> None:
    run = there.trained(0.9)
    before = tree_of(there.directory)
    there.publish(run)
    assert tree_of(there.directory) == before


def test_the_pull_request_has_the_verdict_and_the_comment_the_report(there: Project) -> None:
    published = there.publish(there.trained(0.9), rules=["accuracy >= 0.8"])
    (pull,) = there.repository.pulls
    assert (pull.number, pull.title) == (
        published.pull_request_number,
        "m: accuracy 0.9 (first model)",
    )
    assert (pull.head, pull.base, pull.draft) == (published.branch, "main", False)
    (comment,) = there.comments(pull.number)
    assert "| accuracy | ✅\u00a00.9 ≥ 0.8 | **0.9** |" in comment
    assert published.comment_url.endswith(f"/pull/1#issuecomment-{there.repository.comments_of(1)[0].id}")


def test_plots_show_by_an_address_that_knows_who_is_signed_in(there: Project) -> None:
    published = there.publish(there.trained(0.9))
    image = f"{there.github.url}/{REPOSITORY}/blob/{published.commit_sha}/{PLOT}?raw=true"
    assert f"]({image})" in there.comments(1)[0]
    assert f"]({image})" in published.report
    page = there.github.pull_request_html(REPOSITORY, 1)
    assert "data:image/png;base64," in page


def test_a_plot_that_is_no_picture_is_linked_with_the_reason_and_not_shown(there: Project) -> None:
    """Such as a page that a download answered with, or one that a plotting library named by habit."""
    run = there.trained(0.9)
    (there.directory / PLOT).write_text("<!DOCTYPE html><p>Not found")
    published = there.publish(run)
    url = f"{there.github.url}/{REPOSITORY}/blob/{published.commit_sha}/{PLOT}?raw=true"
    assert f"plot: [`{PLOT}`]({url}) (it is not in PNG format)" in there.comments(1)[0]
    in_commit = there.git("show", f"{published.branch}:{REPORT}")
    assert f"plot: [`{PLOT}`](plot.png) (it is not in PNG format)" in in_commit
    assert "![" not in there.comments(1)[0] + in_commit
    assert f"links the plot {PLOT} and does not show it: it is not in PNG format." in "".join(there.progress.warnings)
    assert there.files(published.branch) >= {PLOT}


def test_the_report_in_the_commit_shows_plots_beside_it(there: Project) -> None:
    published = there.publish(there.trained(0.9))
    assert "![plot](plot.png)" in there.git("show", f"{published.branch}:{REPORT}")


def test_a_check_on_the_commit_tells_the_verdict(there: Project) -> None:
    published = there.publish(there.trained(0.9))
    (check,) = there.repository.check_runs.values()
    assert (check.sha, check.name, check.conclusion) == (published.commit_sha, "cmlkit", "success")
    # GitHub ignores the link of a check by GITHUB_TOKEN: https://github.com/actions/github-script/issues/143
    assert check.output.summary is not None
    assert there.workflow_run().url in check.output.summary
    assert published.check_url.endswith(str(check.id))


@pytest.mark.parametrize(("on_rejected", "level"), [("fail", "failure"), ("warn", "warning")])
def test_a_rule_that_failed_is_annotated_at_its_metric_once(there: Project, on_rejected: str, level: str) -> None:
    run = there.trained(0.85)
    for _ in range(2):
        there.publish(run, rules=["accuracy >= 0.9", "accuracy >= 0.8"], on_rejected=on_rejected)
    (check,) = there.repository.check_runs.values()
    (annotation,) = check.output.annotations
    assert annotation == {
        "path": METRICS,
        "start_line": 1,
        "end_line": 1,
        "annotation_level": level,
        "title": "accuracy failed the gate",
        "message": "accuracy >= 0.9 is not met: 0.85 < 0.9.",
    }


def test_nothing_is_written_where_nothing_changed(there: Project) -> None:
    there.merge(there.publish(there.trained(0.9)).pull_request_number or 0)
    before = there.everything()
    del there.github.requests[:]
    published = there.publish(there.trained(0.9), run_id="101")
    assert not published.changed
    assert (writes(there), there.everything()) == ([], before)
    assert "Nothing changed: main holds the same model" in there.progress.notes[-1]
    assert published.report.startswith("> Nothing changed: main holds the same model")
    assert "| accuracy |" in published.report
    published.raise_if_rejected(PublishSpec())


def test_the_champion_itself_is_rejected_if_it_misses_a_rule_though_nothing_changed(there: Project) -> None:
    """Such as one that was set after it was merged, or because it scores less on today's test data."""
    there.merge(there.publish(there.trained(0.9)).pull_request_number or 0)
    before = there.everything()
    del there.github.requests[:]
    published = there.publish(there.trained(0.9), run_id="101", rules=["accuracy >= 0.95"])
    assert (published.changed, published.verdict.outcome, writes(there)) == (False, "rejected", [])
    assert there.everything() == before
    for spec in (PublishSpec(), PublishSpec(on_rejected="skip")):
        with pytest.raises(
            GateRejected, match=r"misses accuracy >= 0\.95.*It is the model of the base branch"
        ) as caught:
            published.raise_if_rejected(spec)
        assert caught.value.exit_code == 6
        assert caught.value.next_step.startswith("Nothing was published.")
    published.raise_if_rejected(PublishSpec(on_rejected="warn"))


def test_published_twice_nothing_is_doubled(there: Project) -> None:
    first = there.publish(there.trained(0.9), labels=("model",))
    before = there.everything()
    del there.github.requests[:]
    second = there.publish(there.trained(0.9), labels=("model",))
    assert second == first
    assert there.everything() == before
    assert sorted(line.partition("forest/")[2].partition("/")[0] for line in writes(there)) == ["check-runs", "issues"]
    assert len(there.repository.pulls) == len(there.comments(1)) == len(there.repository.check_runs) == 1


def test_a_report_that_somebody_deleted_comes_back(there: Project) -> None:
    run = there.trained(0.9)
    there.publish(run)
    (comment,) = there.client().comments(1)
    there.client(token="ghp_person").delete_comment(comment)
    assert there.comments(1) == []
    there.publish(run)
    assert [text for text in there.comments(1) if "accuracy" in text] == there.comments(1) != []


def test_the_report_is_found_among_more_comments_than_a_page_has(there: Project) -> None:
    run = there.trained(0.9)
    there.publish(run, comment="none")
    add_comments(there.github.hub, REPOSITORY, 1, "ann", [f"remark {number}" for number in range(150)])
    for _ in range(2):
        there.publish(run)
    reports = [text for text in there.comments(1) if "remark" not in text]
    assert len(reports) == 1


def test_a_second_attempt_of_the_run_goes_on_its_branch(there: Project) -> None:
    first = there.publish(there.trained(0.9))
    second = there.publish(there.trained(0.92), attempt=2)
    assert second.pull_request_number == first.pull_request_number
    assert there.git("rev-parse", f"{second.commit_sha}^").strip() == first.commit_sha
    (comment,) = there.comments(1)
    assert "**0.92**" in comment


def test_further_files_are_committed_too(there: Project) -> None:
    run = there.trained(0.9)
    (there.directory / "notes.md").write_text("notes")
    assert "notes.md" in there.files(there.publish(run, files=("notes.md",)).branch)


def test_a_project_in_a_subfolder_is_published_there(there: Project) -> None:
    published = there.publish(there.trained(0.9), prefix="projects/forest")
    assert f"projects/forest/{MODEL}" in there.files(published.branch)
    assert f"blob/{published.commit_sha}/projects/forest/{PLOT}?raw=true" in there.comments(1)[0]
    assert "![plot](plot.png)" in there.git("show", f"{published.branch}:projects/forest/{REPORT}")


def test_the_champion_is_the_model_of_the_base_branch(there: Project) -> None:
    there.merge(there.publish(there.trained(0.9)).pull_request_number or 0)
    published = there.publish(there.trained(0.95), run_id="101", rules=CHAMPION)
    assert published.verdict.headline == "Better than the champion: accuracy 0.95 against 0.9 (+0.05)."


def test_parameters_that_changed_since_the_champion_are_shown(there: Project) -> None:
    there.merge(there.publish(there.trained(0.9, depth=5)).pull_request_number or 0)
    there.publish(there.trained(0.95, depth=7), run_id="101")
    assert "Parameters (1, 1 changed)" in there.comments(2)[0]


def test_without_a_manifest_the_champion_is_read_from_the_metrics_files(there: Project) -> None:
    there.merge(there.publish(there.trained(0.9)).pull_request_number or 0)
    there.commit_to("main", {MANIFEST: "not json"})
    published = there.publish(there.trained(0.95), run_id="101", rules=CHAMPION)
    assert "against 0.9" in published.verdict.headline
    assert "model/m.joblib.json on the base branch is not a model manifest" in there.progress.warnings[0]


def test_a_base_without_readable_metrics_has_no_champion(there: Project) -> None:
    there.commit_to("main", {METRICS: "no numbers here\n"})
    published = there.publish(there.trained(0.95), rules=CHAMPION)
    assert published.verdict.outcome == "first"
    assert "there is no champion" in there.progress.warnings[0]


def test_a_rejected_model_is_a_draft_and_then_an_error(there: Project) -> None:
    published = there.publish(there.trained(0.5), rules=["accuracy >= 0.8"], auto_merge="squash")
    (pull,) = there.repository.pulls
    assert pull.draft
    assert [check.conclusion for check in there.repository.check_runs.values()] == ["failure"]
    with pytest.raises(GateRejected, match=r"accuracy 0\.5 misses accuracy >= 0\.8") as caught:
        published.raise_if_rejected(PublishSpec())
    assert published.pull_request_url in caught.value.next_step
    assert caught.value.exit_code == 6


def test_a_rule_on_a_metric_that_training_lacks_rejects_the_model_and_keeps_it(there: Project) -> None:
    published = there.publish(there.trained(0.9), rules=["beauty >= 1"])
    assert there.repository.pulls[0].draft
    with pytest.raises(GateRejected, match="training did not report beauty"):
        published.raise_if_rejected(PublishSpec())
    assert "not met: training did not report beauty" in there.comments(1)[0]


def test_a_model_that_is_not_judged_is_published_for_people_and_not_merged(there: Project) -> None:
    there.merge(there.publish(there.trained(0.9, loss=0.3)).pull_request_number or 0)
    published = there.publish(there.trained(0.91, loss=0.4), run_id="101", auto_merge="squash")
    assert published.verdict.outcome == "unjudged"
    pull = there.repository.pulls[1]
    assert (pull.draft, pull.auto_merge, pull.merged) == (False, None, None)
    assert [check.conclusion for check in there.repository.check_runs.values()][-1] == "neutral"
    assert "say which metric decides" in there.comments(2)[0]
    assert any("gate.primary-metric" in warning for warning in there.progress.warnings)


def test_a_draft_is_ready_for_review_once_the_gate_accepts(there: Project) -> None:
    there.publish(there.trained(0.5), rules=["accuracy >= 0.8"])
    assert there.repository.pulls[0].draft
    there.publish(there.trained(0.9), attempt=2, rules=["accuracy >= 0.8"])
    [pull] = there.repository.pulls
    assert not pull.draft


def test_a_rejection_can_be_a_warning(there: Project) -> None:
    published = there.publish(there.trained(0.5), rules=["accuracy >= 0.8"], on_rejected="warn")
    assert there.repository.pulls[0].draft
    assert [check.conclusion for check in there.repository.check_runs.values()] == ["neutral"]
    published.raise_if_rejected(PublishSpec(on_rejected="warn"))


def test_a_rejected_model_can_be_left_unpublished(there: Project) -> None:
    spec = PublishSpec(on_rejected="skip")
    before = there.everything()
    published = there.publish(there.trained(0.5), rules=["accuracy >= 0.8"], on_rejected="skip")
    assert (writes(there), there.everything()) == ([], before)
    with pytest.raises(GateRejected) as caught:
        published.raise_if_rejected(spec)
    assert caught.value.next_step == "Nothing was published."


def test_labels_and_reviewers_are_asked_for(there: Project) -> None:
    there.github.hub.account("ann")
    there.publish(there.trained(0.9), labels=("model", "retrained"), reviewers=("ann", "octo/ml"))
    (pull,) = there.repository.pulls
    assert pull.labels == ["model", "retrained"]
    assert [account.login for account in pull.reviewers] == ["ann"]
    assert pull.teams == ["ml"]


def test_assignees_and_milestone_are_set(there: Project) -> None:
    there.github.hub.account("ann")
    add_milestone(there.github.hub, REPOSITORY, "May")
    there.publish(there.trained(0.9), assignees=("ann",), milestone="May")
    (pull,) = there.repository.pulls
    assert [account.login for account in pull.assignees] == ["ann"]
    assert pull.milestone == 1
    there.publish(there.trained(0.9), milestone="June")
    assert "no milestone 'June'" in there.progress.warnings[0]


def test_title_and_body_follow_their_templates(there: Project) -> None:
    there.publish(there.trained(0.9), title="{model} for {base}: {outcome} ({run})", body="By **us**, on {branch}.")
    (pull,) = there.repository.pulls
    assert pull.title == "model/m.joblib for main: first (100)"
    assert "\n\nBy **us**, on cmlkit/main/100.\n\n" in pull.body
    there.publish(there.trained(0.9), title="x" * 300)
    assert pull.title == "x" * 255 + "…"


def test_the_commit_can_ask_workflows_not_to_start(there: Project) -> None:
    published = there.publish(there.trained(0.9), skip_ci=True)
    assert "[skip ci]" in there.git("log", "-1", "--format=%B", published.commit_sha)


def test_a_reviewer_whom_github_refuses_is_a_warning(there: Project) -> None:
    published = there.publish(there.trained(0.9), reviewers=("nobody-of-that-name",))
    assert published.pull_request_number == 1
    assert "Nobody is asked for a review: GitHub refused" in there.progress.warnings[0]


def test_an_accepted_model_merges_by_itself(there: Project) -> None:
    there.repository.settings.allow_auto_merge = True
    there.publish(there.trained(0.9), auto_merge="squash")
    assert there.open_pulls() == []
    assert MODEL in there.files("main")


def test_auto_merge_that_the_repository_does_not_allow_is_a_warning(there: Project) -> None:
    there.github.protect(REPOSITORY, "main")
    there.publish(there.trained(0.9), auto_merge="squash")
    assert "'Allow auto-merge'" in there.progress.warnings[0]
    assert there.open_pulls() == [1]


def test_without_a_comment_the_pull_request_has_the_report(there: Project) -> None:
    published = there.publish(there.trained(0.9), comment="none")
    assert published.comment_url == ""
    assert there.comments(1) == []
    assert "| accuracy | **0.9** |" in there.repository.pulls[0].body


def test_a_comment_for_each_run_can_be_asked_for(there: Project) -> None:
    for attempt in (1, 1, 2):
        there.publish(there.trained(0.9 + attempt / 100), attempt=attempt, comment="create")
    assert len(there.comments(1)) == 2


@pytest.mark.slow
class TestEarlierPullRequests:
    def test_one_that_nobody_touched_is_closed_with_a_link_and_its_branch_removed(self, there: Project) -> None:
        first = there.publish(there.trained(0.9))
        second = there.publish(there.trained(0.91), run_id="101")
        assert second.superseded == (first.pull_request_number,)
        assert there.open_pulls() == [second.pull_request_number]
        assert there.branches() == {"main", second.branch}
        assert there.comments(1)[-1].endswith("Superseded by #2.")

    def test_one_that_a_person_commented_on_stays(self, there: Project) -> None:
        there.publish(there.trained(0.9))
        there.comment(1, "ann", "Let us keep this one.")
        assert there.publish(there.trained(0.91), run_id="101").superseded == ()
        assert there.open_pulls() == [1, 2]

    def test_one_that_a_person_reviewed_stays(self, there: Project) -> None:
        there.publish(there.trained(0.9))
        there.review(1, "ann")
        assert there.publish(there.trained(0.91), run_id="101").superseded == ()

    def test_one_that_a_person_committed_to_stays(self, there: Project) -> None:
        there.commit_to(there.publish(there.trained(0.9)).branch, {"fix.md": "by hand"})
        assert there.publish(there.trained(0.91), run_id="101").superseded == ()

    def test_another_bots_comment_does_not_count(self, there: Project) -> None:
        there.publish(there.trained(0.9))
        there.comment(1, "coverage[bot]", "100 %")
        assert there.publish(there.trained(0.91), run_id="101").superseded == (1,)

    def test_a_persons_own_token_leaves_what_the_person_wrote(self, there: Project) -> None:
        forge = there.client(token="ghp_person")
        there.publish(there.trained(0.9), forge=forge)
        assert there.publish(there.trained(0.91), run_id="101", forge=forge).superseded == (1,)
        there.comment(2, "ann", "Mine.")
        assert there.publish(there.trained(0.92), run_id="102", forge=forge).superseded == ()

    def test_a_newer_runs_stays_and_supersedes_that_of_the_older_run_which_comes_late(self, there: Project) -> None:
        newer = there.publish(there.trained(0.9), run_id="101")
        older = there.publish(there.trained(0.91), run_id="100")
        assert older.superseded == ()
        assert there.open_pulls() == [newer.pull_request_number]
        assert there.comments(older.pull_request_number or 0)[-1].endswith("Superseded by #1.")
        assert there.branches() == {"main", newer.branch}
        assert there.progress.warnings == ["The pull request #1 has the model of a newer run: #2 is closed."]

    def test_a_newer_runs_does_not_supersede_that_of_an_older_run_that_somebody_runs_again(
        self, there: Project
    ) -> None:
        there.publish(there.trained(0.9), run_id="101")
        there.publish(there.trained(0.91), run_id="100", attempt=2)
        assert there.open_pulls() == [1, 2]

    def test_a_newer_rejected_runs_does_not_supersede_an_accepted_one_that_comes_late(self, there: Project) -> None:
        there.publish(there.trained(0.3), run_id="101", rules=["accuracy > 0.5"])
        there.publish(there.trained(0.9), run_id="100", rules=["accuracy > 0.5"])
        assert there.open_pulls() == [1, 2]

    def test_a_persons_stays_even_with_a_copied_marker(self, there: Project) -> None:
        first = there.publish(there.trained(0.9))
        there.git("update-ref", "refs/heads/copy", first.commit_sha)
        person = there.client(token="ghp_person")
        body = there.repository.pulls[0].body
        copied = person.create_pull_request(head="copy", base="main", title="Mine", body=body, draft=False)
        assert there.publish(there.trained(0.91), run_id="101").superseded == (first.pull_request_number,)
        assert copied.number in there.open_pulls()

    def test_another_models_stays(self, there: Project) -> None:
        there.publish(there.trained(0.9), prefix="projects/other")
        assert there.publish(there.trained(0.91), run_id="101").superseded == ()

    def test_keep_leaves_them(self, there: Project) -> None:
        there.publish(there.trained(0.9))
        assert there.publish(there.trained(0.91), run_id="101", on_existing="keep").superseded == ()
        assert there.open_pulls() == [1, 2]

    def test_update_goes_on_with_the_newest(self, there: Project) -> None:
        first = there.publish(there.trained(0.9))
        second = there.publish(there.trained(0.91), run_id="101", on_existing="update")
        assert (second.branch, second.pull_request_number) == (first.branch, first.pull_request_number)
        assert there.git("rev-parse", f"{second.commit_sha}^").strip() == first.commit_sha
        marker = marker_in(there.repository.pulls[0].body)
        assert marker is not None
        assert marker.run == "101"
        (comment,) = there.comments(1)
        assert "**0.91**" in comment

    def test_update_brings_the_branch_up_to_its_base_though_both_changed_the_model(self, there: Project) -> None:
        first = there.publish(there.trained(0.9))
        there.merge(there.publish(there.trained(0.95), run_id="101", on_existing="keep").pull_request_number or 0)
        there.commit_to("main", {"train.py": "better"})
        second = there.publish(there.trained(0.96), run_id="102", on_existing="update")
        assert (second.branch, second.pull_request_number) == (first.branch, first.pull_request_number)
        assert there.git("show", f"{second.branch}:train.py") == "better"
        parents = there.git("log", "-1", "--format=%P", second.branch).split()
        assert parents == [first.commit_sha, there.head("main")]
        there.merge(first.pull_request_number or 0)
        assert there.git("show", f"main:{MODEL}") == "model of 0.96"

    @pytest.mark.parametrize("theirs", ["notes.md", "train.py"])
    def test_update_keeps_what_people_committed_and_says_where_that_conflicts(
        self, there: Project, theirs: str
    ) -> None:
        first = there.publish(there.trained(0.9))
        there.commit_to(first.branch, {theirs: "by a person"})
        there.commit_to("main", {"train.py": "better"})
        second = there.publish(there.trained(0.96), run_id="102", on_existing="update")
        assert there.git("show", f"{second.branch}:{theirs}") == "by a person"
        assert there.git("show", f"{second.branch}:{MODEL}") == "model of 0.96"
        if theirs == "notes.md":
            assert there.git("show", f"{second.branch}:train.py") == "better"
            assert there.progress.warnings == []
        else:
            assert "conflicts with its base" in there.progress.warnings[0]

    def test_update_opens_one_where_there_is_none(self, there: Project) -> None:
        assert there.publish(there.trained(0.9), on_existing="update").branch == "cmlkit/main/100"
