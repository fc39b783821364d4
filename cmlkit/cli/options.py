"""Options: flags made from the settings schema, and the values that every command gets."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmlkit.ci import workplace
from cmlkit.cli.groups import SettingOption
from cmlkit.cli.read_only import explained
from cmlkit.progress import Progress
from cmlkit.settings import schema as configuration
from cmlkit.settings.schema import SCHEMA, Settings
from cmlkit.settings.setting import FLAG, Setting, all_inside, converted, inside, merged
from cmlkit.settings.variables import CONFIG, misspelt


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """The values that every command gets: environment, workplace, settings, progress, and the form of the result."""

    environ: Mapping[str, str]
    workplace: Workplace
    settings: Settings
    progress: Progress
    as_json: bool


# Generic since click 8.4, and for the type checker only.
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from cmlkit.ci.base import Workplace

    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType


class Parsed(_ParamType):
    """The type of a flag whose value the setting's kind parses."""

    def __init__(self, declaration: Setting) -> None:
        self.declaration = declaration
        self.name = declaration.kind.name

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            return self.declaration.parse(value)
        except ValueError as error:
            self.fail(f"{value!r}; it takes {error}.", param, context)

    def shell_complete(self, context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the words that the setting takes; else files, if it is a path; else nothing."""
        from click.shell_completion import CompletionItem

        if choices := _choices(self.declaration):
            return [CompletionItem(word) for word in choices if word.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file")] if self.declaration.check in (inside, all_inside) else []


def _choices(declaration: Setting) -> Collection[str]:
    """Return the words that the setting takes; of an address, what it begins with."""
    from cmlkit.clouds import CLOUDS
    from cmlkit.settings.stores import STORES

    registered: Mapping[str, Collection[str]] = {"runner.cloud": CLOUDS, "publish.store": STORES}
    return registered.get(declaration.path) or tuple(filter(None, declaration.kind.choices))


def with_settings(*sections: str, only: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of `sections`, `--config` and `--json`, and an Invocation as its first argument.

    Args:
        only: The settings, or sections, that the command uses; all if empty. The other flags are accepted with a
            warning, as scripts may give every command the same ones, and are not shown.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        @click.pass_context
        def run(context: click.Context, /, *, config: Path | None, as_json: bool, **arguments: Any) -> None:
            flags = {
                section: {item.name: _joined(item, arguments.pop(_field(item))) for item in SCHEMA[section]}
                for section in sections
            }
            idle = _taken_out(flags, only)
            environ: Mapping[str, str] = context.find_root().obj
            settings = configuration.load(environ=environ, flags=flags, file=config or _config_file(environ))
            place = workplace(environ)
            invocation = Invocation(
                environ=environ, workplace=place, settings=settings, progress=place.progress(), as_json=as_json
            )
            for warning in misspelt(environ):
                invocation.progress.warn(warning)
            for flag in idle:
                invocation.progress.warn(f"{flag} has no effect on {context.command_path}.")
            with explained(place):
                command(invocation, **arguments)

        options = [_option(item, only) for section in sections for item in SCHEMA[section]] + [
            click.option(
                "--config",
                type=click.Path(path_type=Path),
                help=f"Settings file; {CONFIG} or cmlkit.yaml if omitted.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output."),
            click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback on failure."),
        ]
        return functools.reduce(lambda decorated, option: option(decorated), reversed(options), run)

    return decorate


def _config_file(environ: Mapping[str, str]) -> Path | None:
    return Path(environ[CONFIG]) if environ.get(CONFIG) else None


def _field(declaration: Setting) -> str:
    return f"{declaration.section}__{declaration.name}"


def _is_used(declaration: Setting, only: Collection[str]) -> bool:
    return not only or declaration.path in only or declaration.section in only


def _taken_out(flags: Mapping[str, dict[str, Any]], only: Collection[str]) -> list[str]:
    """Take the values of flags that do nothing for the command out of `flags`; return the flags that were given."""
    idle = [item for section in flags for item in SCHEMA[section] if not _is_used(item, only)]
    return [item.flag for item in idle if flags[item.section].pop(item.name) is not None]


def _option(declaration: Setting, only: Collection[str]) -> Callable[[Any], Any]:
    shown: dict[str, Any] = {"cls": SettingOption, "setting": declaration, "hidden": not _is_used(declaration, only)}
    if declaration.kind is FLAG:
        names = f"{declaration.flag}/--no-{declaration.key}"
        return click.option(names, _field(declaration), default=None, help=declaration.help, **shown)
    return click.option(
        declaration.flag,
        _field(declaration),
        **shown,
        type=Parsed(declaration),
        multiple=declaration.kind.repeated,
        default=None,
        # Words to type stay as they are typed.
        metavar=declaration.kind.name if "|" in declaration.kind.name else declaration.kind.name.upper(),
        help=declaration.help,
    )


def _joined(declaration: Setting, value: Any) -> Any:
    """Return the value of a flag given once or several times; None if it was not given."""
    if not declaration.kind.repeated:
        return value
    if not value:
        return None
    if isinstance(value[0], dict):
        return converted(merged, value, where=declaration.flag, path=declaration.path)
    return tuple(item for items in value for item in items)
