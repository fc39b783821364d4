"""The scaffold: the first `cmlkit.yaml` and workflow of a project, guessed from its files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cmlkit import pipeline
from cmlkit.errors import SettingsError
from cmlkit.git.remote import Remote
from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import DURATION_KIND, Setting
from cmlkit.sinks.yaml_text import inline

MODEL_SUFFIXES = (".joblib", ".skops", ".pkl", ".pickle")
METRICS_SUFFIXES = (".txt", ".json", ".yaml", ".yml", ".csv")
PLOT_SUFFIXES = (".png", ".svg", ".jpg", ".jpeg")
DATA_FOLDERS = ("data", "dataset", "datasets")
TRAINING_SCRIPTS = ("train.py", "training.py", "train_model.py", "fit.py")
DATA_SCRIPTS = ("get_data.py", "download_data.py", "fetch_data.py", "make_data.py", "prepare_data.py")
SCORE_SCRIPTS = ("score.py", "scoring.py", "evaluate.py")
# Besides those above, for a file that a pipeline declares as an output.
OUTPUT_SUFFIXES = (
    *MODEL_SUFFIXES,
    *(".onnx", ".pt", ".pth", ".ckpt", ".keras", ".h5", ".safetensors", ".cbm", ".ubj", ".bst", ".model", ".tflite"),
)
CODE_SUFFIXES = (".py", ".ipynb", ".sh", ".r", ".R", ".jl", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".sql")
DVC_SETTINGS = ".dvc/config"
DVC_EXTRAS = {"s3": "s3", "gs": "gs", "azure": "azure", "ssh": "ssh", "gdrive": "gdrive", "oss": "oss", "hdfs": "hdfs"}
"""Scheme of a remote's address -> the extra of DVC that reaches it: https://doc.dvc.org/install/linux"""
SUGGESTED_GATE = """\
# gate:
#   - accuracy >= 0.90
#   - accuracy >= champion - 0.01    # champion: the value on the base branch
"""
ACTION = "cmlkit/cmlkit@v1"
"""This project, as the templates and the documentation name it: they work as they are copied."""
WORKFLOWS = Path(".github/workflows")
TEMPLATES = {"oidc": "train-on-ec2.yml", "keys": "train-on-ec2-with-keys.yml"}
"""How the workflow gets into the cloud -> the template that does it so."""
HOSTED_TEMPLATE = "train-here.yml"
"""The template that needs no cloud."""
INSTANCE, HOSTED = PLACES = ("ec2", "hosted")
PLACES_HELP = "Where to train: on an EC2 instance for this one job, or on a machine of GitHub's, without a cloud."
AUTH_HELP = "How the workflow gets into AWS."
OIDC_GUIDE = "https://github.com/cmlkit/cmlkit/blob/main/docs/how-to/oidc.md"

_STRING = re.compile(r"""["']([\w./-]+\.\w+)["']""")
_FOLDER = re.compile(r"""Path\(["']([\w/-]+)["']\)""")


@dataclass(frozen=True, kw_only=True)
class Guess:
    """How a project trains, guessed from its files.

    Attributes:
        train: Key of `train` -> value that was found.
        missing: Keys for which nothing was found.
    """

    train: Mapping[str, Any]
    missing: tuple[str, ...]


def guess(files: Iterable[str], read: Callable[[str], str]) -> Guess:
    """Guess from a project's files how it trains.

    Args:
        files: Paths relative to the project's root, with slashes.
        read: Path -> text of the file.
    """
    listed = sorted(files, key=lambda path: (path.count("/"), path))
    script = _first(listed, lambda path: PurePosixPath(path).name in TRAINING_SCRIPTS)
    written = [*listed, *(_written_by(read(script)) if script else ())]
    train: dict[str, Any] = {
        "setup": _setup(listed),
        "run": _run(script, listed),
        "score": _run(_first(listed, lambda path: _is_score_script(path, read)), listed),
        "model": _first(written, lambda path: path.endswith(MODEL_SUFFIXES)),
        "metrics": _at_most_one(written, _is_metrics),
        "plots": [path for path in dict.fromkeys(written) if path.endswith(PLOT_SUFFIXES) and _is_result(path)],
        "data": [f"{folder}/" for folder in DATA_FOLDERS if _has_folder(written, folder)],
    }
    train |= _of_pipeline(listed, read)
    found = {key: value for key, value in train.items() if value}
    # Without the empty list, the setting's default would apply, and those files are missing.
    found |= {key: [] for key in ("plots", "data") if key not in found}
    missing = tuple(key for key in ("run", "model", "metrics") if key not in found)
    return Guess(train=found, missing=missing)


