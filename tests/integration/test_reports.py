"""Reports as people and tools write them, given to the commands for comments and checks, against the sandbox."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from cmlkit.__main__ import run
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.github.accounts import BOT, Level
from cmlkit_sandbox.github.repository import Repository
from tests.integration.project import PIXEL

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
ROOT = Path(__file__).parents[2]


def repository(sandbox: Sandbox) -> Repository:
    return sandbox.github.hub.repository(sandbox.repository)


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commented(sandbox: Sandbox, *arguments: str, command: tuple[str, ...] = ("comment", "create")) -> str:
    """What the only comment of the commit shows after a command that succeeds."""
    assert run([*command, "--target", "commit", *arguments], environ=os.environ) == 0
    return shown(sandbox)


def shown(sandbox: Sandbox) -> str:
    [comment] = repository(sandbox).commit_comments.values()
    return comment.body.partition("\n")[2]


def content(url: str) -> bytes:
    return requests.get(url, timeout=10).content


def urls(text: str) -> list[str]:
    return re.findall(r"http[^\s)\"'>]+", text)


def stored(sandbox: Sandbox) -> list[str]:
    there = repository(sandbox).git
    if there.branch_head("cmlkit-assets") is None:
        return []
    return [name for name in there.line("ls-tree", "--name-only", "cmlkit-assets").splitlines() if name != "README.md"]


@pytest.mark.parametrize(
    ("file", "markdown", "result"),
    [
        # CML's getting-started workflow, with `echo '![](./plot.png "…")' >> report.md`.
        ("plot.png", '![](./plot.png "Confusion Matrix")\n', '![](URL "Confusion Matrix")'),
        # Vega's and DVC's plots.
        ("vega.png", "# Plots\n![](vega.png)", "# Plots\n![](URL)"),
        ("static/loss.svg", "| loss |\n|---|\n| ![loss](static/loss.svg) |", "| loss |\n|---|\n| ![loss](URL) |"),
        ("my plot.png", "![](<my plot.png>)", "![](URL)"),
        ("my plot.png", '![](my plot.png "Title")', '![](URL "Title")'),
        ("my plot.png", "![](my%20plot.png)", "![](URL)"),
        ("100%.png", "![](100%.png)", "![](URL)"),
        ("plot.png", "![](plot.png#gh-dark-mode-only)", "![](URL#gh-dark-mode-only)"),
        ("plot.png", "[![small](plot.png)](https://example.com)", "[![small](URL)](https://example.com)"),
        ("out/metrics.csv", "See [the data](out/metrics.csv).", "See [the data](URL)."),
        ("plot.png", "![plot][p]\n\n[p]: plot.png 'Title'", "![plot][p]\n\n[p]: URL 'Title'"),
        ("plot.png", '<img src="plot.png" width="300" alt=a>', '<img src="URL" width="300" alt=a>'),
        ("plot.png", "<p align=center>\n<img src=plot.png width=30%>\n</p>", None),
        ("plot.png", "<a href='plot.png'>open</a>", "<a href='URL'>open</a>"),
        ("plot.jpg", "![](plot.jpg)", "![](URL)"),
        ("plot", "![](plot)", "![](URL)"),
    ],
)
def test_a_local_file_is_stored_and_shown(
    sandbox: Sandbox, checkout: Path, file: str, markdown: str, result: str | None
) -> None:
    (checkout / file).parent.mkdir(exist_ok=True)
    content_of_file = {"csv": b"epoch,loss\n1,0.5\n", "svg": SVG}.get(file.rpartition(".")[2], PIXEL)
    (checkout / file).write_bytes(content_of_file)
    (checkout / "report.md").write_text(markdown)
    text = commented(sandbox, "report.md")
    [url] = [url for url in urls(text) if "/blob/" in url]
    assert content(url.partition("#")[0]) == content_of_file
    expected = result or markdown.replace("src=plot.png", 'src="URL"')
    assert text == expected.replace("URL", url.partition("#")[0])


def test_embedded_images_are_stored(sandbox: Sandbox, checkout: Path) -> None:
    encoded = base64.b64encode(PIXEL).decode()
    (checkout / "report.md").write_text(
        f'![static plot](data:image/png;base64,{encoded})\n\n<img src="data:image/png;base64,{encoded}" width="5">\n\n'
        "![](data:image/svg+xml,%3Csvg%20xmlns=%22http://www.w3.org/2000/svg%22/%3E)\n"
    )
    first, second, third = urls(commented(sandbox, "report.md"))
    assert first == second
    assert content(first) == PIXEL
    assert content(third) == SVG
    assert "data:" not in shown(sandbox)


def test_several_images_are_stored_in_one_commit_and_the_same_one_once(sandbox: Sandbox, checkout: Path) -> None:
    for name in ("a.png", "b.png", "same.png"):
        (checkout / name).write_bytes(PIXEL + name[0].replace("s", "a").encode())
    (checkout / "report.md").write_text("![](a.png)\n![](b.png) ![](same.png)\n\n![](a.png)")
    text = commented(sandbox, "report.md")
    assert len(set(urls(text))) == len(stored(sandbox)) == 2
    # The first commit only starts the branch.
    assert repository(sandbox).git.line("rev-list", "--count", "cmlkit-assets") == "2"


def test_paths_are_those_of_the_reports_folder_and_else_of_the_working_directory(
    sandbox: Sandbox, checkout: Path
) -> None:
    (checkout / "reports").mkdir()
    for path in ("reports/beside.png", "here.png", "reports/both.png", "both.png"):
        (checkout / path).write_bytes(PIXEL + path.encode())
    (checkout / "reports" / "report.md").write_text("![](beside.png) ![](here.png) ![](both.png)")
    found = [content(url).removeprefix(PIXEL) for url in urls(commented(sandbox, "reports/report.md"))]
    assert found == [b"reports/beside.png", b"here.png", b"reports/both.png"]


@pytest.mark.parametrize(
    "markdown",
    [
        "`![](plot.png)`",
        "```\n![](plot.png)\n```",
        "    ![](plot.png)",
        "![](https://example.com/plot.png) [mail](mailto:a@example.com) [top](#top) ![](//example.com/plot.png)",
        "[site](/octo/forest/issues)",
        "<!-- ![](plot.png) -->",
    ],
)
def test_code_and_other_addresses_stay(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str], markdown: str
) -> None:
    (checkout / "plot.png").write_bytes(PIXEL)
    (checkout / "report.md").write_text(f"text\n\n{markdown}")
    assert commented(sandbox, "report.md") == f"text\n\n{markdown}"
    assert "warning" not in capsys.readouterr().err
    assert not stored(sandbox)


def outside(checkout: Path) -> None:
    (checkout.parent / "secret.png").write_bytes(PIXEL)


def link_outside(checkout: Path) -> None:
    outside(checkout)
    (checkout / "linked.png").symlink_to("../secret.png")


def ignored(checkout: Path) -> None:
    (checkout / ".gitignore").write_text("*.key\n")
    (checkout / "a.key").write_text("secret")


def written(name: str, text: str) -> Callable[[Path], object]:
    return lambda checkout: (checkout / name).write_text(text)


@pytest.mark.parametrize(
    ("prepare", "markdown", "why"),
    [
        (None, "![](absent.png)", "no such file"),
        (None, "[data](absent.csv)", "no such file"),
        (written("notes.png", "no picture"), "![](notes.png)", "no PNG, JPEG, GIF, WebP or SVG picture"),
        (written("plot.pdf", "%PDF-1.7"), "![](plot.pdf)", "no PNG, JPEG, GIF, WebP or SVG picture"),
        (lambda checkout: (checkout / "folder").mkdir(), "[all](folder)", "a folder or a device"),
        (None, f"[users]({'../' * 40}etc/passwd)", "outside of the checkout"),
        (None, "[users](/etc/passwd)", "outside of the checkout"),
        (outside, "![](../secret.png)", "outside of the checkout"),
        (link_outside, "![](linked.png)", "outside of the checkout"),
        (None, "[config](.git/config)", "lies in .git"),
        (written(".env", "TOKEN=1"), "[settings](.env)", "is hidden"),
        (ignored, "[key](a.key)", "git ignores it"),
        (written("gha-creds-1.json", '{"type": "service_account"}'), "[x](gha-creds-1.json)", "a key or a token"),
        (written("plot.pdf", "no document"), "[paper](plot.pdf)", "not in PDF format"),
        (None, "![](data:image/png;base64,%%%)", "not base64"),
        (None, "![](data:image/png;base64,aGVsbG8=)", "no PNG picture"),
    ],
)
def test_a_file_that_cannot_be_shown_is_a_warning_with_its_line(
    sandbox: Sandbox,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    prepare: Callable[[Path], object] | None,
    markdown: str,
    why: str,
) -> None:
    if prepare is not None:
        prepare(checkout)
    (checkout / "report.md").write_text(f"# Report\n\n{markdown}\n")
    assert commented(sandbox, "report.md") == f"# Report\n\n{markdown}"
    told = capsys.readouterr().err
    assert why in told
    assert "report.md, line 3" in told
    assert not stored(sandbox)


def test_an_image_that_git_ignores_is_shown(sandbox: Sandbox, checkout: Path) -> None:
    (checkout / ".gitignore").write_text("/static\n")
    (checkout / "static").mkdir()
    (checkout / "static" / "plot.png").write_bytes(PIXEL)
    (checkout / "report.md").write_text("![](static/plot.png)")
    [url] = urls(commented(sandbox, "report.md"))
    assert content(url) == PIXEL


def test_an_image_that_is_too_large_is_a_warning(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (checkout / "plot.png").open("wb") as file:
        file.write(PIXEL)
        file.truncate(101 * 1024**2)
    (checkout / "report.md").write_text("![](plot.png)")
    assert commented(sandbox, "report.md") == "![](plot.png)"
    assert "101.0 MiB" in capsys.readouterr().err


def test_images_stay_local_if_asked(sandbox: Sandbox, checkout: Path) -> None:
    (checkout / "plot.png").write_bytes(PIXEL)
    (checkout / "report.md").write_text("![](plot.png)")
    assert commented(sandbox, "--no-publish", "report.md") == "![](plot.png)"
    assert not stored(sandbox)


def test_without_permission_for_contents_the_comment_comes_all_the_same(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "a.txt").write_text("a")
    assert run(["pr", "a.txt"], environ=os.environ) == 0
    permissions: dict[str, Level] = {"contents": "read", "issues": "write", "pull_requests": "write"}
    sandbox.github.add_token("ghs_job", BOT, kind="job", permissions=permissions)
    monkeypatch.setenv("CMLKIT_TOKEN", "ghs_job")
    (checkout / "plot.png").write_bytes(PIXEL)
    (checkout / "report.md").write_text("text ![](plot.png)")
    [pull] = repository(sandbox).pulls
    assert run(["comment", "create", "--target", f"pr/{pull.number}", "report.md"], environ=os.environ) == 0
    [comment] = repository(sandbox).comments_of(pull.number)
    assert comment.body.endswith("text ![](plot.png)")
    assert "contents: write" in capsys.readouterr().err


def test_a_check_shows_images_and_files(sandbox: Sandbox, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.github.add_token("ghs_job", BOT, kind="job")
    monkeypatch.setenv("CMLKIT_TOKEN", "ghs_job")
    (checkout / "plot.png").write_bytes(PIXEL)
    (checkout / "report.md").write_text("![](plot.png)")
    assert run(["send-github-check", "report.md"], environ=os.environ) == 0
    [check] = repository(sandbox).check_runs.values()
    url, run_url = urls(check.output.summary or "")
    assert content(url) == PIXEL
    assert "/actions/runs/" in run_url


def test_a_check_is_shortened_to_its_bytes(sandbox: Sandbox, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.github.add_token("ghs_job", BOT, kind="job")
    monkeypatch.setenv("CMLKIT_TOKEN", "ghs_job")
    (checkout / "report.md").write_text("| Größe |\n|---|\n" + "| äöüß |\n" * 9_000, encoding="utf-8")
    assert run(["check", "create", "report.md"], environ=os.environ) == 0
    [check] = repository(sandbox).check_runs.values()
    assert 60_000 < len((check.output.summary or "").encode()) <= 65_535
    url, run_url = urls(check.output.summary or "")
    assert "/actions/runs/" in run_url
    assert content(f"{url}?raw=true").decode().count("äöüß") == 9_000


def test_a_report_that_is_one_long_table_shows_its_rows_and_links_all(sandbox: Sandbox, checkout: Path) -> None:
    table = "| step | loss |\n|---|---|\n" + "".join(f"| {step} | 0.5 |\n" for step in range(6_000))
    (checkout / "report.md").write_text(table)
    text = commented(sandbox, "report.md")
    kept = text.count("| 0.5 |")
    assert kept > 3_000
    assert f"{6_000 - kept:,} more rows: [the whole report](" in text
    [url] = urls(text)
    assert content(f"{url}?raw=true").decode() == table.rstrip()


def test_a_long_report_that_can_be_kept_nowhere_says_so(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "report.md").write_text("- item\n" * 10_000)
    assert "more lines did not fit here*" in commented(sandbox, "--no-publish", "report.md")
    assert "kept nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("comment", "create"), ("comment", "update"), ("send-comment",)])
@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_report_is_a_comment_that_says_so(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], text: str
) -> None:
    (checkout / "report.md").write_text(text)
    assert commented(sandbox, "report.md", command=command) == "*The report is empty.*"
    assert "report.md: the report is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Größe".encode("utf-16"), "Größe"),
        (b"\xef\xbb\xbfText", "Text"),
        (b"a\r\nb\rc\r\n", "a\nb\nc"),
        (b"Gr\xf6\xdfe", "Gr\ufffd\ufffde"),
    ],
)
def test_other_encodings_and_line_ends(sandbox: Sandbox, checkout: Path, content: bytes, text: str) -> None:
    (checkout / "report.md").write_bytes(content)
    assert commented(sandbox, "report.md") == text


def test_a_text_that_is_not_utf_8_is_a_warning(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "report.md").write_bytes(b"Gr\xf6\xdfe")
    commented(sandbox, "report.md")
    assert "report.md is not UTF-8: 2 characters" in capsys.readouterr().err


def test_several_files_are_one_comment(sandbox: Sandbox, checkout: Path) -> None:
    (checkout / "a").mkdir()
    (checkout / "a" / "plot.png").write_bytes(PIXEL)
    (checkout / "a" / "report.md").write_text("![](plot.png)\n")
    (checkout / "metrics.txt").write_text("accuracy 0.9\n")
    text = commented(sandbox, "metrics.txt", "a/report.md")
    [url] = urls(text)
    assert text == f"accuracy 0.9\n\n![]({url})"


def piped(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cmlkit", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, env=environ, check=False)


@pytest.mark.parametrize("file", [[], ["-"], ["/dev/stdin"]])
def test_standard_input_is_a_report(sandbox: Sandbox, checkout: Path, file: list[str]) -> None:
    (checkout / "plot.png").write_bytes(PIXEL)
    done = piped("accuracy 0.9\n\n![](plot.png)", "send-comment", "--target", "commit", *file)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"accuracy 0\.9\n\n!\[\]\(http.*\)", shown(sandbox))


def test_a_check_takes_standard_input(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.github.add_token("ghs_job", BOT, kind="job")
    monkeypatch.setenv("CMLKIT_TOKEN", "ghs_job")
    assert piped("text", "check", "create", "/dev/stdin").returncode == 0
    [check] = repository(sandbox).check_runs.values()
    assert (check.output.summary or "").startswith("text\n\n[The workflow run]")


def test_without_a_file_and_without_a_pipe_the_error_says_so(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert run(["comment", "create"], environ=os.environ) == 2
    assert "No FILE is named, and nothing is piped in" in capsys.readouterr().err


def test_a_file_that_is_missing_is_an_error(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["comment", "create", "absent.md"], environ=os.environ) == 2
    assert "absent.md cannot be read: No such file or directory" in capsys.readouterr().err


@pytest.fixture
def history(sandbox: Sandbox, checkout: Path) -> list[str]:
    """The commits of the checkout, the newest first, all of them on GitHub too."""
    url = repository(sandbox).git.path
    git("fetch", "--quiet", str(url), "main")
    git("checkout", "--quiet", "-b", "main", "FETCH_HEAD")
    git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "-m", "second")
    git("push", "--quiet", str(url), "main:feature")
    return git("rev-list", "HEAD").splitlines()


@pytest.mark.parametrize(
    ("target", "index"),
    [("commit/HEAD", 0), ("COMMIT/HEAD~1", 1), ("commit/main", 0), ("Commit", 1), ("commit/HEAD^", 1)],
)
def test_a_commit_is_named_as_git_takes_it(
    sandbox: Sandbox, checkout: Path, history: list[str], target: str, index: int
) -> None:
    (checkout / "report.md").write_text("text")
    assert run(["comment", "create", "--target", target, "report.md"], environ=os.environ) == 0
    [comment] = repository(sandbox).commit_comments.values()
    assert comment.sha == history[index]


def test_a_revision_that_only_github_knows_is_asked_there(sandbox: Sandbox, checkout: Path, history: list[str]) -> None:
    (checkout / "report.md").write_text("text")
    git("branch", "--quiet", "--move", "main", "other")
    assert run(["comment", "create", "--commit-sha", "feature", "report.md"], environ=os.environ) == 0
    [comment] = repository(sandbox).commit_comments.values()
    assert comment.sha == history[0]


@pytest.mark.slow
def test_a_revision_that_nobody_knows_is_an_error(
    sandbox: Sandbox, checkout: Path, history: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "report.md").write_text("text")
    assert run(["comment", "create", "--target", "commit/HEAD~9", "report.md"], environ=os.environ) == 7
    assert "HEAD~9" in capsys.readouterr().err
    assert not repository(sandbox).commit_comments


def test_a_check_takes_a_revision(
    sandbox: Sandbox, checkout: Path, history: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.github.add_token("ghs_job", BOT, kind="job")
    monkeypatch.setenv("CMLKIT_TOKEN", "ghs_job")
    (checkout / "report.md").write_text("text")
    assert run(["check", "create", "--head-sha", "HEAD", "report.md"], environ=os.environ) == 0
    [check] = repository(sandbox).check_runs.values()
    assert check.sha == history[0]


@pytest.mark.parametrize(
    "flags",
    [
        ["--pr", "--target", "commit"],
        ["--pr", "--commit-sha", "HEAD"],
        ["--target", "pr", "--head-sha", "HEAD"],
        ["--rm-watermark", "--update"],
    ],
)
def test_flags_that_exclude_each_other_are_refused(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    (checkout / "report.md").write_text("text")
    assert run(["comment", "create", *flags, "report.md"], environ=os.environ) == 2
    assert "exclude" in capsys.readouterr().err
    assert not repository(sandbox).commit_comments


def test_an_asset_is_appended_to_a_file(sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "plot.png").write_bytes(PIXEL)
    (checkout / "report.md").write_text("# Report\n")
    assert run(["asset", "publish", "plot.png", "--md", "-t", "A plot", "-f", "report.md"], environ=os.environ) == 0
    assert re.fullmatch(r"# Report\n\[!\[A plot\]\(http.*\)\]\(http.*\)\n", (checkout / "report.md").read_text())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("flags", [[], ["--mime-type", "image/png"]])
def test_an_asset_without_a_suffix_is_an_image(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    (checkout / "plot").write_bytes(PIXEL)
    assert run(["asset", "publish", "plot", *flags], environ=os.environ) == 0
    assert ".png?raw=true" in capsys.readouterr().out


def test_an_update_changes_the_last_comment_that_was_created(sandbox: Sandbox, checkout: Path) -> None:
    # `cml comment create` before a training and `cml comment update` after it.
    for command, text in (("create", "first"), ("create", "training"), ("update", "trained"), ("update", "done")):
        (checkout / "report.md").write_text(text)
        assert run(["comment", command, "--target", "commit", "report.md"], environ=os.environ) == 0
    assert [body.partition("\n")[2] for body in bodies(sandbox)] == ["first", "done"]


def test_created_comments_of_one_run_stay_apart_by_their_images(sandbox: Sandbox, checkout: Path) -> None:
    (checkout / "report.md").write_text("![](plot.png)")
    for epoch in (b"1", b"2"):
        (checkout / "plot.png").write_bytes(PIXEL + epoch)
        assert run(["comment", "create", "--target", "commit", "report.md"], environ=os.environ) == 0
    assert len({url for body in bodies(sandbox) for url in urls(body.partition("\n")[2])}) == 2


class Watching:
    """`cmlkit comment --watch` in the background, as a job runs it."""

    def __init__(self, *arguments: str) -> None:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        script = (
            "import sys; from cmlkit.publishing import live_comment as live;"
            "live.POLL_SECONDS = live.PAUSE_SECONDS = live.FIRST_PAUSE_SECONDS = 0.1;"
            "from cmlkit.__main__ import main; sys.argv[0] = 'cmlkit'; main()"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, "comment", *arguments], env=environ, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        assert "Watching" in self.process.stderr.readline()

    def end(self) -> str:
        self.process.terminate()
        _, told = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, told
        return told


def until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def bodies(sandbox: Sandbox) -> list[str]:
    return [comment.body for comment in repository(sandbox).commit_comments.values()]


def test_a_watched_report_is_one_comment_that_follows_file_and_images(sandbox: Sandbox, checkout: Path) -> None:
    assert run(["comment", "create", "--target", "commit", str(_written(checkout, "earlier"))], environ=os.environ) == 0
    watching = Watching("create", "--watch", "--target", "commit", "live/report.md")
    (checkout / "live").mkdir()
    (checkout / "live" / "report.md").write_text("epoch 1 ![](plot.png)")
    until(lambda: any("epoch 1" in body for body in bodies(sandbox)))
    (checkout / "live" / "plot.png").write_bytes(PIXEL)
    until(lambda: any("epoch 1 ![](http" in body for body in bodies(sandbox)))
    [before] = urls(bodies(sandbox)[1].partition("epoch")[2])
    (checkout / "live" / "plot.png").write_bytes(PIXEL + b"2")
    until(lambda: before not in bodies(sandbox)[1])
    (checkout / "live" / "report.md").write_text("epoch 2")
    told = watching.end()
    assert "line 1" in told
    assert len(bodies(sandbox)) == 2
    assert bodies(sandbox)[0].endswith("earlier")
    assert re.search(r"epoch 2\n\n<sub>Ended after ", bodies(sandbox)[1])


def _written(checkout: Path, text: str) -> Path:
    (checkout / "earlier.md").write_text(text)
    return checkout / "earlier.md"


@pytest.mark.slow
def test_a_trigger_file_says_when_to_update_and_is_removed(sandbox: Sandbox, checkout: Path) -> None:
    (checkout / "report.md").write_text("half written")
    watching = Watching("update", "--watch", "--trigger-file", "go", "--target", "commit", "report.md")
    time.sleep(1)
    (checkout / "report.md").write_text("epoch 1")
    (checkout / "go").touch()
    until(lambda: not (checkout / "go").exists())
    until(lambda: bodies(sandbox))
    assert "epoch 1" in bodies(sandbox)[0]
    (checkout / "report.md").write_text("the end")
    watching.end()
    assert "the end" in bodies(sandbox)[0]


def test_a_report_that_never_came_is_a_warning(sandbox: Sandbox, checkout: Path) -> None:
    watching = Watching("create", "--watch", "--target", "commit", "report.md")
    assert "No comment was written: report.md" in watching.end()
    assert not bodies(sandbox)


def test_standard_input_cannot_be_watched(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["comment", "update", "--watch", "-"], environ=os.environ) == 2
    assert "Standard input cannot be watched" in capsys.readouterr().err
