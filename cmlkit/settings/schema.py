"""The settings of the four sections, and how flags, environment, `cmlkit.yaml` and defaults become one `Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmlkit.errors import SettingsError
from cmlkit.settings.setting import (
    DURATION_KIND,
    FLAG,
    INTEGER,
    LIST,
    MAPPING,
    NUMBER,
    STORE,
    TEXT,
    Setting,
    choice,
    converted,
    declared,
    setting,
)

DEFAULT_FILE = Path("cmlkit.yaml")


@dataclass(frozen=True, kw_only=True)
class RunnerSpec:
    """What to launch, and for how long. Durations are in seconds, sizes in GiB."""

    instance_type: tuple[str, ...] = setting(
        ("t3.medium", "t3a.medium"), LIST, "Instance types to try, cheapest first. Or say cpus, memory or gpus."
    )
    cpus: int = setting(0, INTEGER, "vCPUs that the instance needs at least: the cheapest types are chosen.")
    memory: float = setting(0.0, NUMBER, "Memory in GiB that the instance needs at least.")
    gpus: int = setting(0, INTEGER, "NVIDIA GPUs that the instance needs at least.")
    arch: str = setting(
        "x86_64", choice("x86_64", "arm64"), "Architecture of the types that cpus, memory and gpus choose."
    )
    market: str = setting(
        "spot-then-on-demand",
        choice("spot", "on-demand", "spot-then-on-demand"),
        "Where to buy: spot, on-demand, or spot first.",
    )
    max_price: float = setting(
        0.0,
        NUMBER,
        "Most that an instance may cost in USD per hour: what is dearer, or of unknown price, is not tried; no limit"
        " when 0.",
    )
    region: tuple[str, ...] = setting((), LIST, "AWS regions to try, in order; AWS_REGION when empty.")
    subnet: tuple[str, ...] = setting((), LIST, "Subnet ids to try; the default VPC's when empty.")
    security_group: tuple[str, ...] = setting(
        (), LIST, "Security group ids; a group without inbound rules is made when empty."
    )
    image: str = setting(
        "",
        TEXT,
        "Image: ubuntu-24.04, ami-…, ssm:/parameter/path or OWNER:NAME; Ubuntu, or for GPUs AWS's Deep Learning"
        " base image, when empty.",
    )
    disk_size: int = setting(30, INTEGER, "Size of the root volume in GiB; never less than the image needs.")
    disk_type: str = setting("gp3", TEXT, "Type of the root volume, such as gp3.")
    labels: tuple[str, ...] = setting((), LIST, "Extra runner labels, beside the run's own unique one.")
    count: int = setting(1, INTEGER, "How many runners to launch at once, for the jobs of a matrix.")
    partial: bool = setting(False, FLAG, "Whether to keep the runners that came when not all of them did.")
    scope: str = setting(
        "repository", choice("repository", "organisation"), "Whose runners: the repository's or its organisation's."
    )
    runner_group: str = setting(
        "", TEXT, "Name or id of the organisation's runner group; the default group when empty."
    )
    idle_timeout: float = setting(300.0, DURATION_KIND, "End an instance that got no job for this long.")
    max_lifetime: float = setting(7200.0, DURATION_KIND, "End the instance after this long, whatever it does.")
    wait_timeout: float = setting(600.0, DURATION_KIND, "Give up when the runner is not online after this long.")
    iam_instance_profile: str = setting("", TEXT, "Name or ARN of the instance profile for the training's AWS access.")
    startup_script: str = setting("", TEXT, "Shell lines that run as root before the runner starts.")
    tags: Mapping[str, str] = setting({}, MAPPING, "Extra tags on the instance and its volumes.")
    stop_schedule_role: str = setting(
        "",
        TEXT,
        "ARN of a role in which EventBridge Scheduler terminates the instance should all else fail; not used when"
        " empty.",
    )


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """What to run, and what it leaves behind. Paths are relative to the working directory."""

    setup: str = setting("", TEXT, "Shell command that prepares the training: dependencies, data.")
    run: str = setting("", TEXT, "Shell command that trains, such as: python train.py.")
    estimator: str = setting(
        "", TEXT, "Import path of a scikit-learn-compatible class to train instead of running a command."
    )
    score: str = setting(
        "",
        TEXT,
        "Shell command that scores the model at $CMLKIT_MODEL on the test data and writes to $CMLKIT_SCORES, for a"
        " champion and a challenger that run trained. An estimator needs none.",
    )
    params: Mapping[str, Any] = setting({}, MAPPING, "The estimator's parameters, or those to report for a command.")
    scoring: tuple[str, ...] = setting((), LIST, "scikit-learn scorers for the estimator; by its task when empty.")
    target: str = setting(
        "", TEXT, "Label column, when data is one table to split; else train and test files are read."
    )
    test_size: float = setting(0.25, NUMBER, "Share of the table that is held out for the test, from 0 to 1.")
    seed: int = setting(0, INTEGER, "Seed of the split and of the estimator's random_state.")
    model: str = setting("model/random_forest.joblib", TEXT, "The model file that training writes.")
    format: str = setting(
        "",
        choice("", "joblib", "skops"),
        "Format of an estimator's model file: joblib, which is a pickle, or skops; by the file's ending when empty.",
    )
    metrics: tuple[str, ...] = setting(("model/metrics.txt",), LIST, "Metrics files: text, JSON, YAML or CSV.")
    plots: tuple[str, ...] = setting(
        ("model/confusion_matrix.png",),
        LIST,
        "Image files for the report. An estimator's are named for what they show, such as roc_curve.png; by its task"
        " when this is not set.",
    )
    data: tuple[str, ...] = setting(("data/",), LIST, "Files and folders that training reads; their hash is recorded.")
    pass_env: tuple[str, ...] = setting(
        (),
        LIST,
        "Variables with GitHub's tokens to hand on to setup, run, score and estimator, such as GITHUB_TOKEN; they get"
        " none that is not named here.",
    )


@dataclass(frozen=True, kw_only=True)
class PublishSpec:
    """Where the result goes, and how it is shown."""

    base: str = setting("", TEXT, "Branch that the pull request targets; the repository's default branch when empty.")
    branch: str = setting(
        "cmlkit/{base}/{run}", TEXT, "Experiment branch; knows {base}, {run}, {attempt}, {date} and {sha}."
    )
    fork: str = setting(
        "", TEXT, "Fork, as OWNER/NAME, that the branch goes to; the pull request is opened in this repository."
    )
    on_existing: str = setting(
        "supersede",
        choice("supersede", "update", "keep"),
        "Earlier cmlkit pull requests: close them, reuse the branch of one, or leave them open.",
    )
    store: str = setting(
        "git",
        STORE,
        "Where the model's bytes go: git, lfs, s3://bucket/prefix or dvc; the commit then holds what points to them.",
    )
    title: str = setting(
        "",
        TEXT,
        "Title of the pull request, made from model and verdict when empty;"
        " knows {model}, {base}, {branch}, {run}, {outcome} and {headline}.",
    )
    body: str = setting("", TEXT, "Text above cmlkit's own in the pull request; knows the fields that title knows.")
    comment: str = setting(
        "update", choice("update", "create", "none"), "Report comment: keep one up to date, add one each time, or none."
    )
    check: bool = setting(True, FLAG, "Whether to create a check run with the verdict.")
    labels: tuple[str, ...] = setting((), LIST, "Labels of the pull request.")
    reviewers: tuple[str, ...] = setting((), LIST, "Whom to ask for a review: logins, and teams as ORGANISATION/TEAM.")
    assignees: tuple[str, ...] = setting((), LIST, "Logins to assign the pull request to.")
    milestone: str = setting("", TEXT, "Title of the pull request's milestone.")
    skip_ci: bool = setting(False, FLAG, "Whether the commit asks workflows on pushes not to start, by [skip ci].")
    draft: bool = setting(False, FLAG, "Whether to open the pull request as a draft.")
    auto_merge: str = setting(
        "", choice("", "merge", "squash", "rebase"), "Merge by itself once the gate passed and the branch rules allow."
    )
    on_rejected: str = setting(
        "fail",
        choice("fail", "warn", "skip"),
        "When the gate rejects: publish a draft and exit 6, publish a draft and exit 0, or publish nothing and exit 6.",
    )
    files: tuple[str, ...] = setting((), LIST, "Further files to commit beside model, metrics, plots and report.")


@dataclass(frozen=True, kw_only=True)
class GateSpec:
    """The rules that a challenger must meet."""

    rules: tuple[str, ...] = setting(
        (), LIST, "Rules such as: accuracy >= 0.90, accuracy >= champion - 0.01. One a line."
    )


SECTIONS: Mapping[str, type[Any]] = {
    "runner": RunnerSpec,
    "train": TrainSpec,
    "publish": PublishSpec,
    "gate": GateSpec,
}
SCHEMA: Mapping[str, tuple[Setting, ...]] = {name: declared(name, spec) for name, spec in SECTIONS.items()}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting's value, and where each came from.

    Attributes:
        sources: Dotted name -> `default`, the file with its line, the variable, or the flag.
    """

    runner: RunnerSpec
    train: TrainSpec
    publish: PublishSpec
    gate: GateSpec
    sources: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class _Found:
    value: Any
    source: str


