"""Metrics files: the numbers that people's tools write, by name, and what is left out of them."""

from cmlkit.gate.metrics_files.findings import Findings
from cmlkit.gate.metrics_files.reading import find, key, nothing_found, read

__all__ = ["Findings", "find", "key", "nothing_found", "read"]
