"""Completion of a flag and its value in one word, as `--market=sp`, for which click offers the value alone, or nothing.

zsh and fish replace the whole word, or drop what does not begin with it. bash takes the word apart, at the `=`.
"""

from __future__ import annotations

from click.shell_completion import BashComplete, CompletionItem, FishComplete, ZshComplete, add_completion_class


def register() -> None:
    """Let the shells' scripts get whole words."""
    for shell in (_Bash, _Zsh, _Fish):
        add_completion_class(shell)


class _Bash(BashComplete):
    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        return [word for word in args if word != "="], incomplete if incomplete != "=" else ""


class _Zsh(ZshComplete):
    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        return _whole_words(super().get_completions(args, incomplete), incomplete)


class _Fish(FishComplete):
    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        return _whole_words(super().get_completions(args, incomplete), incomplete)


def _whole_words(items: list[CompletionItem], incomplete: str) -> list[CompletionItem]:
    flag, equals, _ = incomplete.partition("=")
    if not (equals and flag.startswith("--")):
        return items
    # Files are completed by the shell itself, from what is typed.
    return [
        CompletionItem(f"{flag}={item.value}", type=item.type, help=item.help) if item.type == "plain" else item
        for item in items
    ]
