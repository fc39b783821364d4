"""The README's badges and the comparison with other tools: nothing that is not so, or has no source."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from tests.unit.project.test_documentation import rows

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMPARISON = ROOT / "docs" / "explanation" / "comparison.md"
BADGE = re.compile(r"\[!\[[^]]*\]\((\S+)\)\]\((\S+)\)")


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def test_each_badge_is_githubs_of_a_workflow_here_and_leads_to_its_runs() -> None:
    [(image, link)] = BADGE.findall(README)
    [(page, file, branch)] = re.findall(r"^(.+/actions/workflows/([\w-]+\.yml))/badge\.svg\?branch=(\w+)$", image)
    assert page == link == f"{project()['urls']['Source']}/actions/workflows/{file}"
    # YAML reads the key `on` as true.
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / file).read_text(encoding="utf-8"))
    assert branch in workflow[True]["push"]["branches"]


def test_no_other_picture_comes_from_another_host() -> None:
    images = re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", README)
    assert [image for image in images if image.startswith("http")] == [image for image, _ in BADGE.findall(README)]


def test_the_versions_of_python_and_the_licence_are_those_of_the_project_and_of_ci() -> None:
    [(oldest, newest, system, licence)] = re.findall(
        r"^Python ([\d.]+) to ([\d.]+) · (\w+) · \[(.+)\]\(LICENSE\)$", README, re.M
    )
    told = [name.rpartition(" :: ")[2] for name in project()["classifiers"] if re.search(r":: 3\.\d+$", name)]
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert told == ci["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert (oldest, newest) == (told[0], told[-1])
    assert project()["requires-python"] == f">={oldest}"
    assert f"Operating System :: POSIX :: {system}" in project()["classifiers"]
    assert project()["license"] == licence


def test_each_tool_of_the_comparison_has_a_source_and_its_date() -> None:
    text = COMPARISON.read_text(encoding="utf-8")
    [header] = re.findall(r"^\| \| cmlkit \| (.+) \|$", text, re.MULTILINE)
    sources = rows(COMPARISON, "| Tool | Source | Of |")
    assert set(header.split(" | ")) <= {tool for tool, _, _ in sources}
    assert [row for row in sources if not re.search(r"\]\(https://", row[1])] == []
    [read] = re.findall(r"^Read on (\S+),", text, re.MULTILINE)
    dates = [date.fromisoformat(of) for _, _, of in sources if of != "undated"]
    assert max(dates) <= date.fromisoformat(read)


def test_each_tool_that_the_readme_names_is_compared() -> None:
    section = README.partition("## Compared with other tools\n")[2].partition("\n## ")[0]
    tools = re.findall(r"https://github\.com/[\w/-]+", section)
    text = COMPARISON.read_text(encoding="utf-8")
    assert len(tools) >= 5
    assert [tool for tool in tools if tool not in text] == []
