"""Versions of a model: on the base branch, on experiment branches, and in production.

All are read from git: a version is a commit that changed the model's manifest, a promotion is an annotated tag
`model/NAME/production/NUMBER`. So none can get lost or disagree with the repository.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cmlkit.errors import ModelError, SettingsError
from cmlkit.git import history
from cmlkit.git.history import Tag
from cmlkit.model.manifest import ModelManifest, manifest_path
from cmlkit.settings.schema import PublishSpec

CHAMPION, CANDIDATE = "champion", "candidate"
_RUN = re.compile(r"https?://[^\s<>()\"]+/actions/runs/\d+")
_TRAILER = re.compile(r"^Cmlkit-([A-Za-z0-9-]+): (.*)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """One promotion, read from its tag, which never moves.

    Attributes:
        number: 1 for the first; the highest is in production.
        commit: The commit that it names, which has the model.
        date: ISO 8601.
        sha256: Hash of the model file.
        path: Repository path of the model file.
    """

    number: int
    tag: str
    commit: str
    date: str
    sha256: str = ""
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One version of a model.

    Attributes:
        commit: The commit that brought it to the branch.
        date: The commit's date, ISO 8601.
        run: Address of the workflow run that trained it; empty if no commit says it.
        branch: The branch that has it: the base branch, or an experiment branch.
        stages: `production 3`, `formerly production 1`, `champion` for the base branch's latest, `candidate` for a
            model on an experiment branch; empty for earlier models of the base branch.
    """

    commit: str
    date: str
    manifest: ModelManifest
    run: str = ""
    branch: str = ""
    stages: tuple[str, ...] = ()

    @property
    def stage(self) -> str:
        return ", ".join(self.stages)


@dataclass(frozen=True, kw_only=True)
class Versions:
    """All versions of one model.

    Attributes:
        model: Repository path of the model file.
        name: The model's name in the tags.
        base: The branch whose latest version is the champion.
        versions: Candidates, then the base branch's, each newest first.
        promotions: Oldest first.
    """

    model: str
    name: str
    base: str
    versions: tuple[ModelVersion, ...]
    promotions: tuple[Promoted, ...] = ()

    @property
    def production(self) -> Promoted | None:
        """The promotion in force."""
        return self.promotions[-1] if self.promotions else None


def model_name(path: str) -> str:
    """Return the model's name in its tags: the file's name without its suffix and characters that git refuses."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", PurePosixPath(path).stem).strip("-")
    if not name:
        raise SettingsError(f"No name can be made from {path}.", next_step="Give one: --name forest")
    return name


def tag_prefix(name: str) -> str:
    """Return the common prefix of the model's promotion tags, before the number."""
    return f"model/{name}/production"


def branch_pattern(template: str, base: str) -> str:
    """Return the pattern of a base branch's experiment branches for a template such as `cmlkit/{base}/{run}`."""
    return re.sub(r"\{\w+\}", "*", template.replace("{base}", base))


def list_versions(
    directory: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str],
    base: str = "",
    template: str = PublishSpec().branch,
    name: str = "",
) -> Versions:
    """Return every version of the model that the clone has; no network is used.

    Args:
        model: Repository path of the model file.
        base: Branch of the champion; the remote's default branch if empty.
        template: Template of the experiment branches' names, as in the setting publish.branch.
        name: The model's name in its tags; made from the file's if empty.

    Raises:
        SettingsError: `directory` is in no git repository, or has no such branch.
        GitError: git is not installed, refuses or fails.
        ModelError: No commit of the branch has a manifest of the model.
    """
    directory, model = Path(directory), os.fspath(model)
    name, base = name or model_name(model), base or history.default_branch(directory)
    ref = history.branch_ref(directory, base) or history.resolve(directory, base)
    if not ref:
        raise SettingsError(
            f"The clone has no branch {base!r}.", next_step=f"git fetch origin {base}, or name another."
        )
    held = _on_base(directory, model, base, ref)
    heads = history.branches(directory, branch_pattern(template, base))
    known = {item.manifest.sha256 for item in held}
    there = (*_candidates(directory, model, {name: head for name, head in heads.items() if name != base}, known), *held)
    if not there:
        raise ModelError(f"No commit of {base} has a manifest of {model}.", next_step=_known_models(directory, ref))
    promotions, elsewhere = _promoted(directory, model, name, there)
    versions = staged((*elsewhere, *there), promotions, base=base)
    return Versions(model=model, name=name, base=base, versions=versions, promotions=promotions)


def fetch_versions(directory: Path, *, base: str, template: str, name: str) -> None:
    """Fetch the refs that `list_versions` reads, with the checkout's own credentials; prune deleted branches.

    Raises:
        ServiceError: The remote does not give them.
    """
    pattern = branch_pattern(template, base)
    # A refspec may have only one star.
    folder = pattern.partition("*")[0] + "*"
    history.fetch(directory, f"+refs/heads/{base}:refs/remotes/origin/{base}")
    history.fetch(directory, f"+refs/heads/{folder}:refs/remotes/origin/{folder}", prune=True)
    history.fetch(directory, f"refs/tags/{tag_prefix(name)}/*:refs/tags/{tag_prefix(name)}/*")


