"""Metrics: finite numbers by name, read from the files that training scripts write."""

from __future__ import annotations

from cmlkit.gate.metrics_files.findings import Findings
from cmlkit.gate.metrics_files.reading import find, key, nothing_found, read

__all__ = ["Findings", "find", "key", "nothing_found", "read"]
