"""What comes with the package to be copied: the workflow templates, and the example project."""

from __future__ import annotations

from pathlib import Path

from cmlkit.errors import SettingsError

# A wheel has them below `resources`, where its build puts them; a checkout has them at its root.
_RESOURCES = Path(__file__).parent / "resources"
_CHECKOUT = Path(__file__).parents[1]


def example() -> Path:
    """The folder of the example project."""
    return _folder("examples") / "random-forest"


def workflow_names() -> list[str]:
    """File names of the templates."""
    return sorted(path.name for path in _folder("workflows").glob("*.yml"))


def workflow(name: str) -> str:
    """The text of a template.

    Raises:
        SettingsError: There is no template of that name.
    """
    if name not in workflow_names():
        raise SettingsError(
            f"There is no workflow template {name!r}.", next_step=f"There are {', '.join(workflow_names())}."
        )
    return (_folder("workflows") / name).read_text(encoding="utf-8")


def _folder(name: str) -> Path:
    bundled = _RESOURCES / name
    return bundled if bundled.is_dir() else _CHECKOUT / name
