"""A GitHub played by npm's emulate: what is seeded there, and how it is asked about its state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.reality.tools import clean_environment

REPOSITORY = "ann/forest"
TOKEN = "ghp_ann"
SEED = {
    "tokens": {TOKEN: {"login": "ann", "scopes": ["repo"]}},
    "github": {
        "users": [{"login": "ann", "email": "ann@example.com"}, {"login": "bob"}],
        "repos": [{"owner": "ann", "name": "forest", "auto_init": True}],
    },
}


@dataclass(frozen=True, kw_only=True)
class Emulated:
    """The running server."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        """Return the JSON of a GET below the repository."""
        answer = requests.get(
            f"{self.url}/repos/{REPOSITORY}{path}",
            params=parameters,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def merge(self, number: int) -> None:
        """Merge a pull request, as a person does."""
        answer = requests.put(
            f"{self.url}/repos/{REPOSITORY}/pulls/{number}/merge",
            json={},
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text

    @property
    def main(self) -> str:
        """The commit that the branch main is at."""
        return str(self.get("/git/ref/heads/main")["object"]["sha"])

    def environ(self, folder: Path, run_id: str = "100") -> dict[str, str]:
        """Return the variables of a job of a workflow run."""
        return clean_environment(
            GITHUB_ACTIONS="true",
            GITHUB_API_URL=self.url,
            GITHUB_SERVER_URL=self.url,
            GITHUB_REPOSITORY=REPOSITORY,
            GITHUB_RUN_ID=run_id,
            GITHUB_RUN_ATTEMPT="1",
            GITHUB_EVENT_NAME="schedule",
            GITHUB_WORKFLOW="Train",
            GITHUB_REF="refs/heads/main",
            GITHUB_REF_NAME="main",
            GITHUB_SHA=self.main,
            GITHUB_STEP_SUMMARY=str(folder.parent / "summary.md"),
            CMLKIT_TOKEN=TOKEN,
        )
