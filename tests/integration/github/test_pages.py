"""The web pages, above all a pull request's, as a person and an offline file see them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
import requests

from cmlkit_sandbox.github import GitHubServer, seeding
from cmlkit_sandbox.github.refusals import Refusal
from tests.integration.github.conftest import REPOSITORY, Api

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
REPORT = """<!-- cmlkit: report -->
## Better

| metric | champion | challenger |
|:--|--:|--:|
| accuracy | 0.95 | **0.97** |

![Confusion matrix]({image})

<details><summary>More</summary>

- [x] done

</details>
<script>alert("no")</script>
"""


class Text(HTMLParser):
    """What a page says, its tags, and where it loads things from."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    def sources(self) -> list[str]:
        return [each["src"] or "" for _, each in self.tags if "src" in each]

    def __str__(self) -> str:
        return " ".join(self.words)


@pytest.fixture
def reported(github: GitHubServer, api: Api, bot: Api) -> GitHubServer:
    """A pull request with a report, a picture, a check and labels."""
    sha = api.commit({"model/plot.png": PNG, "train.py": b"print('better')\n", "m.bin": b"\0"}, branch="daily")
    bot.post("./pulls", title="Retrain & <compare>", head="daily", base="main", body="Trained *today*.")
    image = f"{github.url}/{REPOSITORY}/blob/{sha}/model/plot.png?raw=true"
    bot.post("./issues/1/comments", body=REPORT.format(image=image))
    api.post("./issues/1/labels", labels=["cmlkit"])
    bot.post("./check-runs", name="gate", head_sha=sha, conclusion="success", output={"title": "Good", "summary": "*"})
    return github


def page(github: GitHubServer, path: str) -> requests.Response:
    return requests.get(github.url + path, timeout=10)


def test_a_pull_requests_page_tells_the_whole_story(reported: GitHubServer) -> None:
    text = str(Text(page(reported, f"/{REPOSITORY}/pull/1").text))
    for said in (
        "Retrain & <compare> #1 Open github-actions bot wants to merge 1 commit into main from daily",
        "Trained today .",
        "metric champion challenger accuracy 0.95 0.97",
        "Checks ✓ gate success — Good",
        "Labels cmlkit",
        "Files changed 3",
        "train.py modified +1 −1",
        "print('training')",
        "m.bin added Binary file not shown.",
    ):
        assert said in text
    assert 'alert("no")' not in text
    assert "cmlkit: report" not in text


def test_an_offline_page_has_its_pictures_and_styles_in_itself(reported: GitHubServer) -> None:
    html = reported.pull_request_html(REPOSITORY, 1)
    text = Text(html)
    assert len(text.sources()) == 2
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in text.sources())
    assert "prefers-color-scheme: dark" in html
    assert "max-width: 767px" in html
    assert not [tag for tag, _ in text.tags if tag in ("script", "link", "iframe")]


def test_tables_keep_their_alignment_and_details_stay_folded(reported: GitHubServer) -> None:
    tags = Text(reported.pull_request_html(REPOSITORY, 1)).tags
    assert ("td", {"align": "right"}) in tags
    assert ("details", {}) in tags
    assert (
        "input",
        {"class": "task-list-item-checkbox", "checked": "checked", "type": "checkbox", "disabled": ""},
    ) in tags


def test_a_page_that_does_not_exist_is_refused(reported: GitHubServer) -> None:
    with pytest.raises(Refusal, match="Not Found"):
        reported.pull_request_html(REPOSITORY, 2)
    assert page(reported, f"/{REPOSITORY}/pull/2").status_code == 404
    assert page(reported, "/octo/none").status_code == 404
    assert page(reported, f"/{REPOSITORY}/blob/main/none").status_code == 404


def test_files_that_the_attributes_mark_as_generated_are_folded(github: GitHubServer, api: Api, bot: Api) -> None:
    attributes = b"/*.json linguist-generated=true\n/own.json -linguist-generated\n"
    files = {"m/.gitattributes": attributes, "m/a.json": b"{}", "m/own.json": b"{}", "a.json": b"{}"}
    api.commit(files, branch="daily")
    bot.post("./pulls", title="Retrain", head="daily", base="main", body="")
    tags = Text(page(github, f"/{REPOSITORY}/pull/1").text).tags
    shown = [attributes for tag, attributes in tags if tag == "details" and attributes.get("class") == "box file"]
    assert ["open" in each for each in shown] == [True, True, False, True]  # a.json, m/.gitattributes, m/a, m/own


@pytest.mark.parametrize(("ending", "state"), [("merge", "Merged"), ("close", "Closed")])
def test_the_end_of_a_pull_request_is_shown(reported: GitHubServer, api: Api, ending: str, state: str) -> None:
    seeding.add_review(reported.hub, REPOSITORY, 1, "ada")
    if ending == "merge":
        api.call("PUT", "./pulls/1/merge", {"merge_method": "squash"})
    else:
        api.patch("./pulls/1", state="closed")
    text = str(Text(page(reported, f"/{REPOSITORY}/pull/1").text))
    assert f"#1 {state} github-actions" in text
    assert "ada reviewed: approved" in text
    assert "octo merged commit" in text if ending == "merge" else "octo closed this" in text
    assert "1 commit into" in text
    assert "Files changed 3" in text


def test_a_picture_is_served_raw_by_the_address_that_reports_use(reported: GitHubServer, api: Api) -> None:
    sha = api.get("./git/ref/heads/daily")["object"]["sha"]
    answer = page(reported, f"/{REPOSITORY}/blob/{sha}/model/plot.png?raw=true")
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.history[0].status_code == 302
    assert page(reported, f"/{REPOSITORY}/raw/daily/model/plot.png").content == PNG
    script = page(reported, f"/{REPOSITORY}/raw/main/train.py")
    assert script.headers["content-type"] == "text/plain; charset=utf-8"


def test_every_link_of_the_pages_leads_somewhere(reported: GitHubServer, api: Api) -> None:
    run = reported.start_run(REPOSITORY)
    job = reported.queue_job(REPOSITORY, labels=["x"], steps=["true"], run=run)
    job.summary = "# Summary"
    waiting, seen = ["/", f"/{REPOSITORY}/issues/1"], set[str]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = page(reported, path)
        assert answer.status_code == 200, path
        found = re.findall(rf'(?:href|src)="({re.escape(reported.url)}[^"#]*)', answer.text)
        linked = {urlsplit(each.replace("&amp;", "&")).path for each in found}
        waiting += sorted(linked - seen - set(waiting))
    kinds = {"pull", "commit", "tree", "blob", "raw", "runs", "actions"}
    assert {path.split("/")[3] for path in seen if path.count("/") > 2} >= kinds
