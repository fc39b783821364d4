"""What keeps a text from being YAML, in one line that says where."""

from __future__ import annotations

from pathlib import Path

import yaml

YAML_NEXT_STEP = "Correct the line. Text that has ': ', ' #' or a bracket in it needs quotes."


def yaml_problem(path: Path | str, error: yaml.YAMLError) -> str:
    """`FILE:LINE: this is not valid YAML: …`, from what PyYAML raised, which takes several lines and names no file."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        where, what = f"{path}:{error.problem_mark.line + 1}", str(error.problem)
        if error.context and error.context_mark is not None:
            what += f", {error.context} that begins on line {error.context_mark.line + 1}"
        return f"{where}: this is not valid YAML: {what}."
    return f"{path} is not valid YAML: {' '.join(str(error).split())}."
