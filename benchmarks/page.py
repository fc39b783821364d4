"""The documentation's page with the latest measurements: tables, targets, and two drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "reference" / "performance.md"
RATIOS, GROWTH = "performance-ratios.svg", "performance-growth.svg"

HEAD = """# Performance

`make bench` measures this and writes this page; it takes about ten minutes. `make bench BENCH=commands` measures one
part. Each row is the median of whole processes, measured in turn (A B A B), so that other load on the machine affects
all alike: wall time, CPU time including children, and the peak memory of the largest process, as the kernel counts
them. A *floor* is the least Python that does the same work against the same sandbox, without checks, retries and
messages: [benchmarks/floors](https://github.com/cmlkit/cmlkit/tree/main/benchmarks/floors).

The targets beside the results were set before anything was measured. Those that are not met say so.
"""
COMMANDS = """The cost of a command, beside a bare script that makes the same requests; for publish, beside the
fewest requests that leave the same commit, pull request, comment and check, without looking for anything. The sandbox
answers within milliseconds, GitHub in hundreds: a publish is measured at 0, 50 and 200 ms a request. Trips are the
requests in the longest chain in which each waits for the answer to the one before."""
TRAINING = """Estimator mode beside the script that people start from: genfromtxt, one core, one plot. cmlkit draws up
to four plots, hashes the data and writes the manifest in that time. It stores the features in the order in which trees
read them, which the script does not, so the efficiency of its fit can exceed 100 %. `train.accelerator: intelex` is
measured beside none, which is the floor of that row, with the scores of both models. Below: the cost that command mode
adds to a command."""
LAUNCHING = """From the start of `cmlkit runner launch` to the arrival of RunInstances, and from the runner being online
at GitHub to the end of the command. Round trips are counted by making each take four seconds."""
# Part -> title, introduction.
PARTS: Mapping[str, tuple[str, str]] = {
    "commands": ("Commands", COMMANDS),
    "training": ("Training", TRAINING),
    "launching": ("Launching", LAUNCHING),
    "installing": ("Installing", "The action's set-up step, from the lock file, with an empty cache and a full one."),
    "growth": ("Growth", "The exponent is the slope through the logarithms: 0 is constant, 1 linear, 2 quadratic."),
    "runners": ("Many runners", "One runner, and fifty at once, launched and stopped; their machines boot for real."),
}


def write_page(document: Mapping[str, Any]) -> list[Path]:
    """Write the page and its drawings from the content of the result file; return the files."""
    parts = document["parts"]
    images = {RATIOS: _ratios(parts), GROWTH: _growth(parts)}
    written = [PAGE]
    for name, figure in images.items():
        if figure is not None:
            _save(figure, DOCS / "images" / name)
            written.append(DOCS / "images" / name)
    PAGE.write_text(page(document), encoding="utf-8")
    return written


def page(document: Mapping[str, Any]) -> str:
    """Return the page as markdown."""
    machine = document["machine"]
    where = f"Measured on {machine['cores']} cores with Python {machine['python']}, {machine['system']}."
    sections = [_section(name, document["parts"][name]) for name in PARTS if name in document["parts"]]
    return "\n".join([HEAD, where + "\n", *sections])


def _section(name: str, part: Mapping[str, Any]) -> str:
    title, introduction = PARTS[name]
    lines = [f"## {title}", "", introduction, ""]
    if name == "commands":
        lines += [f"![Times the floor, of each command and training](../images/{RATIOS})", ""]
    if name == "growth":
        lines += [f"![Seconds by size, on logarithmic axes](../images/{GROWTH})", ""]
    lines += [*_table(part["rows"]), ""]
    if part["targets"]:
        shown = [{**target, "met": "met" if target["met"] else "**not met**"} for target in part["targets"]]
        lines += [*_table(shown), ""]
    lines += [line for note in part["notes"] for line in (note, "")]
    return "\n".join(lines)


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = [all(isinstance(row.get(name, 0), int | float) for row in rows) for name in names]
    heads = [_heading(name) for name in names]
    rules = ["---:" if right else "---" for right in numeric]
    cells = [["" if row.get(name) is None else _cell(row[name]) for name in names] for row in rows]
    return [f"| {' | '.join(line)} |" for line in (heads, rules, *cells)]


def _heading(name: str) -> str:
    if name == "what":
        return ""
    words = name.replace("_", " ").replace("cpu", "CPU").replace(" mib", ", MiB")
    return words[0].upper() + words[1:].replace("run instances", "RunInstances")


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _ratios(parts: Mapping[str, Any]) -> Figure | None:
    """Draw bars: each wall time as a multiple of its floor's."""
    from matplotlib.figure import Figure

    rows = [row for name in ("commands", "training") for row in parts.get(name, {}).get("rows", ())]
    if not rows:
        return None
    figure = Figure(figsize=(7.5, 0.42 * len(rows) + 0.9), layout="constrained")
    axes = figure.add_subplot()
    bars = axes.barh(range(len(rows)), [row["ratio"] for row in rows], color="#3f6fb5")
    axes.axvline(1, color="black", linewidth=1, zorder=0)
    axes.bar_label(bars, fmt="%.2f", padding=3, bbox={"color": "white", "pad": 1})
    axes.set_yticks(range(len(rows)), [row["what"] for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel="Times the floor's wall time (1: as fast as the floor)", xmargin=0.1)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _growth(parts: Mapping[str, Any]) -> Figure | None:
    """Draw lines: seconds by size."""
    from matplotlib.figure import Figure

    rows = parts.get("growth", {}).get("rows", ())
    if not rows:
        return None
    figure = Figure(figsize=(7.5, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for what in dict.fromkeys(row["what"] for row in rows):
        points = [(row["size"], row["seconds"]) for row in rows if row["what"] == what]
        axes.plot(*zip(*points, strict=True), marker="o", label=what)
    axes.set(xscale="log", yscale="log", xlabel="Size", ylabel="Seconds")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)
    return figure


def _save(figure: Figure, path: Path) -> None:
    import matplotlib

    # The same drawing is the same file: neither a date nor random ids.
    with matplotlib.rc_context({"svg.hashsalt": "cmlkit", "svg.fonttype": "none"}):
        figure.savefig(path, facecolor="white", metadata={"Date": None})
