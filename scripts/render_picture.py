"""The picture of the README: the pull request that two days of `cmlkit demo` leave, as a browser shows it.

python -m scripts.render_picture         run the demo, and make the picture and its text anew; takes Chromium
python -m scripts.render_picture PAGE    the same, with a page that the demo has written

A test compares the page of each demo with the text, so that neither can change without the other.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "pull-request.png"
SHOWN = PICTURE.with_suffix(".txt")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZE = "1280,1560"
# The heading behind the conversation; what follows shows the report again, and the files.
BEHIND = "Checks"
INVISIBLE = {"head", "script", "style", "template"}
INLINE = {"a", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup", "time"}


class _Text(HTMLParser):
    """The visible text of a page, a block a line; a picture is its alternative text."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = [""]
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in INVISIBLE
        if tag == "img":
            self.handle_data(f"[{dict(attrs).get('alt') or ''}]")
        elif tag not in INLINE:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in INVISIBLE
        if tag not in INLINE:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.lines[-1] += data


def shown(html: str) -> str:
    """Return the text of the page's title and conversation, folded parts included."""
    parser = _Text()
    parser.feed(html)
    lines = [line for part in parser.lines if (line := " ".join(part.split()))]
    end = lines.index(BEHIND) if BEHIND in lines else len(lines)
    return "\n".join(lines[:end]) + "\n"


def recorded() -> tuple[str, str]:
    """Return the SHA-256 of the picture that the text belongs to, and the text."""
    digest, _, text = SHOWN.read_text(encoding="utf-8").partition("\n")
    return digest.removeprefix("sha256 "), text


def digest() -> str:
    return hashlib.sha256(PICTURE.read_bytes()).hexdigest()


def write(page: Path) -> None:
    """Make the picture of the page, and record its text.

    Raises:
        SystemExit: There is no browser.
    """
    text = shown(page.read_text(encoding="utf-8"))
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"None of {', '.join(BROWSERS)} is on PATH. On Debian: apt-get install chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb"]
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                *(browser, *options, f"--user-data-dir={profile}", f"--window-size={SIZE}"),
                *(f"--screenshot={PICTURE}", page.resolve().as_uri()),
            ],
            check=True,
            capture_output=True,
        )
    SHOWN.write_text(f"sha256 {digest()}\n{text}", encoding="utf-8")


def main(arguments: list[str]) -> None:
    if arguments:
        write(Path(arguments[0]))
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "cmlkit", "demo", "--repeat", "2"], cwd=folder, check=True)
        write(Path(folder) / "build" / "demo" / "pull-request.html")


if __name__ == "__main__":
    main(sys.argv[1:])
