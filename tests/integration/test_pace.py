"""The pace of writes against a GitHub that enforces its secondary limits, on a clock that is moved on by waiting."""

from __future__ import annotations

from pathlib import Path

from cmlkit.forges.github import GitHub
from cmlkit_sandbox.github import GitHubServer
from tests.fake_forge import FastClock

COMMENTS = 170


def test_github_never_has_to_refuse_writes(tmp_path: Path) -> None:
    clock = FastClock()
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "train.py").write_text("")
    with GitHubServer(tmp_path / "github", now=clock.now) as github:
        limits = github.hub.limits
        # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
        limits.content_a_minute, limits.content_an_hour, limits.points_a_minute = 80, 500, 900
        github.add_repository("octo/forest", tmp_path / "source")
        github.add_token("ghp_person", "ann")
        client = GitHub(repository="octo/forest", token="ghp_person", api_url=github.api_url, clock=clock)
        head = client.branch_head("main") or ""
        for number in range(COMMENTS):
            client.create_comment(head, f"epoch {number}")
        assert {request.status for request in github.requests} == {200, 201}
        assert len(client.comments(head)) == COMMENTS
    assert clock.slept == [60.0, 60.0]
