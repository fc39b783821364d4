"""Promotion: an annotated tag says which version of a model is in production. A rollback is one more tag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from cmlkit import pipeline
from cmlkit.errors import Conflict, GateRejected, ModelError, ServiceError, SettingsError
from cmlkit.forges.base import AnnotatedTag, PromotionForge, PullRequest
from cmlkit.formats import number as shown
from cmlkit.formats import short_hash
from cmlkit.model.manifest import ModelManifest, ModelPart, manifest_path, tree_hash
from cmlkit.records.json_text import json_text
from cmlkit.registry.versions import (
    model_name,
    run_in,
    tag_prefix,
    trailers,
)
from cmlkit.sinks.plain_text import plain
from cmlkit.sinks.unseen import one_line

MERGE_METHODS = ("merge", "squash", "rebase")
TRIES = 20  # each lost race means that somebody else's promotion went through
# The pointers that git-lfs and cmlkit's own stores leave in place of a file contain its hash, and are short.
# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
POINTER_LIMIT_BYTES = 4096
_LONGEST_NUMBER = 6  # digits; commit ids have seven or more


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The version in production, and the tag that says so.

    Attributes:
        created: False if it was in production already, and in a dry run.
        production: Number of the promotion.
        commit: The commit that has the model.
        sha256: Hash of the model file.
        run: Address of the workflow run that trained it; empty if no commit says it.
        previous: Number of the promotion that was in force before; None for the first.
        merged: Number of the pull request that brought it; None if none was named.
    """

    tag: str
    production: int
    created: bool
    commit: str
    model: str
    sha256: str
    metrics: Mapping[str, float]
    message: str
    run: str = ""
    previous: int | None = None
    merged: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Model:
    """A model in a commit; its file matches its manifest."""

    path: str
    commit: str
    manifest: ModelManifest
    blobs: Mapping[str, str]


def promote(
    *,
    forge: PromotionForge,
    model: str,
    name: str = "",
    base: str = "",
    to: str = "",
    pull_request: int | None = None,
    method: str = "merge",
    by: str = "",
    dry_run: bool = False,
    force: bool = False,
) -> Promotion:
    """Put a model into production, by default the base branch's. Do nothing if it is in production already.

    Args:
        model: Repository path of the model file.
        name: The model's name in the tag; made from the file's if empty.
        base: The branch; the repository's default branch if empty.
        to: A commit, branch or tag, or the number of an earlier promotion: to roll back, or promote an experiment.
        pull_request: Merge this one first, and promote the model that it brought. It may be merged already.
        method: `merge`, `squash` or `rebase`.
        by: Address of the workflow run that promotes, for the tag's message.
        dry_run: Check everything, and write nothing.
        force: Promote a model that the gate rejected, too.

    Raises:
        GateRejected: The gate rejected the model when it was published, according to its manifest.
        ModelError: The commit has no such model, or its file is not what the manifest describes.
        SettingsError: The arguments contradict each other, or the name belongs to another model.
        NotFound: The commit, promotion or pull request is missing.
        Conflict: The pull request cannot be merged.
        PermissionDenied: The token may not merge, or may not create tags.
    """
    if to and pull_request is not None:
        raise SettingsError("A pull request and another version cannot be promoted at once.", next_step="Choose one.")
    if method not in MERGE_METHODS:
        raise SettingsError(f"{method!r} is not a way to merge.", next_step=f"Known: {', '.join(MERGE_METHODS)}.")
    tags = _Tags(forge, name or model_name(model))
    tags.check_model(model, is_named=bool(name))
    if pull_request is not None:
        named = forge.pull_request(pull_request)
        chosen = _merged(forge, model, named, method, dry_run=dry_run, force=force)
    else:
        chosen = _verified(forge, model, _target(forge, tags, to, base))
    run = _run_of(forge, chosen)
    for _ in range(TRIES):
        promotion = _next(tags, chosen, run=run, by=by, merged=pull_request)
        if promotion.created and not force:
            _check_accepted(chosen)
        if to and promotion.created:  # the head of a branch can always get a tag
            forge.check_tag(promotion.commit)
        if dry_run or not promotion.created:
            return replace(promotion, created=False)
        try:
            tags.add(promotion)
        except Conflict:
            tags = _Tags(forge, tags.name)
            continue
        return promotion
    raise ServiceError(f"{TRIES} other promotions of {tags.name} came first.", next_step="Run it again.")