def promoted(tags: Iterable[Tag]) -> tuple[Promoted, ...]:
    """Return the promotions among the tags, ordered by number; tags with other names are left out."""
    found = []
    for tag in tags:
        number = tag.name.rpartition("/")[2]
        if number.isdecimal():
            facts = trailers(tag.message)
            found.append(
                Promoted(
                    number=int(number),
                    tag=tag.name,
                    commit=tag.commit,
                    date=tag.date,
                    sha256=facts.get("Sha256", ""),
                    path=facts.get("Model", ""),
                )
            )
    return tuple(sorted(found, key=lambda item: item.number))


def trailers(message: str) -> Mapping[str, str]:
    """Return the machine-readable lines of a promotion's message, such as `Cmlkit-Sha256: …`, keyed by name."""
    return dict(_TRAILER.findall(message))


def staged(versions: Sequence[ModelVersion], promotions: Sequence[Promoted], *, base: str) -> tuple[ModelVersion, ...]:
    """Return the versions with their stages; a promotion is matched by commit, else by the model's hash."""
    stages: list[list[str]] = [[] for _ in versions]
    for promotion in reversed(promotions):
        if (index := _version_of(promotion, versions)) is not None:
            former = "" if promotion is promotions[-1] else "formerly "
            stages[index].append(f"{former}production {promotion.number}")
    champion = next((index for index, version in enumerate(versions) if version.branch == base), None)
    for index, version in enumerate(versions):
        if index == champion:
            stages[index].append(CHAMPION)
        elif version.branch not in ("", base):
            stages[index].append(CANDIDATE)
    return tuple(replace(version, stages=tuple(own)) for version, own in zip(versions, stages, strict=True))


def _version_of(promotion: Promoted, versions: Sequence[ModelVersion]) -> int | None:
    for index, version in enumerate(versions):
        if version.commit == promotion.commit:
            return index
    for index, version in enumerate(versions):
        if version.manifest.sha256 == promotion.sha256:
            return index
    return None


def _on_base(directory: Path, model: str, base: str, ref: str) -> tuple[ModelVersion, ...]:
    manifest = manifest_path(model)
    mainline = history.commits_of(directory, manifest, ref=ref, mainline=True)
    # A merge's own message need not name the run; the merged commit's message does.
    every = history.commits_of(directory, manifest, ref=ref, mainline=False) if mainline else []
    files = history.files_at(directory, manifest, [commit.sha for commit in (*mainline, *every)])
    runs: dict[str, str] = {}
    for commit in every:
        if commit.sha in files and (run := run_in(commit.message)):
            runs.setdefault(files[commit.sha].blob, run)
    found = []
    for commit in mainline:
        file = files.get(commit.sha)
        described = _manifest(file.content) if file else None
        if file and described:
            run = runs.get(file.blob) or run_in(commit.message)
            found.append(ModelVersion(commit=commit.sha, date=commit.date, manifest=described, run=run, branch=base))
    return tuple(found)


def _candidates(
    directory: Path, model: str, heads: Mapping[str, str], known: Collection[str]
) -> tuple[ModelVersion, ...]:
    """Return the models at the heads of experiment branches that are not among the known hashes, newest first."""
    found = []
    files = history.files_at(directory, manifest_path(model), heads.values())
    for branch, head in heads.items():
        described = _manifest(files[head].content) if head in files else None
        if described is None or described.sha256 in known:
            continue
        commit = history.commits_of(directory, manifest_path(model), ref=head, mainline=True)[0]
        run = run_in(commit.message)
        found.append(ModelVersion(commit=commit.sha, date=commit.date, manifest=described, run=run, branch=branch))
    return tuple(sorted(found, key=lambda version: version.date, reverse=True))


def _promoted(
    directory: Path, model: str, name: str, there: Sequence[ModelVersion]
) -> tuple[tuple[Promoted, ...], tuple[ModelVersion, ...]]:
    """Return the promotions, with hashes read from their commits, and their models that no branch has any more."""
    promotions, elsewhere = [], {}
    for item in promoted(history.tags(directory, tag_prefix(name))):
        files = history.files_at(directory, manifest_path(item.path or model), [item.commit])
        manifest = _manifest(files[item.commit].content) if files else None
        if manifest:
            item = replace(item, sha256=manifest.sha256)
            if _version_of(item, there) is None:
                elsewhere[item.sha256] = ModelVersion(commit=item.commit, date=item.date, manifest=manifest)
        promotions.append(item)
    return tuple(promotions), tuple(elsewhere.values())


def _manifest(content: bytes) -> ModelManifest | None:
    try:
        return ModelManifest.from_json(content, source="a manifest in the history")
    except ModelError:
        return None  # a commit that broke the manifest is not a version


def run_in(message: str) -> str:
    """Return the address of the workflow run in a commit's message; empty if missing."""
    match = _RUN.search(message)
    return match[0] if match else ""


def _known_models(directory: Path, ref: str) -> str:
    paths = set(history.paths(directory, ref))
    models = sorted(path for path in paths if manifest_path(path) in paths)
    if not models:
        return "Merge a pull request of cmlkit publish first."
    return f"Models there: {', '.join(models[:10])}. Name one: cmlkit model list {models[0]}"
