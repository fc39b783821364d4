"""The built site: it is complete, and a reader's browser asks no other host for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.documented import ROOT

# Attributes that make a browser fetch something as it shows a page; those of links are followed by a click only.
FETCHED = {
    *(("script", "src"), ("img", "src"), ("img", "srcset"), ("source", "src"), ("source", "srcset"), ("iframe", "src")),
    *(("embed", "src"), ("object", "data"), ("video", "src"), ("video", "poster"), ("audio", "src"), ("input", "src")),
    *(("link", "href"), ("form", "action"), ("use", "href"), ("image", "href")),
}
NOT_FETCHED = {"canonical", "edit", "next", "prev", "alternate"}
# Hosts in the theme's scripts, and the element that makes it ask one.
OF_THE_THEME = {
    "api.github.com": 'data-md-component="source"',
    "unpkg.com": 'class="mermaid"',  # and a polyfill for browsers without ResizeObserver, from before 2020
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


class Fetches(HTMLParser):
    """The addresses that a browser fetches as it shows the page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "link" and NOT_FETCHED & set((named.get("rel") or "").split()):
            return
        self.found += [value for name, value in attrs if value and (tag, name) in FETCHED]
        self.found += addresses(named.get("style") or "")


def addresses(style: str) -> list[str]:
    return re.findall(r"url\(\s*[\"']?([^)\"']+)", style) + re.findall(r"@import\s+[\"']([^\"']+)", style)


def elsewhere(found: list[str]) -> list[str]:
    return [address for address in found if re.match(r"\s*(https?:)?//", address)]


def pages(site: Path) -> Iterator[Path]:
    yield from sorted(site.rglob("*.html"))


def test_no_page_fetches_from_another_host(site: Path) -> None:
    fetched = {page.relative_to(site): elsewhere(Fetches(page).found) for page in pages(site)}
    assert len(fetched) > 40
    assert {page: found for page, found in fetched.items() if found} == {}
    styles = {style.name: elsewhere(addresses(style.read_text())) for style in site.rglob("*.css")}
    assert {style: found for style, found in styles.items() if found} == {}


def test_the_scripts_of_the_theme_find_nothing_that_makes_them_ask_another_host(site: Path) -> None:
    # Those of languages, for the search, fetch nothing; nor do comments, namespaces, and a warning with bit.ly.
    paths = [path for path in site.glob("assets/javascripts/**/*.js") if "lunr" not in path.parts]
    scripts = "".join(re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL) for path in paths)
    hosts = set(re.findall(r"https?://([a-z0-9.-]+\.[a-z]+)", scripts)) - {"www.w3.org", "bit.ly"}
    assert hosts == set(OF_THE_THEME)
    for page in pages(site):
        text = page.read_text(encoding="utf-8")
        assert [host for host, element in OF_THE_THEME.items() if element in text] == [], page


def test_the_navigation_leads_to_every_page(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    built = {str(page.parent.relative_to(site)) for page in pages(site) if page.name == "index.html"} - {"."}
    assert {page for page in built if f'href="{page}/"' not in home} == set()