class _Tags:
    """The current promotions of one model."""

    def __init__(self, forge: PromotionForge, name: str) -> None:
        self.name = name
        self._forge = forge
        ids = forge.tag_ids(tag_prefix(name))
        numbers = {int(last): tag for tag in ids if (last := tag.rpartition("/")[2]).isdecimal()}
        self.taken = sorted(numbers)
        # A tag without a message is not ours, but its number is taken.
        self.ids = {number: ids[tag] for number, tag in numbers.items() if ids[tag]}
        self.in_force = self.read(max(self.ids)) if self.ids else None

    @property
    def latest(self) -> int | None:
        return max(self.ids, default=None)

    def read(self, number: int) -> AnnotatedTag:
        if number not in self.ids:
            known = ", ".join(map(str, sorted(self.ids))) or "none yet"
            raise SettingsError(f"{self.name} has no promotion {number}.", next_step=f"There are: {known}.")
        return self._forge.tag(self.ids[number])

    def add(self, promotion: Promotion) -> None:
        self._forge.create_tag(promotion.tag, commit=promotion.commit, message=promotion.message)

    def check_model(self, model: str, *, is_named: bool) -> None:
        """Refuse to let two models with the same file name take turns in production unnoticed."""
        path = trailers(self.in_force.message).get("Model", model) if self.in_force else model
        if path != model and not is_named:
            raise SettingsError(
                f"The name {self.name!r} belongs to {path}, not to {model}.",
                next_step=f"Give this one a name of its own: --name {model_name(model.replace('/', '-'))}."
                f" If the file was moved: --name {self.name}",
            )


def _target(forge: PromotionForge, tags: _Tags, to: str, base: str) -> str:
    """Return the commit to put into production."""
    number = to.removeprefix(f"{tag_prefix(tags.name)}/").removeprefix("production/")
    if number.isdecimal() and len(number) <= _LONGEST_NUMBER:
        return tags.read(int(number)).commit
    if to:
        return forge.find_commit(to).id
    branch = base or forge.repository().default_branch
    head = forge.branch_head(branch)
    if head is None:
        raise SettingsError(f"The repository has no branch {branch!r}.", next_step="Name another with --base.")
    return head


def _merged(
    forge: PromotionForge, model: str, pull_request: PullRequest, method: str, *, dry_run: bool, force: bool
) -> _Model:
    """Return the pull request's model in its merge commit; check the model before merging."""
    if pull_request.merge_commit:
        return _verified(forge, model, pull_request.merge_commit)
    at_head = _verified(forge, model, pull_request.head_sha)
    what = f"The pull request {pull_request.number}"
    if pull_request.state != "open":
        raise Conflict(
            f"{what} was closed without a merge.", next_step=f"Reopen it, or promote another: {pull_request.url}"
        )
    if pull_request.draft:
        raise Conflict(
            f"{what} is a draft, as cmlkit leaves it if the gate rejected the model.",
            next_step=f"Read its report, and mark it ready for review first: {pull_request.url}",
        )
    if not force:
        _check_accepted(at_head)
    if dry_run:
        return at_head
    return _verified(forge, model, forge.merge(pull_request, method), like=at_head)


def _verified(forge: PromotionForge, model: str, commit: str, *, like: _Model | None = None) -> _Model:
    """Return the model in the commit after checking its file against its manifest.

    Args:
        like: A verified model; the same files need not be read again.
    """
    path = manifest_path(model)
    blobs = forge.blob_ids(commit, [model, path, f"{model}.dvc"])
    if like is not None and not like.manifest.files and like.blobs == blobs:
        return _Model(path=model, commit=commit, manifest=like.manifest, blobs=blobs)
    content = forge.read_file(path, ref=commit) if path in blobs else None
    if content is None:
        raise ModelError(
            f"The commit {commit[:12]} has no manifest of {model}.", next_step="See which have one: cmlkit model list"
        )
    manifest = ModelManifest.from_json(content, source=f"{path} in {commit[:12]}")
    files: dict[str, ModelManifest | ModelPart] = {f"{model}/{part.path}": part for part in manifest.files}
    files = files or {model: manifest}
    if manifest.files:
        if tree_hash(manifest.files) != manifest.sha256:
            raise ModelError(f"{path} in {commit[:12]} contradicts itself: its files do not have its hash.")
        blobs = {**blobs, **forge.blob_ids(commit, [name for each in files for name in (each, f"{each}.dvc")])}
    for place, described in files.items():
        if place in blobs:
            _check_file(forge.read_file(place, ref=commit) or b"", described, place, commit)
        elif not {f"{place}.dvc", f"{model}.dvc"} & set(blobs) and not _is_kept(forge, place, commit):
            raise ModelError(f"The commit {commit[:12]} has a manifest of {model}, but no such file: {place}.")
    return _Model(path=model, commit=commit, manifest=manifest, blobs=blobs)


