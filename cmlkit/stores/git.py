"""The git store: model bytes are ordinary files of the commit."""

from __future__ import annotations

from collections.abc import Mapping

from cmlkit.errors import ModelError

# https://docs.github.com/en/repositories/working-with-files/managing-large-files/about-large-files-on-github
WARNING_BYTES = 50 * 1024**2
LIMIT_BYTES = 100 * 1024**2


class GitStore:
    """Keeps files in the repository itself, within GitHub's limits."""

    def check(self, path: str, *, size: int) -> str:
        if size > LIMIT_BYTES:
            raise ModelError(
                f"{path} has {size / 1024**2:.1f} MiB; GitHub takes no file over {LIMIT_BYTES // 1024**2} MiB in git.",
                next_step="Make it smaller (joblib's compress=3 often halves a forest), or keep it out of the commit.",
            )
        if size > WARNING_BYTES:
            return (
                f"{path} has {size / 1024**2:.0f} MiB: every clone of the repository will carry it for good."
                f" GitHub advises against files over {WARNING_BYTES // 1024**2} MiB."
            )
        return ""

    def put(self, path: str, content: bytes) -> Mapping[str, bytes]:
        return {path: content}