def load(
    *, environ: Mapping[str, str], flags: Mapping[str, Mapping[str, Any]] | None = None, file: Path | None = None
) -> Settings:
    """Settings by precedence: flag, environment, file, default.

    Args:
        environ: The environment; an empty variable counts as unset.
        flags: Section -> field name -> value, as the command line parsed it; None counts as unset.
        file: The settings file, which must exist; `cmlkit.yaml` here, if there is one, when None.

    Raises:
        SettingsError: The file is missing or malformed, a key is unknown, or a value is not what its setting takes.
    """
    from_file = _read_file(file)
    sections: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, spec in SECTIONS.items():
        found = {
            declaration.name: _find(declaration, (flags or {}).get(name, {}), environ, from_file)
            for declaration in SCHEMA[name]
        }
        sources |= {declaration.path: found[declaration.name].source for declaration in SCHEMA[name]}
        sections[name] = spec(**{field: item.value for field, item in found.items()})
    return Settings(**sections, sources=sources)


def _find(
    declaration: Setting, flags: Mapping[str, Any], environ: Mapping[str, str], from_file: Mapping[str, _Found]
) -> _Found:
    if (value := flags.get(declaration.name)) is not None:
        return _Found(value=value, source=declaration.flag)
    if text := environ.get(declaration.variable, "").strip():
        value = converted(declaration.kind.parse, text, where=declaration.variable, path=declaration.path)
        return _Found(value=value, source=declaration.variable)
    if declaration.path in from_file:
        raw = from_file[declaration.path]
        value = converted(declaration.kind.accept, raw.value, where=raw.source, path=declaration.path)
        return _Found(value=value, source=raw.source)
    return _Found(value=declaration.default, source="default")


def _read_file(file: Path | None) -> dict[str, _Found]:
    """Dotted name -> raw value with `FILE:LINE`, every key checked against the schema."""
    path = file or DEFAULT_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if file is None:
            return {}
        raise SettingsError(
            f"The settings file {path} does not exist.", next_step="Create it, or leave --config out."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error}.") from error
    from cmlkit.settings.file import parse_settings

    known = {section: [declaration.key for declaration in SCHEMA[section]] for section in SCHEMA}
    found = parse_settings(text, path=path, known=known)
    return {name: _Found(value=raw.value, source=raw.source) for name, raw in found.items()}


def rows(settings: Settings) -> list[tuple[str, Any, str]]:
    """Dotted name, value and source of every setting, in the order of the schema."""
    return [
        (declaration.path, getattr(getattr(settings, section), declaration.name), settings.sources[declaration.path])
        for section, declarations in SCHEMA.items()
        for declaration in declarations
    ]
