"""Self-hosted runners as the API shows them, before anything runs on them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile

import requests

from cmlkit_sandbox.github import GitHubServer
from tests.integration.github.conftest import Api

RUNNERS = "./actions/runners"


def register(api: Api, name: str = "cmlkit-1", *, root: str = RUNNERS) -> int:
    made = api.post(f"{root}/generate-jitconfig", name=name, runner_group_id=1, labels=["cmlkit-1-1"])
    runner_id: int = made["runner"]["id"]
    return runner_id


def test_a_jit_config_registers_a_runner_that_is_offline(github: GitHubServer, api: Api) -> None:
    made = api.post(
        f"{RUNNERS}/generate-jitconfig", name="r", runner_group_id=1, labels=["self-hosted", "mine"], work_folder="_w"
    )
    runner = api.get(f"{RUNNERS}/{made['runner']['id']}")
    assert (runner["name"], runner["status"], runner["busy"], runner["ephemeral"]) == ("r", "offline", False, True)
    assert [(each["name"], each["type"]) for each in runner["labels"]] == [
        ("self-hosted", "read-only"),
        ("mine", "custom"),
    ]
    config = json.loads(base64.b64decode(made["encoded_jit_config"]))
    assert set(config) == {".runner", ".credentials"}
    assert json.loads(base64.b64decode(config[".runner"]))["workFolder"] == "_w"


def test_runners_are_listed_by_page_and_by_name(api: Api) -> None:
    for number in range(3):
        register(api, f"r{number}")
    page = api.get(f"{RUNNERS}?per_page=2&page=2")
    assert (page["total_count"], [each["name"] for each in page["runners"]]) == (3, ["r2"])
    assert [each["name"] for each in api.get(f"{RUNNERS}?name=r1")["runners"]] == ["r1"]


def test_a_name_can_be_registered_once(api: Api) -> None:
    register(api, "same")
    status, message = api.refused("POST", f"{RUNNERS}/generate-jitconfig", name="same", runner_group_id=1, labels=["x"])
    assert (status, message) == (409, "Already exists - A runner with the same name already exists.")


def test_registrations_that_github_refuses(api: Api) -> None:
    ask = {"name": "r", "runner_group_id": 1, "labels": ["x"]}
    wrong: list[dict[str, object]] = [{"labels": []}, {"labels": ["x"] * 101}, {"name": "r" * 65}, {"name": None}]
    for changed in wrong:
        assert api.refused("POST", f"{RUNNERS}/generate-jitconfig", **{**ask, **changed})[0] == 422
    assert api.refused("POST", f"{RUNNERS}/generate-jitconfig", **{**ask, "runner_group_id": 9})[0] == 404


def test_a_removed_runner_is_gone(api: Api) -> None:
    runner_id = register(api)
    assert api.call("DELETE", f"{RUNNERS}/{runner_id}").status_code == 204
    assert api.refused("GET", f"{RUNNERS}/{runner_id}") == (404, "Not Found")
    assert api.refused("DELETE", f"{RUNNERS}/{runner_id}") == (404, "Not Found")


def test_a_jobs_own_token_may_not_touch_runners(github: GitHubServer) -> None:
    github.add_token("job", "github-actions[bot]", kind="job")
    refused = Api(github, "job").refused(
        "POST", f"{RUNNERS}/generate-jitconfig", name="r", runner_group_id=1, labels=["x"]
    )
    assert refused == (403, "Resource not accessible by integration")
    assert Api(github, "job").refused("GET", RUNNERS)[0] == 403


def test_an_organisation_has_runners_of_its_own(github: GitHubServer, api: Api) -> None:
    github.add_organization("acme")
    root = "/orgs/acme/actions/runners"
    runner_id = register(api, root=root)
    assert api.get(f"{root}/{runner_id}")["name"] == "cmlkit-1"
    assert api.get(RUNNERS)["total_count"] == 0
    assert api.get("/orgs/acme/actions/runner-groups")["runner_groups"][0]["default"] is True
    assert api.refused("GET", "/orgs/octo/actions/runners") == (404, "Not Found")
    github.add_token("no-org", "octo", permissions={"administration": "write"})
    assert Api(github, "no-org").refused("GET", root)[0] == 403


def test_the_download_is_a_tarball_with_the_checksum_that_is_told(github: GitHubServer, api: Api) -> None:
    downloads = {(each["os"], each["architecture"]): each for each in api.get(f"{RUNNERS}/downloads")}
    assert {("linux", "x64"), ("linux", "arm64")} <= set(downloads)
    offered = downloads["linux", "x64"]
    content = requests.get(offered["download_url"], timeout=10).content
    assert hashlib.sha256(content).hexdigest() == offered["sha256_checksum"]
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        programs = {each.name: each.mode for each in archive.getmembers()}
    assert programs == {"./run.sh": 0o755, "./bin/Runner.Listener": 0o755, "./bin/Runner.Worker": 0o755}