def settings_file(sections: Mapping[str, Mapping[str, Any]], *, gate: Mapping[str, Any] | None = None) -> str:
    """Return the text of a `cmlkit.yaml` with these settings of runner, train and gate."""
    parts = ["# How cmlkit retrains this project. `cmlkit config show` prints every setting.\n"]
    for section in ("runner", "train"):
        values = sections.get(section, {})
        lines = [
            f"  {item.key}: {_written(item, values[item.key])}\n" for item in SCHEMA[section] if item.key in values
        ]
        if lines:
            parts.append(f"{section}:\n{''.join(lines)}")
    return "\n".join([*parts, _gate(gate) if gate else SUGGESTED_GATE])


def _gate(values: Mapping[str, Any]) -> str:
    """Return the gate as a list of rules if there is nothing else, else as a mapping."""
    if set(values) == {"gate"}:
        return "gate:\n" + "".join(f"  - {inline(rule)}\n" for rule in values["gate"])
    lines = [
        f"  {'rules' if item.name == 'rules' else item.key}: {_written(item, values[item.key])}\n"
        for item in SCHEMA["gate"]
        if item.key in values
    ]
    return f"gate:\n{''.join(lines)}"


def workflow_file(template: str, *, action: str = ACTION, region: str = "", schedule: str = "") -> str:
    """Fill in the action, region and schedule of a template; those that are empty stay as they are."""
    text = template.replace(ACTION, inline(action))
    if region:
        text = re.sub(r"(?m)^(  AWS_REGION:) .*$", lambda found: f"{found[1]} {inline(region)}", text)
    if schedule:
        cron = inline(schedule, quote='"')
        text = re.sub(r'(?m)^(    - cron:) "[^"]*".*$', lambda found: f"{found[1]} {cron}", text)
    return text


def region(environ: Mapping[str, str]) -> str:
    """Return the region that the environment names; empty if it names none."""
    return environ.get("AWS_REGION", "")


def steps(files: str, *, environ: Mapping[str, str], origin: Remote | None) -> list[str]:
    """Return what a person has to do once the files are written, with the pages of GitHub where it is done.

    Args:
        files: The text of the files.
        origin: The repository on its server; None if unknown.
    """
    server = environ.get("GITHUB_SERVER_URL") or (origin.server if origin else "https://github.com")
    page = f"{server}/{origin.repository if origin else 'OWNER/REPOSITORY'}/settings"
    found = _credential_steps(files, server=server, page=page)
    if "command: publish" in files:
        found.append(f"Allow GitHub Actions to create pull requests: {page}/actions")
    check = "; then see whether all is well: cmlkit doctor" if "secrets." in files else ""
    return [*found, f"Commit the files and push them{check}"]


def without_section(settings: str, section: str) -> str:
    """Return the text of a `cmlkit.yaml` without a section that is written as a block."""
    return re.sub(rf"(?m)^{section}:\n(?:[ #].*\n)*\n*", "", settings)


def _credential_steps(workflow: str, *, server: str, page: str) -> list[str]:
    """Return what a person has to do so that a workflow may register runners and gets into the cloud."""
    steps = []
    if "secrets.CMLKIT_RUNNER_TOKEN" in workflow:
        tokens = f"{server}/settings/personal-access-tokens/new"
        steps.append(f"Make a fine-grained token with Administration: write: {tokens}")
        steps.append(f"Store it as the secret CMLKIT_RUNNER_TOKEN: {page}/secrets/actions")
    if "secrets.AWS_ACCESS_KEY_ID" in workflow:
        steps.append(f"Store the secrets AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: {page}/secrets/actions")
    if "vars.AWS_ROLE_ARN" in workflow:
        steps.append(f"Make a role in AWS that the workflow may assume: {OIDC_GUIDE}")
        steps.append(f"Store its ARN as the variable AWS_ROLE_ARN: {page}/variables/actions")
    return steps


def _of_pipeline(files: Sequence[str], read: Callable[[str], str]) -> dict[str, Any]:
    """Return what a pipeline of DVC says about the training, if the project has one; empty without one."""
    file = _first(files, lambda path: PurePosixPath(path).name == pipeline.PIPELINE_FILE)
    if not file:
        return {}

    def content(path: str) -> bytes | None:
        return read(path).encode() if path in files else None

    folder = str(PurePosixPath(file).parent).removeprefix(".")
    written = pipeline.outputs(content, folder)
    metrics, plots = (
        [*(item.path for item in written if item.kind == kind), *pipeline.shown(content, kind, folder)]
        for kind in ("metrics", "plots")
    )
    inputs = (*pipeline.dependencies(content, folder), *pipeline.addresses(content, folder))
    found = {
        "setup": " && ".join(filter(None, [_setup(files), *_dvc_setup(files, read)])),
        "run": f"{_runner(files)}dvc repro" + (f" {file}" if folder else ""),
        "model": _model_output([item for item in written if item.kind == "outs"]),
        "metrics": list(dict.fromkeys(path for path in metrics if path.endswith(METRICS_SUFFIXES))),
        "plots": list(dict.fromkeys(path for path in plots if path.endswith(PLOT_SUFFIXES))),
        "data": [path for path in inputs if not path.endswith(CODE_SUFFIXES)],
    }
    return {key: value for key, value in found.items() if value}


