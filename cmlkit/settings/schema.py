"""The settings of the four sections, and `load`, which merges flags, environment, `cmlkit.yaml` and defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmlkit.bounds.files import SETTINGS_BYTES, read_text
from cmlkit.errors import SettingsError
from cmlkit.settings.fit import Unfit, check_runner, check_train
from cmlkit.settings.setting import (
    BUCKET,
    DIRECTIONS,
    DURATION_KIND,
    ESTIMATOR,
    FLAG,
    FOLDER,
    INTEGER,
    LIST,
    MAPPING,
    NUMBER,
    PROXY,
    SEARCH,
    STORE,
    TEXT,
    Between,
    Setting,
    a_share,
    a_while,
    all_cacheable,
    all_inside,
    choice,
    converted,
    declared,
    inside,
    setting,
    settle,
)

DEFAULT_FILE = Path("cmlkit.yaml")
# The most jobs that a matrix can have. https://docs.github.com/en/actions/reference/limits
MOST_RUNNERS = 256
# A just-in-time runner has at most 100 labels, of which a launch needs some itself; the runner knows the other limit.
# https://docs.github.com/en/rest/actions/self-hosted-runners
# https://github.com/actions/runner/blob/main/src/Runner.Listener/Configuration/Validators.cs
MOST_LABELS, LONGEST_LABEL = 90, 256
# NumPy's. https://numpy.org/doc/stable/reference/random/legacy.html
LARGEST_SEED = 2**32 - 1


def _are_runner_labels(labels: tuple[str, ...]) -> None:
    if len(labels) > MOST_LABELS:
        raise ValueError(f"at most {MOST_LABELS} labels")
    for label in labels:
        if not label.strip() or len(label) > LONGEST_LABEL or "," in label or not label.isprintable():
            raise ValueError(
                f"labels of 1 to {LONGEST_LABEL} characters, without commas and line breaks, and {label[:40]!r} is none"
            )


@dataclass(frozen=True, kw_only=True)
class RunnerSpec:
    """The instances to launch, and for how long. Durations are in seconds, sizes in GiB."""

    cloud: str = setting("aws", TEXT, "Cloud to launch on: aws.")
    instance_type: tuple[str, ...] = setting(
        ("t3.medium", "t3a.medium"),
        LIST,
        "Instance types to try, cheapest first; or set cpus, memory or gpus instead.",
        common=True,
    )
    cpus: int = setting(
        0, INTEGER, "Minimum number of vCPUs; the cheapest types that have them are chosen.", common=True
    )
    memory: float = setting(0.0, NUMBER, "Minimum memory in GiB.", common=True)
    gpus: int = setting(0, INTEGER, "Minimum number of NVIDIA GPUs.", common=True)
    arch: str = setting(
        "x86_64", choice("x86_64", "arm64"), "Architecture of the types chosen according to cpus, memory and gpus."
    )
    market: str = setting(
        "spot-then-on-demand",
        choice("spot", "on-demand", "spot-then-on-demand"),
        "Which capacity to buy: spot, on-demand, or spot first.",
        common=True,
    )
    max_price: float = setting(
        0.0,
        NUMBER,
        "Highest price of an instance in USD per hour; types that cost more, or whose price is unknown, are not tried."
        " No limit if 0.",
        common=True,
    )
    minute_price: float = setting(
        0.0,
        NUMBER,
        "USD that the forge charges for a minute of a job on an own runner, for the report; 0 if it charges none.",
    )
    region: tuple[str, ...] = setting((), LIST, "AWS regions to try, in order; AWS_REGION if empty.", common=True)
    subnet: tuple[str, ...] = setting((), LIST, "Subnet ids to try; those of the default VPC if empty.")
    security_group: tuple[str, ...] = setting(
        (), LIST, "Security group ids; if empty, a group without inbound rules is created."
    )
    image: str = setting(
        "",
        TEXT,
        "Machine image: ubuntu-24.04, ami-…, ssm:/parameter/path or OWNER:NAME; if empty, Ubuntu, or for GPUs AWS's"
        " Deep Learning base image. docs/reference/systems.md lists the systems.",
        common=True,
    )
    disk_size: int = setting(
        30,
        INTEGER,
        "Size of the root volume in GiB; never less than the image needs.",
        check=Between(1, 65_536),
        common=True,
    )
    disk_type: str = setting("gp3", TEXT, "Type of the root volume: gp3, gp2 or standard.")
    labels: tuple[str, ...] = setting(
        (), LIST, "Extra runner labels, besides the run's own unique one.", check=_are_runner_labels
    )
    count: int = setting(
        1, INTEGER, "Number of runners to launch at once, for the jobs of a matrix.", check=Between(1, MOST_RUNNERS)
    )
    partial: bool = setting(False, FLAG, "Whether to keep the runners that came online if others did not.")
    scope: str = setting(
        "repository",
        choice("repository", "organisation"),
        "Where to register runners: in the repository or in its organisation.",
    )
    runner_group: str = setting("", TEXT, "Name or id of the organisation's runner group; the default group if empty.")
    idle_timeout: float = setting(
        300.0, DURATION_KIND, "Terminate an instance that gets no job for this long.", check=a_while
    )
    max_lifetime: float = setting(
        7200.0, DURATION_KIND, "Terminate the instance after this long, even during a job.", check=a_while, common=True
    )
    keep_on_failure: float = setting(
        0.0,
        DURATION_KIND,
        "How long the instance stays up for a look after its training failed, within max-lifetime; not at all if 0s.",
    )
    wait_timeout: float = setting(
        600.0, DURATION_KIND, "Give up if the runner is not online after this long.", check=a_while
    )
    capacity_timeout: float = setting(
        0.0, DURATION_KIND, "If no option has capacity, try them again for this long, beside `wait-timeout`."
    )
    iam_instance_profile: str = setting(
        "", TEXT, "Name or ARN of the instance profile that gives training access to AWS.", common=True
    )
    startup_script: str = setting("", TEXT, "Shell lines that run as root before the runner starts.")
    docker: bool = setting(
        False,
        FLAG,
        "Whether jobs may use Docker, for containers and services; installed if the image lacks it. Amounts to root.",
    )
    sudo: bool = setting(False, FLAG, "Whether jobs may use sudo without a password on the instance.")
    proxy: str = setting(
        "", PROXY, "Proxy for everything that the instance fetches, and for its job; that of the image if empty."
    )
    no_proxy: tuple[str, ...] = setting(
        (), LIST, "Hosts that the instance reaches without the proxy, besides itself and its metadata service."
    )
    tags: Mapping[str, str] = setting(
        {}, MAPPING, "Extra tags on the instance, its volumes and what else a launch makes."
    )
    stop_schedule_role: str = setting(
        "",
        TEXT,
        "ARN of a role with which EventBridge Scheduler terminates the instance if all else fails; not used if empty.",
        common=True,
    )

    def __post_init__(self) -> None:
        settle(self, "runner")
        check_runner(self)


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """The training to run, and the files that it writes. Paths are relative to the working directory."""

    setup: str = setting(
        "", TEXT, "Shell command that prepares training, such as installing dependencies or fetching data.", common=True
    )
    run: str = setting("", TEXT, "Shell command that trains, such as: python train.py.", common=True)
    estimator: str = setting(
        "",
        ESTIMATOR,
        "Import path of a scikit-learn-compatible class to train instead of running a command, or the steps of a"
        " pipeline: see docs/how-to/train-an-estimator.md.",
        common=True,
    )
    score: str = setting(
        "",
        TEXT,
        "Shell command that scores the model at $CMLKIT_MODEL on the test data and writes to $CMLKIT_SCORES, to compare"
        " a champion and a challenger trained by run. An estimator needs none.",
    )
    params: Mapping[str, Any] = setting(
        {}, MAPPING, "Parameters of the estimator; for a command, the parameters to report.", common=True
    )
    search: Mapping[str, Any] = setting(
        {},
        SEARCH,
        "Parameters of the estimator to choose by cross-validation: {params: {max_depth: [3, 5]}, kind: grid, cv: 5}.",
    )
    scoring: tuple[str, ...] = setting((), LIST, "scikit-learn scorers for the estimator; chosen by its task if empty.")
    target: str = setting(
        "", TEXT, "Label column, if data is one table to split; otherwise train and test files are read.", common=True
    )
    test_size: float = setting(0.25, NUMBER, "Share of the table to hold out for the test, from 0 to 1.", check=a_share)
    split: str = setting(
        "",
        choice("", "random", "stratified"),
        "How to choose the rows to hold out: random, or stratified, with each class in its share; if empty, stratified"
        " for a classifier, but random in a table of numbers only.",
    )
    groups: str = setting(
        "", TEXT, "Column whose values stay together in the split, such as a customer; no feature unless in columns."
    )
    time_order: str = setting("", TEXT, "Column of dates or numbers, of which the latest rows are held out.")
    columns: Mapping[str, Any] = setting(
        {},
        MAPPING,
        "Types of columns whose values do not tell: number, boolean, category, date, date FORMAT, or ignore.",
    )
    decimal: str = setting(
        "", choice("", "point", "comma"), "How tables write decimal numbers; told from the values if empty."
    )
    accelerator: str = setting(
        "none",
        choice("none", "intelex", "cuml"),
        "Library that makes scikit-learn faster, for an estimator or an unchanged command: scikit-learn-intelex on the"
        " processor, or cuML on an NVIDIA GPU.",
    )
    seed: int = setting(
        0, INTEGER, "Seed of the split and of the estimator's random_state.", check=Between(0, LARGEST_SEED)
    )
    model: str = setting(
        "model/random_forest.joblib", TEXT, "The model file that training writes.", check=inside, common=True
    )
    format: str = setting(
        "",
        choice("", "joblib", "skops"),
        "Format of an estimator's model file: joblib, which is a pickle, or skops; chosen by the suffix if empty.",
    )
    metrics: tuple[str, ...] = setting(
        ("model/metrics.txt",),
        LIST,
        "Metrics files: text, JSON, YAML, TOML, CSV, markdown or logs.",
        check=all_inside,
        common=True,
    )
    plots: tuple[str, ...] = setting(
        ("model/confusion_matrix.png",),
        LIST,
        "Plot files for the report. For an estimator, each name says what to draw, such as roc_curve.png; chosen by its"
        " task if not set.",
        check=all_inside,
        common=True,
    )
    data: tuple[str, ...] = setting(
        ("data/",), LIST, "Files and folders that training reads; their hashes are recorded.", common=True
    )
    unchanged: str = setting(
        "",
        choice("", "fail", "skip"),
        "If training finds nothing to do and writes no model: fail, or skip the rest of the run with exit code 0. If"
        " empty, skip for a DVC pipeline, else fail.",
    )
    checkpoint: str = setting(
        "",
        FOLDER,
        "Folder that training fills with checkpoints: saved if training is interrupted or fails, and restored by the"
        " next attempt of the run.",
    )
    checkpoint_store: str = setting(
        "",
        BUCKET,
        "Bucket and prefix to save the checkpoint to, with the instance's own role; if empty, steps of the workflow"
        " carry it.",
    )
    checkpoint_every: float = setting(
        600.0, DURATION_KIND, "How often to save the checkpoint to the bucket while training runs; not at all if 0s."
    )
    cache: tuple[str, ...] = setting(
        (),
        LIST,
        "Files and folders to keep between runs in a bucket, such as ~/.cache/uv or data/: restored before the setup,"
        " saved after a training that succeeded.",
        check=all_cacheable,
    )
    cache_store: str = setting("", BUCKET, "Bucket and prefix to keep the cache in, with the instance's own role.")
    due: str = setting(
        "changed",
        choice("changed", "always"),
        "When cmlkit due says that a training is due: if something changed since the champion's, or always.",
    )
    max_age: float = setting(
        0.0, DURATION_KIND, "Age of the champion above which a training is due, such as 7d. No limit if 0s."
    )
    drift: float = setting(
        0.0,
        NUMBER,
        "Population stability index of a column from which on changed data makes a training due, such as 0.25; any"
        " change does if 0.",
    )
    pass_env: tuple[str, ...] = setting(
        (),
        LIST,
        "Variables with tokens of the forge or the CI to pass to setup, run, score and estimator; no other token is"
        " passed.",
    )

    def __post_init__(self) -> None:
        settle(self, "train")
        check_train(self)


@dataclass(frozen=True, kw_only=True)
class PublishSpec:
    """Destination and presentation of the result."""

    base: str = setting(
        "",
        TEXT,
        "Branch that the pull request targets; if empty, that of the run's event: see docs/reference/events.md.",
        common=True,
    )
    branch: str = setting(
        "cmlkit/{base}/{run}",
        TEXT,
        "Name of the experiment branch; may contain {base}, {run}, {attempt}, {date} and {sha}.",
    )
    fork: str = setting(
        "", TEXT, "Fork, as OWNER/NAME, to push the branch to; the pull request is opened in this repository."
    )
    on_existing: str = setting(
        "supersede",
        choice("supersede", "update", "keep"),
        "Earlier cmlkit pull requests: close them, reuse the branch of one, or leave them open.",
        common=True,
    )
    store: str = setting(
        "git",
        STORE,
        "Where to store the model: git, lfs, s3://bucket/prefix or dvc; except in git, the commit has only a pointer.",
        common=True,
    )
    title: str = setting(
        "",
        TEXT,
        "Title of the pull request; made from model and verdict if empty;"
        " may contain {model}, {base}, {branch}, {run}, {outcome} and {headline}.",
    )
    body: str = setting("", TEXT, "Text above cmlkit's own in the pull request; may contain the same fields as title.")
    comment: str = setting(
        "update",
        choice("update", "create", "none"),
        "Report comment: keep one up to date, add one each time, or write none.",
    )
    check: bool = setting(True, FLAG, "Whether to create a check run with the verdict.")
    labels: tuple[str, ...] = setting((), LIST, "Labels of the pull request.", common=True)
    reviewers: tuple[str, ...] = setting(
        (), LIST, "Reviewers to request: logins, and teams as ORGANISATION/TEAM.", common=True
    )
    assignees: tuple[str, ...] = setting((), LIST, "Logins to assign the pull request to.")
    milestone: str = setting("", TEXT, "Title of the pull request's milestone.")
    skip_ci: bool = setting(
        False, FLAG, "Whether the commit message has [skip ci], so that it starts no workflows on push."
    )
    allow_chains: bool = setting(
        False,
        FLAG,
        "Whether runner launch, publish and pr create also run for a push to, or a pull request of, cmlkit's own"
        " branches.",
    )
    draft: bool = setting(False, FLAG, "Whether to open the pull request as a draft.", common=True)
    auto_merge: str = setting(
        "",
        choice("", "merge", "squash", "rebase"),
        "Merge by itself once the gate has passed and the branch rules allow it.",
        common=True,
    )
    notify: str = setting(
        "",
        choice("", "issue"),
        "Whether runner stop and workflow notify tell of a failed scheduled run: issue opens or updates one in the"
        " repository, which the next run that succeeds closes. Their job needs issues: write.",
    )
    on_rejected: str = setting(
        "fail",
        choice("fail", "warn", "skip"),
        "If the gate rejects: publish a draft and exit 6, publish a draft and exit 0, or publish nothing and exit 6.",
        common=True,
    )
    files: tuple[str, ...] = setting(
        (),
        LIST,
        "Further files to commit, as far as they changed, besides model, metrics, plots and report: paths or patterns.",
    )

    def __post_init__(self) -> None:
        settle(self, "publish")


@dataclass(frozen=True, kw_only=True)
class GateSpec:
    """The rules that a challenger must meet, and how it is compared with the champion."""

    rules: tuple[str, ...] = setting(
        (), LIST, "Rules such as: accuracy >= 0.90, accuracy >= champion - 0.01. One per line.", common=True
    )
    directions: Mapping[str, str] = setting(
        {},
        DIRECTIONS,
        "Metrics whose better direction their names do not tell, such as: churn_cost=lower, lift=higher.",
    )
    primary_metric: str = setting(
        "",
        TEXT,
        "Metric that decides between better and worse; if empty, the first rule's, else the validation or test metrics,"
        " if they agree.",
        common=True,
    )

    def __post_init__(self) -> None:
        settle(self, "gate")

    @classmethod
    def of_rules(cls, rules: Sequence[str], **others: Any) -> GateSpec:
        """Return the gate with rules from Python: one text is one rule, and not a rule for each letter."""
        return cls(rules=(rules,) if isinstance(rules, str) else tuple(rules), **others)


SECTIONS: Mapping[str, type[Any]] = {
    "runner": RunnerSpec,
    "train": TrainSpec,
    "publish": PublishSpec,
    "gate": GateSpec,
}
SCHEMA: Mapping[str, tuple[Setting, ...]] = {name: declared(name, spec) for name, spec in SECTIONS.items()}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The value of every setting, and its source.

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
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, Mapping[str, Any]] | None = None,
    file: Path | None = None,
    folder: Path = Path(),
) -> Settings:
    """Load the settings by precedence: flag, environment, file, default.

    Args:
        environ: The environment; an empty variable counts as unset.
        flags: Section -> field name -> value, as parsed from the command line; None counts as unset.
        file: The settings file, which must exist; if None, `cmlkit.yaml` in `folder`, if present.
        folder: The working directory.

    Raises:
        SettingsError: The file is missing or malformed, a key is unknown, or a value is invalid for its setting, the
            cloud or another setting.
    """
    from_file = _read_file(file, folder)
    sections: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, spec in SECTIONS.items():
        found = {
            declaration.name: _find(declaration, (flags or {}).get(name, {}), environ, from_file)
            for declaration in SCHEMA[name]
        }
        sources |= {declaration.path: found[declaration.name].source for declaration in SCHEMA[name]}
        try:
            sections[name] = spec(**{field: item.value for field, item in found.items()})
        except Unfit as unfit:
            raise SettingsError(unfit.misfit.told(sources), next_step=unfit.next_step) from None
    return Settings(**sections, sources=sources)


def _find(
    declaration: Setting, flags: Mapping[str, Any], environ: Mapping[str, str], from_file: Mapping[str, _Found]
) -> _Found:
    if (value := flags.get(declaration.name)) is not None:
        return _Found(value=value, source=declaration.flag)
    if text := environ.get(declaration.variable, "").strip():
        value = converted(declaration.parse, text, where=declaration.variable, path=declaration.path)
        return _Found(value=value, source=declaration.variable)
    if declaration.path in from_file:
        raw = from_file[declaration.path]
        value = converted(declaration.accept, raw.value, where=raw.source, path=declaration.path)
        return _Found(value=value, source=raw.source)
    return _Found(value=declaration.default, source="default")


def _read_file(file: Path | None, folder: Path) -> dict[str, _Found]:
    """Map each dotted name to its raw value and `FILE:LINE`, with every key checked against the schema."""
    path = file or folder / DEFAULT_FILE
    try:
        text = read_text(path, SETTINGS_BYTES)
    except FileNotFoundError:
        if file is None:
            return {}
        raise SettingsError(
            f"The settings file {path} does not exist.", next_step="Create it, or leave --config out."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"The settings file {path} cannot be read: {why}.") from error
    from cmlkit.settings.file import parse_settings

    known = {section: [each.name.replace("_", "-") for each in SCHEMA[section]] for section in SCHEMA}
    found = parse_settings(text, path=path, known=known)
    return {name: _Found(value=raw.value, source=raw.source) for name, raw in found.items()}


def rows(settings: Settings) -> list[tuple[Setting, Any, str]]:
    """Return every setting with its value and its source, in the order of the schema."""
    return [
        (declaration, getattr(getattr(settings, section), declaration.name), settings.sources[declaration.path])
        for section, declarations in SCHEMA.items()
        for declaration in declarations
    ]
