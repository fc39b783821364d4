"""The notes about plots that a report does not show, whoever keeps their bytes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.pipeline_files import PipelineFiles
from cmlkit.publishing.plan import plot_notes
from cmlkit.records.training_run import Resources, TrainingRun

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_plot_has_a_note_if_it_is_no_picture_or_if_dvc_keeps_it() -> None:
    plots = ("a.png", "b.png", "c.png")
    run = TrainingRun(
        mode="command", command="true", metrics={}, model="m.joblib", plots=plots,
        resources=Resources(wall_seconds=1, cpu_seconds=1, peak_memory_bytes=1), started=0.0,
    )  # fmt: skip
    files = [
        CommitFile(path="sub/a.png", role="plot", content=PNG),
        CommitFile(path="sub/b.png", role="plot", content=b"pixels"),
    ]
    pipelines = PipelineFiles(root=Path(), environ={}, kept=frozenset({"sub/c.png"}))
    assert plot_notes(run, files, PurePosixPath("sub"), pipelines) == {
        "b.png": "it is not in PNG format",
        "c.png": "DVC keeps it: dvc pull c.png",
    }
