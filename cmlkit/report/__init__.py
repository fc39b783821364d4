"""The report: GitHub-flavoured markdown that presents a new model to people."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from cmlkit.ci.base import SUMMARY_LIMIT_BYTES
from cmlkit.forges import forge_module
from cmlkit.forges.facts import Addresses
from cmlkit.formats import plural, short_hash
from cmlkit.gate.verdict import Verdict
from cmlkit.records.cost import Spent
from cmlkit.records.timeline import Part, timeline
from cmlkit.records.training_run import DataFingerprint, Parameter, TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report import sections, times
from cmlkit.report.fit import fitted
from cmlkit.report.history import PastModel, history, points
from cmlkit.report.markdown import code, link, text
from cmlkit.report.trend import trend

__all__ = ["COMMENT_LENGTH", "MARKER_ROOM", "SUMMARY_LENGTH", "PastModel", "Report"]

# What a comment takes; the rest is room for a hidden marker.
MARKER_ROOM = 1_536
COMMENT_LENGTH = forge_module().FACTS.limits.text - MARKER_ROOM
# A code point takes up to four bytes of a job's summary.
SUMMARY_LENGTH = SUMMARY_LIMIT_BYTES // 4

_ADDRESSES = forge_module().FACTS.addresses


@dataclass(frozen=True, kw_only=True)
class Report:
    """The content of a report. Only the run and its verdict are required; everything else adds to them.

    Attributes:
        base: Branch whose model is the champion.
        branch: Branch that holds the result; `commit` is its commit there.
        folder: Path of the working directory in the repository.
        files: Repository paths of the files on the branch.
        images: Path of a plot, as in the run -> URL of the image.
        plot_notes: Path of a plot -> why it is not shown, but linked or only named.
        is_rescored: Whether the champion's values are from the same test data as the challenger's.
        champion_published: Metrics of the champion as it was published; empty if unknown.
        champion_parameters: Parameters of the model on the base branch; None if unknown.
        champion_data: Fingerprints of the data that the champion was trained on; None if unknown.
        past: Earlier models of the base branch, oldest first, the champion last.
        trend: URL of the picture of the trend; empty if it is hosted nowhere.
        store: Where the model's bytes are stored, as in the setting publish.store.
        spent: Cost of the published runs of the last days; None if unknown.
        parts: The timeline of the whole run; empty for that which the training knows by itself.
        addresses: Addresses of commits and files on the forge.
    """

    run: TrainingRun
    verdict: Verdict
    workflow_run: WorkflowRun | None = None
    base: str = ""
    branch: str = ""
    commit: str = ""
    folder: str = ""
    files: tuple[str, ...] = ()
    images: Mapping[str, str] = dataclasses.field(default_factory=dict)
    plot_notes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    is_rescored: bool = False
    champion_published: Mapping[str, float] = dataclasses.field(default_factory=dict)
    champion_parameters: Mapping[str, Parameter] | None = None
    champion_data: tuple[DataFingerprint, ...] | None = None
    past: tuple[PastModel, ...] = ()
    trend: str = ""
    store: str = "git"
    spent: Spent | None = None
    parts: tuple[Part, ...] = ()
    addresses: Addresses = _ADDRESSES

    def _repr_markdown_(self) -> str:
        """Return what a notebook shows."""
        return self.markdown()

    def markdown(self, *, limit: int = COMMENT_LENGTH) -> str:
        """Return the report within `limit` code points; a link to the run's page replaces the parts that do not fit.

        Verdict, metrics and plots come first; the rest is folded. Tables and code are shown whole or not at all.
        """
        elsewhere = link("the run's summary", self._run_url()) if self._run_url() else ""
        time = self.parts or timeline(self.run)
        parts = (
            sections.headline(self.verdict, self._subtitle()),
            sections.champion_today(self.verdict, self.champion_published if self.is_rescored else {}),
            sections.changed_data(self.run.data, self.champion_data),
            sections.metrics(self.verdict, elsewhere, is_rescored=self.is_rescored),
            sections.plots(self.run, self.images, self.plot_notes, elsewhere),
            history(self.past, self.run.metrics, elsewhere, primary=self.verdict.primary, picture=self.trend),
            sections.search(self.run.search, elsewhere),
            sections.parameters(self.run.parameters, self.champion_parameters, elsewhere),
            sections.fingerprints(self.run.data, self.champion_data, elsewhere),
            sections.drift(self.run.data, self.champion_data, elsewhere),
            times.slowness(self.run, time),
            sections.facts(self.run, time, self.spent, self._origin(), elsewhere),
            sections.files(self.files, {path: self._url(path) for path in self.files}, elsewhere),
            sections.usage(self.run, fetch=self._fetch()),
            sections.reproduction(self.run, folder=self.folder),
        )
        return fitted(parts, limit)

    def trend_picture(self) -> str:
        """Return the SVG of the trend of the metric that decides; empty if there are too few models for one."""
        primary = self.verdict.primary
        direction = {delta.name: delta.higher_is_better for delta in self.verdict.deltas}.get(primary)
        return trend(primary, points(self.past, self.run.metrics, primary), higher_is_better=direction)

    def _subtitle(self) -> str:
        """Return model, branch and run on one line."""
        model = code(self.run.model)
        if self.commit:
            model = link(model, self._url(str(PurePosixPath(self.folder, self.run.model))))
        kind = f"{text(self.run.model_class.rpartition('.')[2])} in " if self.run.model_class else ""
        parts = [f"{kind}{model}"]
        if self.branch:
            parts.append(f"on {code(self.branch)}{f' for {code(self.base)}' if self.base else ''}")
        if self.workflow_run:
            parts.append(link(f"run {text(self.workflow_run.run_id)}", self._run_url()))
        return " · ".join(parts)

    def _origin(self) -> list[tuple[str, str]]:
        rows = []
        if self.run.commit:
            shown = code(short_hash(self.run.commit))
            changed = f", with {plural(len(self.run.uncommitted), 'changed file')}" if self.run.uncommitted else ""
            root = self._repository_url()
            url = self.addresses.commit.format(repository=root, commit=self.run.commit) if root else ""
            rows.append(("Code", f"{link(shown, url)}{changed}"))
        if self.workflow_run:
            name = text(self.workflow_run.workflow or "workflow run")
            attempt = f", attempt {self.workflow_run.attempt}" if self.workflow_run.attempt > 1 else ""
            rows.append(("Workflow", f"{link(name, self._run_url())}{attempt}"))
        return rows

    def _fetch(self) -> str:
        if not self.branch:
            return ""
        lines = [f"git fetch origin {shlex.quote(self.branch)}"]
        lines.append(f"git checkout {shlex.quote(self.commit or 'FETCH_HEAD')}")
        lines += [f"cd {shlex.quote(self.folder)}"] if self.folder not in ("", ".") else []
        if self.store != "git":
            lines.append(f"cmlkit model pull {shlex.quote(self.run.model)}  # from {self.store}")
        return "\n".join(lines)

    def _run_url(self) -> str:
        """Return the URL of the run's page; empty outside Actions."""
        return self.workflow_run.url if self.workflow_run and self.workflow_run.run_id.isdigit() else ""

    def _repository_url(self) -> str:
        run = self.workflow_run
        return f"{run.server_url}/{run.repository}" if run else ""

    def _url(self, path: str) -> str:
        """Return the URL of a file in the result's commit; empty if unknown."""
        root = self._repository_url()
        if not (root and self.commit):
            return ""
        return self.addresses.file.format(repository=root, commit=self.commit, path=quote(path, errors="replace"))
