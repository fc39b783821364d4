"""Commands and groups of commands: help that shows the common settings first, and suggestions for misspelt names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cmlkit.cli.spelling import command_suggestion

if TYPE_CHECKING:
    from cmlkit.settings.setting import Setting

OPTIONS, COMMON, FURTHER, SETTINGS = "Options", "Common settings", "Further settings", "Settings"
FEW = 8  # settings that need no two groups
# Options that every command has; its own ones come first.
GENERAL = ("--config", "--json", "--debug", "--help")


class SettingOption(click.Option):
    """A flag that sets a setting."""

    def __init__(self, *arguments: Any, setting: Setting, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.setting = setting


class Command(click.Command):
    """A command whose help shows its own options, then the common settings, then the further ones."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        shown: dict[str, list[tuple[str, str]]] = {title: [] for title in (OPTIONS, SETTINGS, COMMON, FURTHER)}
        for option in sorted(self.get_params(context), key=_rank):
            if (record := option.get_help_record(context)) is not None:
                shown[_title(option)].append(record)
        if len(shown[COMMON]) + len(shown[FURTHER]) <= FEW:
            shown[SETTINGS] = shown.pop(COMMON) + shown.pop(FURTHER)
        for title, records in shown.items():
            if records:
                with formatter.section(title):
                    # In a narrow terminal, the explanations need the width.
                    formatter.write_dl(records, col_max=min(30, formatter.width // 3))


def _title(option: click.Parameter) -> str:
    if not isinstance(option, SettingOption):
        return OPTIONS
    return COMMON if option.setting.common else FURTHER


def _rank(option: click.Parameter) -> int:
    return next((place for place, name in enumerate(GENERAL) if name in option.opts), -1)


class Group(click.Group):
    """A group of commands that suggests the command that is likely meant."""

    command_class = Command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        # Completion looks at unfinished lines.
        if not (context.resilient_parsing or name.startswith("-") or self.get_command(context, name)):
            context.fail(f"There is no command {name!r}. {command_suggestion(name, context)}")
        return super().resolve_command(context, arguments)
