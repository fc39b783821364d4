"""The page of hosts has those of the clients that the code makes, and no more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import botocore.session

from cmlkit.forges.github import hosts
from tests.unit.project.test_documentation import rows

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "hosts.md"
REGION = "eu-west-1"
CLIENT = re.compile(r'\.client\(\s*"([a-z0-9-]+)"')


def documented() -> set[str]:
    return {row[0] for row in rows(PAGE, "| Host | For |")}


def aws_hosts() -> Mapping[str, str]:
    """Service, as its signature names it -> host, of each client that the code makes."""
    session = botocore.session.get_session()
    session.set_config_variable("ignore_configured_endpoint_urls", True)
    # Older versions of botocore have one host for all regions, as the page says below the table.
    session.set_config_variable("sts_regional_endpoints", "regional")
    session.set_credentials("key", "secret")
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "cmlkit").rglob("*.py")))
    found = {}
    for service in sorted(set(CLIENT.findall(code))):
        client = session.create_client(service, region_name="us-east-1" if service == "pricing" else REGION)
        host = urlsplit(client.meta.endpoint_url).hostname or ""
        found[client.meta.service_model.signing_name] = host.replace(REGION, "REGION")
    return found


def github_hosts() -> set[str]:
    return {hosts.PUBLIC, urlsplit(hosts.API_URL).hostname or ""}


def test_the_page_has_every_host_of_aws_and_github_and_no_other() -> None:
    assert documented() == {*aws_hosts().values(), *github_hosts()}


def test_the_readme_and_the_security_model_lead_to_the_page() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "explanation" / "security-model.md"):
        text = page.read_text(encoding="utf-8")
        assert re.search(r"no telemetry[^.]*\]\([^)]*reference/hosts\.md\)", text), page
