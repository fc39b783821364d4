"""The translator: a command line under CML's names in, ours out, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cmlkit.cli.cml import repositories
from cmlkit.cli.cml.command_line import CommandLine, command_line, parsed
from cmlkit.cli.cml.flags import GUIDE, Becomes, Given, Nothing, Refused, Repository, Same, Token, Words
from cmlkit.cli.cml.runner_flags import REGIONS, with_gpu_in_size, without_gpus_of_type
from cmlkit.cli.cml.variables import set_by_variables
from cmlkit.errors import SettingsError
from cmlkit.settings import variables

# The order of CML, below cmlkit's own variable: a workflow that sets REPO_TOKEN means it.
TOKENS = ("REPO_TOKEN", "repo_token", "GITHUB_TOKEN")
LAUNCH = ("runner", "launch")
OURS_TOO = ("--cloud", "--labels", "--idle-timeout")


@dataclass(frozen=True, kw_only=True)
class Translation:
    """Our command line.

    Attributes:
        variables: To add to the environment, and tokens among them.
        notes: Lines for the log.
    """

    arguments: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    notes: Sequence[str] = ()


def translated(arguments: Sequence[str], *, environ: Mapping[str, str], has_settings: bool = False) -> Translation:
    """Return the arguments with CML's names and flags replaced by ours; others stay as they are.

    Args:
        environ: Variables with CML's names for flags, tokens and the run's repository.
        has_settings: Whether there is a settings file; its label and region, or ours, then count rather than CML's.

    Raises:
        SettingsError: A flag, its value or the whole command has no counterpart.
    """
    line = command_line(arguments)
    if line is None:
        return Translation(arguments=arguments)
    if (refusal := line.command.refusal) is not None:
        raise _refused(f"cmlkit {' '.join(line.command.path)}", refusal)
    if "--version" in line.words:
        return Translation(arguments=["--version"])
    return _Translator(line, environ, has_settings=has_settings).translation()


class _Translator:
    """The parts of one translation, as they are found."""

    def __init__(self, line: CommandLine, environ: Mapping[str, str], *, has_settings: bool) -> None:
        self._line, self._environ, self._has_settings = line, environ, has_settings
        self._given = with_gpu_in_size(list(parsed(line.command, line.words)))
        self._words: list[str] = []
        self._notes: list[str] = []
        self._variables: dict[str, str] = {}

    def translation(self) -> Translation:
        typed = [*self._ours(self._given)]
        set_ = self._set_by_variables(typed)
        words = [*set_, *typed]
        if self._line.command.path == LAUNCH:
            words = [*self._launch_defaults(words), *without_gpus_of_type(words)]
        self._settle_token()
        return Translation(
            arguments=[*self._line.before, *self._line.command.path, *words],
            variables=self._variables,
            notes=self._notes,
        )

    def _ours(self, given: Iterable[Given | str]) -> Iterator[str]:
        for each in given:
            if isinstance(each, str):
                yield each
            else:
                yield from self._of_flag(each)

    def _set_by_variables(self, typed: Sequence[str]) -> list[str]:
        """Return the words for variables, without those that a flag, or a variable of ours, sets."""
        flags = {each.flag.name for each in self._given if isinstance(each, Given)}
        there = {word.partition("=")[0] for word in typed if word.startswith("--")}
        words: list[str] = []
        for each in set_by_variables(self._line.command, self._environ):
            if each.flag.name in flags:
                continue
            ours = list(self._of_flag(each))
            if ours and (ours[0] in there or self._has_own_variable(ours[0])):
                continue
            words += ours
        return words

    def _has_own_variable(self, flag: str) -> bool:
        """Return whether a variable of ours sets a flag; those of `runner launch` alone are settings."""
        name = flag.removeprefix("--").upper().replace("-", "_")
        return self._line.command.path == LAUNCH and bool(self._environ.get(f"CMLKIT_RUNNER_{name}"))

    def _of_flag(self, given: Given) -> Sequence[str]:
        match given.flag.fate:
            case Same() as fate:
                return _same(given, fate)
            case Becomes() as fate:
                # An empty value, as from a variable that is not set, is the default.
                ours = fate.words(given.value, given.spelled) if given.value else Words()
                self._notes += [ours.note] if ours.note else []
                return ours.words
            case Nothing(why=why, noted=noted):
                self._notes += [f"{given.spelled} has no effect. {why}"] if noted else []
                return ()
            case Refused() as fate:
                if given.is_off:
                    return ()
                raise _refused(given.spelled, fate)
            case Token():
                return self._token(given)
            case Repository():
                return self._repository(given)

    def _token(self, given: Given) -> Sequence[str]:
        """Use the value as the token; one from a variable counts less than cmlkit's own variable."""
        if not given.value or (given.from_variable and self._environ.get(variables.TOKEN, "").strip()):
            return ()
        self._variables[variables.TOKEN] = given.value
        if not given.from_variable:
            if self._line.command.path == LAUNCH:
                self._variables[variables.RUNNER_TOKEN] = given.value
            self._notes.append(
                f"{given.spelled}: others on this machine can read arguments. Set REPO_TOKEN in the step's env instead."
            )
        return ()

    def _repository(self, given: Given) -> Sequence[str]:
        if not given.value:
            return ()
        found = repositories.checked(given.value, spelled=given.spelled, environ=self._environ)
        if not found.name:
            if self._line.command.path == LAUNCH:
                return ("--scope", "organisation")
            raise SettingsError(f"{given.spelled} names {found.owner}, which is no repository.", next_step=GUIDE)
        if not self._environ.get("GITHUB_REPOSITORY"):
            self._variables["GITHUB_REPOSITORY"] = f"{found.owner}/{found.name}"
        return ()

    def _settle_token(self) -> None:
        own = (self._variables.get(variables.TOKEN), self._environ.get(variables.TOKEN, "").strip())
        token = next((found for name in TOKENS if (found := self._environ.get(name, "").strip())), "")
        if token and not any(own):
            self._variables[variables.TOKEN] = token

    def _launch_defaults(self, words: Sequence[str]) -> Iterator[str]:
        """Yield CML's label and region, and for `runner` its market, if the line is one of CML's.

        Raises:
            SettingsError: It is `runner` without a command and without a cloud: CML would register this machine.
        """
        environ = self._environ
        if self._line.is_short and "--cloud" not in words and not environ.get("CMLKIT_RUNNER_CLOUD"):
            raise SettingsError(
                "cmlkit runner without --cloud would make this machine a runner, as with CML; cmlkit only launches"
                " instances.",
                next_step="Add --cloud, or use cmlkit runner launch, which launches according to the settings. To"
                " register this machine itself, follow Settings > Actions > Runners > New self-hosted runner.",
            )
        if self._has_settings or not (self._line.is_short or self._has_flags_of_cml()):
            return
        there = {word.partition("=")[0] for word in words}
        if "--labels" not in there and not environ.get("CMLKIT_RUNNER_LABELS"):
            yield from ("--labels", "cml")
        regions = ("CMLKIT_RUNNER_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")
        if self._line.is_short and "--market" not in there and not environ.get("CMLKIT_RUNNER_MARKET"):
            yield from ("--market", "on-demand")
        if "--region" not in there and not any(environ.get(name) for name in regions):
            yield from ("--region", REGIONS["us-west"])

    def _has_flags_of_cml(self) -> bool:
        """Return whether a flag was typed that only CML has: ours of the same name tell nothing."""
        return any(isinstance(each, Given) and each.flag.name not in OURS_TOO for each in self._given)


def _same(given: Given, fate: Same) -> Sequence[str]:
    if given.flag.kind != "switch":
        return (given.flag.name, given.value)
    if not given.is_off:
        return (given.flag.name,)
    return (f"--no-{given.flag.name.removeprefix('--')}",) if fate.negative else ()


def _refused(spelled: str, fate: Refused) -> SettingsError:
    return SettingsError(f"{spelled} is not supported. {fate.why}", next_step=f"{fate.instead} {GUIDE}".strip())
