"""What the demo says at its end."""

from __future__ import annotations

from pathlib import Path

from cmlkit.cli.sandbox import summary
from cmlkit_sandbox.demo import Day

URL = "http://127.0.0.1:40795/octo/random-forest/pull/1"


def test_the_demo_ends_with_the_page_that_it_wrote_and_with_no_address_that_is_gone() -> None:
    day = Day(
        title="Day 1, 08:00",
        launched={"instance_id": "i-0123", "instance_type": "t3.medium", "market": "spot", "price": 0.01},
        published={
            "pull_request_url": URL,
            "comment_url": f"{URL}#issuecomment-1",
            "commit_sha": "0" * 40,
            "branch": "cmlkit/main/1",
            "files": ["model/m.joblib"],
            "metrics": {"accuracy": 0.9},
            "verdict": "first",
            "headline": "The first model.",
            "superseded": [],
        },
        instance_state="terminated",
        runner_registered=False,
        lifetime=60.0,
        seconds={},
    )
    said = dict(summary(day, Path("build/demo/pull-request.html")))
    assert said["page"] == "build/demo/pull-request.html"
    assert [value for value in said.values() if "127.0.0.1" in value] == []