def _model_output(outputs: Sequence[pipeline.Output]) -> str:
    """Return the output that is a model by its suffix, else by the name of its stage, else by its own; else empty."""
    signs: tuple[Callable[[pipeline.Output], bool], ...] = (
        lambda item: item.path.endswith(OUTPUT_SUFFIXES),
        lambda item: bool(re.match(r"(?:re)?train|fit", item.stage)),
        lambda item: "model" in PurePosixPath(item.path).name,
    )
    return next((item.path for is_model in signs for item in outputs if is_model(item)), "")


def _dvc_setup(files: Sequence[str], read: Callable[[str], str]) -> Iterator[str]:
    """Yield the commands that install DVC, if the project's own list does not have it, and that pull what it keeps."""
    settings = read(DVC_SETTINGS) if DVC_SETTINGS in files else ""
    remote = re.search(r"(?m)^\s*url\s*=\s*(\w+)://", settings)
    extra = DVC_EXTRAS.get(remote[1], "") if remote else ""
    own = _first(files, lambda path: path in ("uv.lock", "requirements.txt", "pyproject.toml"))
    if not (own and re.search(r"\bdvc\b", read(own))):
        install = "uv pip install" if "uv.lock" in files else "pip install"
        yield f"{install} 'dvc[{extra}]'" if extra else f"{install} dvc"
    if "url" in settings:
        # The first run has no outputs to pull yet.
        yield f"{_runner(files)}dvc pull --allow-missing"


def _setup(files: Sequence[str]) -> str:
    if "uv.lock" in files:
        install = "pip install uv && uv sync --frozen"
    elif "requirements.txt" in files:
        install = "pip install -r requirements.txt"
    else:
        install = "pip install ." if "pyproject.toml" in files else ""
    script = _first(files, lambda path: PurePosixPath(path).name in DATA_SCRIPTS)
    return " && ".join(filter(None, [install, f"{_python(files)} {script}" if script else ""]))


def _run(script: str, files: Sequence[str]) -> str:
    return f"{_python(files)} {script}" if script else ""


def _python(files: Sequence[str]) -> str:
    return f"{_runner(files)}python"


def _runner(files: Sequence[str]) -> str:
    return "uv run " if "uv.lock" in files else ""


def _written_by(script: str) -> list[str]:
    """Return the files that a script names; bare names are put below its folder, if it names only one."""
    folders = list(dict.fromkeys(_FOLDER.findall(script)))
    folder = f"{folders[0]}/" if len(folders) == 1 else ""
    return [name if "/" in name else f"{folder}{name}" for name in _STRING.findall(script)]


def _is_metrics(path: str) -> bool:
    name = PurePosixPath(path)
    return name.suffix in METRICS_SUFFIXES and ("metrics" in name.stem or name.stem in ("scores", "results"))


def _is_score_script(path: str, read: Callable[[str], str]) -> bool:
    """Return whether a script is made for `train.score`: it reads `CMLKIT_SCORES`."""
    return PurePosixPath(path).name in SCORE_SCRIPTS and "CMLKIT_SCORES" in read(path)


def _is_result(path: str) -> bool:
    """Return whether an image is likely made by training instead of part of the project's documentation."""
    return PurePosixPath(path).parts[0] not in ("docs", "doc", "images", "assets", *DATA_FOLDERS)


def _has_folder(files: Sequence[str], folder: str) -> bool:
    return any(path.startswith(f"{folder}/") for path in files)


def _first(files: Sequence[str], wanted: Callable[[str], bool]) -> str:
    return next(filter(wanted, files), "")


def _at_most_one(files: Sequence[str], wanted: Callable[[str], bool]) -> list[str]:
    return [found] if (found := _first(files, wanted)) else []


def _written(declaration: Setting, value: Any) -> str:
    """Format a value as it is written after its key, on one line."""
    if declaration.kind is DURATION_KIND and isinstance(value, float):
        return f"{value:g}s"
    return inline(list(value) if isinstance(value, tuple) else value)


# A wheel has these folders below `resources`; a checkout has them at its root.
_RESOURCES = Path(__file__).parent / "resources"
_CHECKOUT = Path(__file__).parents[1]


def example() -> Path:
    """Return the folder of the example project."""
    return _folder("examples") / "random-forest"


def workflow_names() -> list[str]:
    """Return the file names of the workflow templates."""
    return sorted(path.name for path in _folder("workflows").glob("*.yml"))


def workflow(name: str) -> str:
    """Return the text of a workflow template.

    Raises:
        SettingsError: There is no template of that name.
    """
    if name not in workflow_names():
        raise SettingsError(
            f"There is no workflow template {name!r}.", next_step=f"Choose one of {', '.join(workflow_names())}."
        )
    return (_folder("workflows") / name).read_text(encoding="utf-8")


def _folder(name: str) -> Path:
    bundled = _RESOURCES / name
    return bundled if bundled.is_dir() else _CHECKOUT / name
