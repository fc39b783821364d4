"""Files written whole or not at all, so that a full disk loses no old file; one-line messages for YAML errors."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, creating its folder if needed. If that fails, raise OSError and leave the old file as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp makes files readable by their owner only; these are for everybody who may read the folder.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


YAML_NEXT_STEP = "Correct the line. Text that has ': ', ' #' or a bracket in it needs quotes."


def yaml_problem(path: Path | str, error: yaml.YAMLError) -> str:
    """Return `FILE:LINE: this is not valid YAML: …`; PyYAML's own message has several lines and no file."""
    import yaml  # loaded already if there is an error of its own

    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        where, what = f"{path}:{error.problem_mark.line + 1}", str(error.problem)
        if error.context and error.context_mark is not None:
            what += f", {error.context} that begins on line {error.context_mark.line + 1}"
        return f"{where}: this is not valid YAML: {what}."
    return f"{path} is not valid YAML: {' '.join(str(error).split())}."