def _check_accepted(chosen: _Model) -> None:
    """Refuse a model that the gate rejected; one that was published before manifests had the verdict may pass."""
    verdict = chosen.manifest.verdict
    if verdict is None or verdict.accepted:
        return
    failed = f" It failed: {'; '.join(verdict.failed)}." if verdict.failed else ""
    raise GateRejected(
        f"The gate rejected {chosen.path} in {chosen.commit[:12]}, so it is not promoted.{failed}",
        next_step="Promote another version, as cmlkit model list shows them, or this one all the same with --force.",
    )


def _is_kept(forge: PromotionForge, path: str, commit: str) -> bool:
    """Return whether DVC keeps the file as an output of its pipeline, with its hash in the commit's `dvc.lock`."""
    found = pipeline.owner(path, lambda place: forge.read_file(place, ref=commit))
    return found is not None and found.is_kept and bool(found.md5)


def _check_file(content: bytes, manifest: ModelManifest | ModelPart, model: str, commit: str) -> None:
    if hashlib.sha256(content).hexdigest() == manifest.sha256:
        return
    if len(content) <= POINTER_LIMIT_BYTES and manifest.sha256.encode() in content:
        return
    raise ModelError(
        f"{model} in {commit[:12]} is not the file that its manifest describes: it has {len(content):,} bytes and"
        f" another hash, instead of {manifest.size:,} bytes and {short_hash(manifest.sha256)}…. It is not promoted.",
        next_step="Commit both files of one training. If you did not change it, find out who did.",
    )


def _run_of(forge: PromotionForge, chosen: _Model) -> str:
    """Return the run that trained the model, from the message of the commit that brought its manifest."""
    commits = forge.commits_of(manifest_path(chosen.path), ref=chosen.commit, limit=1)
    return run_in(forge.find_commit(commits[0]).message) if commits else ""


def _next(tags: _Tags, chosen: _Model, *, run: str, by: str, merged: int | None) -> Promotion:
    """Return the promotion to make, or the one in force if it has the same model."""
    manifest, latest, in_force = chosen.manifest, tags.latest, tags.in_force
    number = max(tags.taken, default=0) + 1
    planned = Promotion(
        tag=f"{tag_prefix(tags.name)}/{number}",
        production=number,
        created=True,
        commit=chosen.commit,
        model=chosen.path,
        sha256=manifest.sha256,
        metrics=dict(manifest.metrics),
        message=message(chosen.path, number, manifest, run=run, by=by, previous=latest, merged=merged),
        run=run,
        previous=latest,
        merged=merged,
    )
    if in_force is None or latest is None or not _is_of(in_force, chosen):
        return planned
    return replace(
        planned,
        tag=in_force.name,
        production=latest,
        created=False,
        commit=in_force.commit,
        message=in_force.message,
        previous=None,
    )


def _is_of(tag: AnnotatedTag, chosen: _Model) -> bool:
    return tag.commit == chosen.commit or trailers(tag.message).get("Sha256") == chosen.manifest.sha256


def message(
    model: str, number: int, manifest: ModelManifest, *, run: str, by: str, previous: int | None, merged: int | None
) -> str:
    """Return the tag's message: text for people, then one fact per line for machines."""
    metrics = [f"{plain(name)}: {shown(value)}" for name, value in manifest.metrics.items()]
    facts = {
        "Model": model,
        "Sha256": manifest.sha256,
        "Metrics": json_text(manifest.metrics),
        "Run": run,
        "Promoted-By": by,
        "Previous": "" if previous is None else str(previous),
        "Pull-Request": "" if merged is None else str(merged),
    }
    # A path is a fact for machines, and stays as it is; a name of a file may have line ends.
    lines = [f"Cmlkit-{fact}: {one_line(value)}" for fact, value in facts.items() if value]
    title = plain(f"Promote {PurePosixPath(model).stem} to production ({number})")
    return "\n\n".join(filter(None, [title, "\n".join(metrics), "\n".join(lines)])) + "\n"
