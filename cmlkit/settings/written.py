"""A setting's value as it stands behind its key in `cmlkit.yaml`."""

from __future__ import annotations

from typing import Any

from cmlkit.settings.setting import DURATION_KIND, Setting
from cmlkit.sinks.yaml_text import inline


def written(setting: Setting, value: Any) -> str:
    """Return the value on one line, in the form that people write; nothing for an empty text."""
    if setting.kind is DURATION_KIND:
        return duration_text(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return inline(list(value) if isinstance(value, tuple) else value) if value != "" else ""


def duration_text(duration: float) -> str:
    """Return seconds as a setting takes them: `7d`, `2h`, `1h30m`, `1m30s`, `0s`."""
    parts, left = [], duration
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        count, left = divmod(left, length)
        parts += [f"{count:.0f}{unit}"] if count else []
    return "".join([*parts, f"{left:g}s"] if left or not parts else parts)
