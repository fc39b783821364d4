"""The publication: the result of a publish on the forge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cmlkit.errors import GateRejected
from cmlkit.gate.verdict import Verdict
from cmlkit.settings.schema import PublishSpec


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The result of a publish on the forge. URLs, branch and commit are empty if nothing was written.

    Attributes:
        changed: False if the base branch already holds the same model, metrics and plots.
        branch: The experiment branch; `commit_sha` is its commit with the result.
        files: Repository paths that the commit holds.
        model_path: Repository path of the model; `model_sha256` is the hash of its bytes, wherever they are stored.
        check_url: URL of the check run, or of the commit status if the token may not create check runs.
        timeline: Part of the run -> seconds, as far as they are known, until the report was written.
        superseded: Numbers of the earlier pull requests that were closed.
        report: The report as markdown, as the comment shows it.
    """

    verdict: Verdict
    changed: bool
    branch: str = ""
    commit_sha: str = ""
    files: tuple[str, ...] = ()
    model_path: str = ""
    model_sha256: str = ""
    pull_request_number: int | None = None
    pull_request_url: str = ""
    comment_url: str = ""
    check_url: str = ""
    superseded: tuple[int, ...] = ()
    timeline: Mapping[str, float] = field(default_factory=dict)
    report: str = field(default="", repr=False)

    def raise_if_rejected(self, spec: PublishSpec) -> None:
        """Fail the run if the gate rejected the model and the settings say so; call it after writing outputs.

        A model that the base branch holds already is no exception: rules may have changed, or its score on new data.

        Raises:
            GateRejected: The message names the failed rules and the draft pull request.
        """
        if self.verdict.accepted or spec.on_rejected == "warn":
            return
        failed = "; ".join(rule.text for rule in self.verdict.rules if rule.passed is False)
        why = f"{self.verdict.headline} Failed: {failed}."
        if not self.changed:
            raise GateRejected(
                f"{why} It is the model of the base branch.",
                next_step="Nothing was published. Train a better model, or correct the rules of the gate.",
            )
        draft = f"The draft pull request {self.pull_request_url} has the details." if self.pull_request_url else ""
        raise GateRejected(why, next_step=draft or "Nothing was published.")
