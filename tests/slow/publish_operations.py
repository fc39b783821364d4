"""The operations that the sweep of publishing repeats: what is there before, and the command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import botocore.endpoint
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from cmlkit.publishing.asset import store_asset
from cmlkit_sandbox.github.faults import FaultLayer
from cmlkit_sandbox.github.repository import Protection
from cmlkit_sandbox.github.seeding import add_fork
from cmlkit_sandbox.http_server import Server
from tests.bucket import bucket
from tests.integration.project import MODEL, PIXEL, REPOSITORY
from tests.slow.publish_world import World, world

STAND_IN_DVC = Path(__file__).parent / "stand_in_dvc"
SETTLED = ("--labels", "model", "--reviewers", "ann")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A command, and what is there before it.

    Attributes:
        name: As the summary has it.
        prepare: Makes the repository and the job's folder, before the first command.
        arguments: The command line.
        code: Its exit code if nothing goes wrong.
        every_fault: Whether each fault is injected at each request, or only some of them in turn.
        told_again: Whether a repetition says it in other words.
    """

    name: str
    prepare: Callable[[World], None]
    arguments: Sequence[str]
    code: int = 0
    every_fault: bool = False
    told_again: bool = False


def first(there: World) -> None:
    subprocess.run(["git", "init", "--quiet", there.directory], check=True)
    there.recorded(there.trained(0.95))


def champion(there: World) -> None:
    """A model on the base branch, and another training."""
    there.merge(there.publish(there.trained(0.9), run_id="100").pull_request_number or 0)
    first(there)


def earlier(there: World) -> None:
    """A champion, an earlier pull request that a person has commented on, and one that nobody has."""
    champion(there)
    there.publish(there.trained(0.91), run_id="101")
    there.comment(2, "ann", "Keep this.")
    there.publish(there.trained(0.92), run_id="102")
    there.recorded(there.trained(0.95))


def same_branch(there: World) -> None:
    """A branch with a pull request from an earlier run, and a base that has moved on since."""
    champion(there)
    there.publish(there.trained(0.92), run_id="101", branch="cmlkit/daily", on_existing="update")
    there.commit_to("main", {"README.md": "# Another\n"})
    there.environ["GITHUB_SHA"] = there.head("main")
    there.recorded(there.trained(0.95))


def unchanged(there: World) -> None:
    champion(there)
    there.recorded(there.trained(0.9))


def fork(there: World) -> None:
    first(there)
    there.github.add_token("ghp_bob", "bob")
    add_fork(there.github.hub, REPOSITORY, "bob")
    there.environ["CMLKIT_TOKEN"] = "ghp_bob"


def person(there: World) -> None:
    """A token of a person, whose commits GitHub signs only if it makes them itself."""
    champion(there)
    there.environ["CMLKIT_TOKEN"] = "ghp_person"


def merging(there: World) -> None:
    there.repository.settings.allow_auto_merge = True
    there.github.protect(REPOSITORY, "main", Protection(checks=("lint",)))
    first(there)


def bucket_beside(there: World) -> None:
    """A champion, and an S3 whose requests meet the same faults as those to GitHub."""
    champion(there)
    client = there.stack.enter_context(bucket("models"))
    # The ids of versions are random, and in the commit.
    client.put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Suspended"})
    layer = FaultLayer(
        app=DomainDispatcherApplication(create_backend_app), faults=there.github.faults, requests=there.github.requests
    )
    server = Server(layer)
    server.start()
    there.stack.callback(server.stop)
    # boto3's pauses between its tries.
    patch = there.stack.enter_context(pytest.MonkeyPatch.context())
    patch.setattr(botocore.endpoint, "time", there.time)
    there.environ |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    there.environ["AWS_ENDPOINT_URL"] = server.url

    def versions() -> list[tuple[str, str]]:
        found = client.list_object_versions(Bucket="models").get("Versions", [])
        return sorted((each["Key"], each["VersionId"]) for each in found)

    def remove() -> None:
        for key, version in versions():
            client.delete_object(Bucket="models", Key=key, VersionId=version)

    there.reset, there.elsewhere = remove, lambda: [key for key, _ in versions()]


def dvc_project(there: World) -> None:
    """A DVC project with a remote beside it; a stand-in for DVC pushes to it."""
    champion(there)
    remote = there.directory.parent / "dvc-remote"
    there.kept_folders.append(remote)
    (there.directory / ".dvc").mkdir()
    (there.directory / ".dvc" / "config").write_text("[core]\n    remote = beside\n")
    patch = there.stack.enter_context(pytest.MonkeyPatch.context())
    patch.syspath_prepend(STAND_IN_DVC)
    there.environ |= {"PYTHONPATH": str(STAND_IN_DVC), "STAND_IN_REMOTE": str(remote)}
    there.elsewhere = lambda: sorted(path.name for path in remote.rglob("*") if path.is_file())


def report(there: World) -> None:
    """A report with a picture, in a run of a pull request."""
    subprocess.run(["git", "init", "--quiet", there.directory], check=True)
    there.publish(there.trained(0.9), run_id="100")
    there.environ["GITHUB_SHA"] = there.head("cmlkit/main/100")
    (there.directory / "plot.png").write_bytes(PIXEL)
    (there.directory / "report.md").write_text("# Report\n\n![A plot](plot.png)\n")
    (there.directory / "plain.md").write_text("# Report\n")


