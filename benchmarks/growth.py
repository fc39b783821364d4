"""Growth: how requests, time and memory grow with plots, comments, models, metrics, histories and training data."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks import data
from benchmarks.measuring import MIB, Part, Target, Usage, exponent, in_turn
from benchmarks.site import MODEL, OWNER, Checkout, Site, site
from cmlkit.forges.base import TreeFile
from cmlkit.forges.github import GitHub
from cmlkit.model.manifest import manifest_path
from cmlkit_sandbox.github.seeding import add_comments

ROUNDS = 3
MEGABYTE = 1_000_000
FLOOR_MARGIN = 1.5
DATA_NOTE = (
    "The floor of training data hashes each file, on as many threads, and both programs load cmlkit first, as a"
    " fingerprint is a step of `cmlkit train`. Beyond that, the fingerprint counts rows and profiles 5,000 of them."
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """The measurements at one size."""

    size: int
    usage: Usage
    requests: int


def measure() -> Part:
    """Measure five things that grow, each at several sizes; the largest model and data against floors."""
    with site() as here:
        grown = {
            "plots of a publish": _points(here, [1, 10, 100], _plots),
            "comments there when one is kept up to date": _points(here, [10, 1_000, 10_000], _comments),
            "MB of model": _points(here, [1, 10, 90], _model),
            "models in the history": _points(here, [10, 1_000, 10_000], _history),
            "metrics of a publish, with ten earlier models": _points(here, [10, 100, 1_000, 10_000], _metrics),
        }
        floor = in_turn({"floor": lambda: _largest_floor(here)}, rounds=ROUNDS)["floor"]
    rows = [_row(what, point) for what, points in grown.items() for point in points]
    targets = [target for what, points in grown.items() for target in _exponents(what, points)]
    ours = grown["MB of model"][-1].usage
    memory = Target(
        what="A model of 90 MB: peak memory",
        value=ours.memory / floor.memory,
        limit=FLOOR_MARGIN,
        unit="times the floor",
    )
    data_rows, data_targets = data.measure()
    note = f"Floor of the model of 90 MB: {floor.wall:.2f} s, {floor.memory / MIB:.0f} MiB."
    return Part(rows=[*rows, *data_rows], targets=[*targets, memory, *data_targets], notes=[note, DATA_NOTE])


def _points(here: Site, sizes: Sequence[int], prepared: Callable[[Site, int], Checkout]) -> list[Point]:
    """Measure the command prepared for each size, smallest to largest in turn."""
    requests: dict[int, int] = {}

    def measured(size: int) -> Usage:
        checkout = prepared(here, size)
        before = len(here.github.requests)
        command = ("comment", "update", "--target", "issue/1", "report.md") if prepared is _comments else ("publish",)
        usage = checkout.cmlkit(*command).run()
        requests[size] = len(here.github.requests) - before
        return usage

    taken = in_turn({str(size): partial(measured, size) for size in sizes}, rounds=ROUNDS, warm_up=0)
    return [Point(size=size, usage=taken[str(size)], requests=requests[size]) for size in sizes]


def _plots(here: Site, size: int) -> Checkout:
    checkout = here.checkout()
    checkout.train(model_bytes=10_000, plots=size, plot_bytes=20_000)
    return checkout


def _model(here: Site, size: int) -> Checkout:
    checkout = here.checkout()
    checkout.train(model_bytes=size * MEGABYTE, plots=1)
    return checkout


def _comments(here: Site, size: int) -> Checkout:
    checkout = here.checkout()
    (checkout.directory / "report.md").write_text("# A report\n", encoding="utf-8")
    github = GitHub(repository=checkout.repository, token=checkout.environ["CMLKIT_TOKEN"], api_url=here.github.api_url)
    file = TreeFile(path="topic.md", blob=github.create_blob(b"A topic"))
    commit = github.create_commit(parent=checkout.environ["GITHUB_SHA"], files=[file], message="Begin a topic")
    github.create_branch("topic", commit)
    github.create_pull_request(head="topic", base="main", title="Discussed", body="", draft=False)
    texts = (f"Comment {number} of somebody else" for number in range(size))
    add_comments(here.github.hub, checkout.repository, 1, OWNER, texts)
    return checkout


def _history(here: Site, size: int) -> Checkout:
    """Prepare a base branch with `size` models, one per commit."""
    checkout = here.checkout()
    checkout.train(model_bytes=10_000, plots=1)
    _add_models(here, checkout, size)
    return checkout


def _metrics(here: Site, size: int) -> Checkout:
    """Prepare a training with `size` metrics, and a base branch with ten models that have them, too."""
    checkout = here.checkout()
    checkout.train(model_bytes=10_000, plots=1, metrics=size)
    _add_models(here, checkout, 10)
    return checkout


def _add_models(here: Site, checkout: Checkout, count: int) -> None:
    """Commit `count` models to the base branch, one per commit, with the manifest that training wrote."""
    manifest = (checkout.directory / manifest_path(MODEL)).read_bytes()
    git = here.github.hub.repository(checkout.repository).git
    stream = b"".join(_import_of(number, manifest) for number in range(count))
    subprocess.run(
        ["git", "-C", str(git.path), "fast-import", "--quiet", "--force"],
        input=b"feature done\n" + stream + b"done\n",
        check=True,
    )


def _import_of(number: int, manifest: bytes) -> bytes:
    """Return a commit for git fast-import with the manifest of another model."""
    content = manifest.replace(b'"accuracy": 0.97', b'"accuracy": 0.%06d' % (number + 1))
    begin = b"from refs/heads/main^0\n" if number == 0 else b""
    return (
        b"commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 5\nmodel" % (1_700_000_000 + number)
        + b"\n"
        + begin
        + b"M 100644 inline %s\ndata %d\n" % (manifest_path(MODEL).encode(), len(content))
        + content
        + b"\n"
    )


def _largest_floor(here: Site) -> Usage:
    checkout = _model(here, 90)
    (checkout.directory / "report.md").write_text("# A report\n" * 40, encoding="utf-8")
    files = [manifest_path(MODEL), "model/metrics.txt", "model/0.png", "report.md"]
    return checkout.floor("publish", "cmlkit/main/1", MODEL, *files).run()


def _row(what: str, point: Point) -> dict[str, object]:
    return {
        "what": what,
        "size": point.size,
        "requests": point.requests,
        "seconds": round(point.usage.wall, 2),
        "cpu_seconds": round(point.usage.cpu, 2),
        "memory_mib": round(point.usage.memory / MIB),
    }


def _exponents(what: str, points: Sequence[Point]) -> list[Target]:
    sizes = [point.size for point in points]
    measured = {
        "requests": [float(point.requests) for point in points],
        "time": [point.usage.wall for point in points],
        "memory": [float(point.usage.memory) for point in points],
    }
    return [
        Target(what=f"{what}: exponent of {quantity}", value=exponent(sizes, values), limit=1.0)
        for quantity, values in measured.items()
    ]