def commented(there: World) -> None:
    """A report, and this command's comment of an earlier run."""
    report(there)
    there.environ["GITHUB_RUN_ID"] = "101"
    there.keep()
    assert there.command("comment", "update", "--target", "pr/1", "plain.md").code == 0
    there.environ["GITHUB_RUN_ID"] = "103"
    (there.directory / "plain.md").write_text("# A newer report\n")


def clone(there: World) -> None:
    """A job's clone, with a changed file, a new one and a deleted one."""
    there.commit_to("main", {"data/a.csv": "1\n", "data/b.csv": "2\n"})
    origin = f"{there.github.url}/{REPOSITORY}.git"
    subprocess.run(["git", "clone", "--quiet", origin, there.directory], check=True, capture_output=True)
    (there.directory / "data/a.csv").write_text("1\n2\n")
    (there.directory / "data/b.csv").unlink()
    (there.directory / "new.bin").write_bytes(b"\0new")


def committed(there: World) -> None:
    """A job's clone with a commit that the job made, which git pushes."""
    clone(there)
    author = {"GIT_AUTHOR_DATE": "1717142400 +0000", "GIT_COMMITTER_DATE": "1717142400 +0000"}
    name = ("-c", "user.name=Job", "-c", "user.email=job@example.com")
    for command in (["add", "--all"], [*name, "commit", "--quiet", "-m", "Of the job"]):
        subprocess.run(["git", *command], cwd=there.directory, check=True, env={**os.environ, **author})


def images(there: World) -> None:
    """Two stored pictures, one of which a comment shows, that are old enough to go."""
    report(there)
    root = f"{there.github.url}/{REPOSITORY}"
    shown = store_asset("a.png", PIXEL + b"a", forge=there.client(), root=root)
    store_asset("b.png", PIXEL + b"b", forge=there.client(), root=root)
    there.comment(1, "ann", f"See {shown.markdown()}")
    there.time.started += 7200


def promotable(there: World) -> None:
    first(there)
    there.publish(there.trained(0.9), run_id="100")
    there.environ["CMLKIT_TOKEN"] = "ghp_person"


def in_production(there: World) -> None:
    """Two promotions, of which the first is to be in production again."""
    promotable(there)
    for arguments in (("--pull-request", "1"), ()):
        there.keep()
        assert there.command("model", "promote", MODEL, *arguments).code == 0
    there.publish(there.trained(0.95), run_id="101")
    there.merge(2)
    assert there.command("model", "promote", MODEL).code == 0


def pulled(there: World) -> None:
    published = there.publish(there.trained(0.9), run_id="100", store="lfs")
    there.merge(published.pull_request_number or 0)
    for path in sorted(there.directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    origin = f"{there.github.url}/{REPOSITORY}.git"
    environ = {**os.environ, "GIT_LFS_SKIP_SMUDGE": "1"}
    subprocess.run(["git", "clone", "--quiet", origin, there.directory], check=True, env=environ)


ACCEPTED = ("--gate", "accuracy >= 0.5")

OPERATIONS = [
    Operation(name="publish, superseding", prepare=earlier, arguments=("publish", *SETTLED), every_fault=True),
    Operation(name="publish, first", prepare=first, arguments=("publish", *SETTLED)),
    Operation(
        name="publish, update of a branch",
        prepare=same_branch,
        arguments=("publish", "--branch", "cmlkit/daily", "--on-existing", "update"),
    ),
    Operation(name="publish, from a fork", prepare=fork, arguments=("publish", "--fork", "bob/forest")),
    Operation(name="publish, signed", prepare=person, arguments=("publish",)),
    Operation(name="publish, unchanged", prepare=unchanged, arguments=("publish",), every_fault=True),
    Operation(name="publish, rejected", prepare=champion, arguments=("publish", "--gate", "accuracy >= 0.99"), code=6),
    Operation(name="publish, auto-merge", prepare=merging, arguments=("publish", "--auto-merge", "squash", *ACCEPTED)),
    Operation(name="publish, LFS", prepare=champion, arguments=("publish", "--store", "lfs"), told_again=True),
    Operation(name="publish, S3", prepare=bucket_beside, arguments=("publish", "--store", "s3://models/forest")),
    Operation(name="publish, DVC", prepare=dvc_project, arguments=("publish", "--store", "dvc"), told_again=True),
    Operation(
        name="comment create", prepare=report, arguments=("comment", "create", "--pr", "report.md"), every_fault=True
    ),
    Operation(
        name="comment update",
        prepare=commented,
        arguments=("comment", "update", "--target", "pr/1", "plain.md"),
        every_fault=True,
    ),
    Operation(name="check", prepare=report, arguments=("check", "create", "plain.md"), every_fault=True),
    Operation(name="pr create", prepare=clone, arguments=("pr", "create", ".")),
    Operation(name="pr create, commits of the job", prepare=committed, arguments=("pr", "create")),
    Operation(name="asset publish", prepare=report, arguments=("asset", "publish", "plot.png"), every_fault=True),
    Operation(name="asset prune", prepare=images, arguments=("asset", "prune")),
    Operation(
        name="promote, with a pull request",
        prepare=promotable,
        arguments=("model", "promote", MODEL, "--pull-request", "1", "--squash"),
    ),
    Operation(
        name="promote, back to the first", prepare=in_production, arguments=("model", "promote", MODEL, "--to", "1")
    ),
    Operation(name="model pull", prepare=pulled, arguments=("model", "pull", MODEL), every_fault=True),
]


@contextmanager
def prepared(operation: Operation, folder: Path) -> Iterator[World]:
    """The world as it is before the operation."""
    with world(folder) as there:
        operation.prepare(there)
        there.keep()
        yield there
