"""The sections of a report, each a plain function of its content."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from cmlkit.data.drift import (
    DRIFTED,
    SHIFTED,
    ColumnDrift,
    drifts,
)
from cmlkit.formats import duration, number, plural, short_hash, signed, size
from cmlkit.gate.difference import Difference
from cmlkit.gate.metrics import key as metric_key
from cmlkit.gate.significance import Interval
from cmlkit.gate.verdict import Outcome, RuleResult, Verdict
from cmlkit.records.cost import Spent, cost_of, dollars
from cmlkit.records.json_text import json_text
from cmlkit.records.model_format import FORMATS, format_of, lines_for
from cmlkit.records.timeline import Part
from cmlkit.records.training_run import (
    DataFingerprint,
    Parameter,
    PlotTable,
    TrainingRun,
)
from cmlkit.report import times
from cmlkit.report.fit import Section
from cmlkit.report.markdown import code, fence, folded, image, left_out, link, table, text

OPEN_ROWS = 20
OPEN_PLOTS = 4
DRIFT_ROWS = 5
EXPLAINED_INTERVALS = 5
UNCOMMITTED_SHOWN = 10
RESCORED = "Both models were scored on the same test data."
NOT_RESCORED = "The champion's values are those of its own training, which may have had other test data."
NONE = "–"
SAME = "same"
CHANGES_SHOWN = 5
MOVED_SHOWN = 3
UNBROKEN = "\u00a0"  # a no-break space

_SIGNS: Mapping[Outcome, str] = {
    "first": "🆕",
    "better": "✅",
    "same": "➖",
    "worse": "⚠️",
    "unjudged": "❔",
    "rejected": "❌",
}
_RULE_SIGNS = {True: "✅", False: "❌", None: "➖"}


def headline(verdict: Verdict, subtitle: str) -> Section:
    """Return the verdict as a heading, with a one-line subtitle."""
    sentence = text(verdict.headline.removesuffix("."), length=400)
    return Section(forms=(f"## {_SIGNS[verdict.outcome]} {sentence}\n\n{subtitle}",))


def metrics(verdict: Verdict, elsewhere: str, *, is_rescored: bool) -> Section:
    """Show verdict, champion, challenger and change of every metric, those with a rule first.

    Args:
        is_rescored: Whether both models were scored on the same test data.
    """
    ruled = {result.metric for result in verdict.rules}
    deltas = sorted(verdict.deltas, key=lambda delta: delta.name not in ruled)
    if not deltas:
        return Section(forms=("",))
    shown, rest = deltas[:OPEN_ROWS], deltas[OPEN_ROWS:]
    full = _metrics_table(shown, verdict)
    if rest:
        full += "\n\n" + folded(f"{len(rest):,} more metrics", _metrics_table(rest, verdict))
    if any(delta.champion is not None for delta in deltas):
        full += f"\n\n{RESCORED if is_rescored else NOT_RESCORED}{_explained(verdict.intervals)}"
    shorter = (
        _with_rest(_metrics_table(deltas[:count], verdict), len(deltas) - count, "metric", elsewhere)
        for count in (100, OPEN_ROWS, 5)
        if count < len(deltas)
    )
    return Section(forms=(full, *shorter, left_out("The metrics are", elsewhere)), rank=1)


def _explained(intervals: Mapping[str, Interval]) -> str:
    """Return what ranges in brackets mean and how they were made, with a blank before; empty if there are none."""
    known = [(name, interval) for name, interval in intervals.items() if interval.is_known]
    if not known:
        return ""
    percent = f"{known[0][1].level * 100:g}{UNBROKEN}%"
    ways = [f"{text(name)}: {_way(interval)}" for name, interval in known[:EXPLAINED_INTERVALS]]
    return (
        f" In brackets: the range in which the true change lies with {percent} confidence; if 0 is in it, the test"
        f" samples show no difference. {'; '.join(ways)}."
    )


def _way(interval: Interval) -> str:
    if interval.method == "mcnemar":
        way = "McNemar's exact test of the samples on which only one model is right"
    elif interval.method == "t":
        way = "Student's t, corrected for skewness"
    else:
        way = f"{interval.level * 100:g}{UNBROKEN}% of resamples lie in it"
    if interval.p_value is None:
        return way
    return f"{way}, p {'< 0.001' if interval.p_value < 0.001 else f'= {number(round(interval.p_value, 3))}'}"


def _metrics_table(deltas: Sequence[Difference], verdict: Verdict) -> str:
    compared = any(delta.champion is not None for delta in verdict.deltas)
    # The verdict stands beside the metric, where a narrow screen shows it without scrolling.
    header = ["Metric", *(["Verdict"] if compared or verdict.rules else [])]
    header += ["Champion", "Challenger"] if compared else ["Challenger"]
    rules: dict[str, list[RuleResult]] = {}
    for result in verdict.rules:
        rules.setdefault(result.metric, []).append(result)
    cells = (_metric_row(delta, rules.get(delta.name, ()), verdict) for delta in deltas)
    rows = [[row[name] for name in header] for row in cells]
    return table(header, rows, numeric=("Champion", "Challenger"))


def _metric_row(delta: Difference, results: Sequence[RuleResult], verdict: Verdict) -> dict[str, str]:
    """Return a metric's row as column -> cell."""
    return {
        "Metric": text(delta.name),
        "Verdict": "<br>".join(map(_rule_verdict, results)) or _comparison(delta, verdict),
        "Champion": _value(delta.texts[0]),
        "Challenger": f"**{_value(delta.texts[1])}**{_change(delta, verdict.intervals.get(delta.name))}",
    }


def _value(shown: str | None) -> str:
    return NONE if shown is None else shown.replace(" ", UNBROKEN)


def _change(delta: Difference, interval: Interval | None) -> str:
    """Return the change with its interval, on lines of their own; empty without a change to show."""
    if delta.delta is None:
        return ""
    within = f"<br>{interval}" if interval and interval.is_known else ""
    if delta.delta == 0:
        return f"<br>unchanged{within}"
    return f"<br>{'▲' if delta.delta > 0 else '▼'}{UNBROKEN}{signed(delta.delta)}{within}"


def _comparison(delta: Difference, verdict: Verdict) -> str:
    if delta.champion is None:
        return "new"
    if delta.challenger is None:
        return "gone"
    interval = verdict.intervals.get(delta.name)
    if interval is not None and not interval.shows_difference:
        return interval.sentence
    if delta.units_differ:
        return "only one is a percentage"
    if delta.improved is None:
        return "" if delta.delta else "same"
    return "better" if delta.improved else "worse"


def _rule_verdict(result: RuleResult) -> str:
    sign = f"{_RULE_SIGNS[result.passed]}{UNBROKEN}"
    if result.comparison:
        return f"{sign}{text(result.sentence, length=200)}"
    return f"{sign}{code(result.text)}: {text(result.sentence, length=300)}"


def champion_today(verdict: Verdict, published: Mapping[str, float]) -> Section:
    """Say if the champion does worse on today's data than when it was published, in the metric of the headline.

    Args:
        published: The champion's metrics from when it was published; empty if it was not scored again.
    """
    delta = next((delta for delta in verdict.deltas if delta.name == verdict.primary), None)
    before = {metric_key(name): value for name, value in published.items()}.get(metric_key(verdict.primary))
    if delta is None or delta.champion is None or before is None:
        return Section(forms=("",))
    today = Difference(
        name=delta.name,
        champion=before,
        challenger=delta.champion,
        higher_is_better=delta.higher_is_better,
        champion_is_percentage=delta.champion_is_percentage,
        challenger_is_percentage=delta.champion_is_percentage,
    )
    if today.improved is not False:
        return Section(forms=("",))
    had, has = (_value(shown) for shown in today.texts)
    return Section(
        forms=(f"📉 The champion had {text(delta.name)} {had} when published and **{has} on today's data**.",)
    )


def plots(run: TrainingRun, images: Mapping[str, str], notes: Mapping[str, str], elsewhere: str) -> Section:
    """Show plots as linked images, or as tables if there is no image; plots beyond the first few are folded.

    Args:
        notes: Plot -> why it is not shown.
    """
    if not run.plots:
        return Section(forms=("",))
    shown = [_plot(path, images, notes.get(path, ""), run.plot_tables.get(path)) for path in run.plots]
    full = "\n\n".join(shown[:OPEN_PLOTS])
    if rest := shown[OPEN_PLOTS:]:
        full += "\n\n" + folded(plural(len(rest), "more plot"), "\n\n".join(rest))
    shorter = (
        _with_rest("\n\n".join(shown[:count]), len(shown) - count, "plot", elsewhere)
        for count in (OPEN_PLOTS, 1)
        if count < len(shown)
    )
    return Section(forms=(full, *shorter, left_out("The plots are", elsewhere)), rank=2)


def _plot(path: str, images: Mapping[str, str], note: str, shows: PlotTable | None) -> str:
    name = PurePosixPath(path).stem.replace("_", " ").replace("-", " ")
    if path not in images or note:
        named = (
            f"{text(name)}: {link(code(path), images.get(path, ''))}{f' ({text(note, length=200)})' if note else ''}"
        )
        return named if shows is None else f"{named}\n\n{_plot_table(shows)}"
    if PurePosixPath(path).suffix.lower() == ".pdf":
        return link(f"{text(name)} (PDF)", images[path])
    return image(name, images[path])


def _plot_table(shows: PlotTable) -> str:
    header = [text(title) for title in shows.header]
    return table(header, [[text(cell) for cell in row] for row in shows.rows], numeric=header[1:])


def search(tried: PlotTable | None, elsewhere: str) -> Section:
    """Show the parameters that a search has tried, with their scores, the best first."""
    if tried is None:
        return Section(forms=("",))
    return _folded_section(f"Search ({plural(len(tried.rows), 'combination')})", _plot_table(tried), elsewhere, rank=6)


def parameters(values: Mapping[str, Parameter], champion: Mapping[str, Parameter] | None, elsewhere: str) -> Section:
    """Show every parameter; if the champion's are known, only those that changed, and how many did not."""
    names = list(dict.fromkeys([*values, *(champion or {})]))
    if not names:
        return Section(forms=("",))
    if champion is None:
        body = table(["Parameter", "Value"], [[text(name), _parameter(values, name)] for name in names])
        return _folded_section(f"Parameters ({len(names):,})", body, elsewhere, rank=6)
    changed = [name for name in names if _differs(values, champion, name)]
    if not changed:
        return Section(forms=(f"{plural(len(names), 'parameter')}: none changed.", ""), rank=6)
    rows = [[text(name), _parameter(champion, name), _parameter(values, name)] for name in changed]
    body = table(["Parameter", "Champion", "Challenger"], rows)
    if rest := len(names) - len(changed):
        body += f"\n\n{plural(rest, 'parameter')} unchanged."
    return _folded_section(f"Parameters ({len(names):,}, {len(changed):,} changed)", body, elsewhere, rank=6)


def _differs(values: Mapping[str, Parameter], champion: Mapping[str, Parameter], name: str) -> bool:
    # Compared as written: 1, 1.0 and true are equal in Python, but a change to people.
    return _parameter(values, name) != _parameter(champion, name)


def _parameter(values: Mapping[str, Parameter], name: str) -> str:
    if name not in values:
        return NONE
    value = values[name]
    return code(value if isinstance(value, str) else repr(value), length=60)


def fingerprints(
    found: Sequence[DataFingerprint], champion: Sequence[DataFingerprint] | None, elsewhere: str
) -> Section:
    """Show path, rows, columns, size and hash of the training data; if the champion's is known, what changed."""
    if not found:
        return Section(forms=("",))
    before = None if champion is None else {item.path: item for item in champion}
    changes = ["" if before is None else _data_change(item, before.get(item.path)) for item in found]
    header = ["Data", "Rows", "Columns", "Size", "SHA-256", *(["Since the champion"] if before is not None else [])]
    rows = [
        [
            code(item.path),
            _count(item.rows),
            _count(item.columns),
            size(item.size),
            code(short_hash(item.sha256)),
            *([change] if before is not None else []),
        ]
        for item, change in zip(found, changes, strict=True)
    ]
    changed = ", changed" if any(change not in ("", SAME) for change in changes) else ""
    summary = f"Data ({size(sum(item.size for item in found))}{changed})"
    return _folded_section(summary, table(header, rows, numeric=("Rows", "Columns", "Size")), elsewhere, rank=5)


def changed_data(found: Sequence[DataFingerprint], champion: Sequence[DataFingerprint] | None) -> Section:
    """Say in a sentence what changed in the data since the champion, and how many of its columns have moved."""
    if not found or champion is None:
        return Section(forms=("",))
    before = {item.path: item for item in champion}
    told = [
        f"{code(item.path)} {_data_told(item, before.get(item.path))}"
        for item in found
        if _data_change(item, before.get(item.path)) != SAME
    ]
    told += [f"{code(path)} is gone" for path in before if path not in {item.path for item in found}]
    if not told:
        return Section(forms=("The data is the champion's.",))
    more = [f"{len(told) - CHANGES_SHOWN:,} more"] if len(told) > CHANGES_SHOWN else []
    sentence = f"Data since the champion: {', '.join([*told[:CHANGES_SHOWN], *more])}."
    return Section(forms=(f"{sentence}{_moved(drifts(champion, found))}", ""), rank=3)


def _data_told(item: DataFingerprint, before: DataFingerprint | None) -> str:
    """Return what is told of a file that changed, after its name."""
    if before is None:
        return "is new"
    more = (item.rows or 0) - (before.rows or 0)
    if item.rows is None or before.rows is None or not more:
        return "has other content"
    return f"has {more:,} more {'row' if more == 1 else 'rows'}" if more > 0 else f"has {plural(-more, 'row')} less"


def _moved(columns: Sequence[ColumnDrift]) -> str:
    """Return the sentence about the columns that have moved, with a blank before; empty if none can be compared."""
    moved = [item for item in columns if item.has_moved]
    if not columns:
        return ""
    if not moved:
        return f" None of its {plural(len(columns), 'column')} has moved."
    named = [_move(item) for item in moved[:MOVED_SHOWN]]
    farthest = ": " if len(moved) <= MOVED_SHOWN else ", farthest "
    verb = "has" if len(moved) == 1 else "have"
    return f" {len(moved):,} of its {plural(len(columns), 'column')} {verb} moved{farthest}{', '.join(named)}."


def _move(item: ColumnDrift) -> str:
    before, now = map(text, item.ends)
    return f"{code(item.name)} ({'' if item.value else 'median '}{before} → {now})"


def _data_change(item: DataFingerprint, before: DataFingerprint | None) -> str:
    if before is None:
        return "new"
    if item.sha256 == before.sha256:
        return SAME
    if item.rows is not None and before.rows is not None and item.rows != before.rows:
        return f"{signed(item.rows - before.rows)} rows"
    return "changed"


def drift(found: Sequence[DataFingerprint], champion: Sequence[DataFingerprint] | None, elsewhere: str) -> Section:
    """Show the columns of the data that moved farthest since the champion; nothing if none can be compared."""
    columns = drifts(champion or (), found)
    if not columns:
        return Section(forms=("",))
    moved = [item for item in columns if item.has_moved]
    rows = [
        [text(item.name), _stability(item), number(item.distance), *map(text, item.ends)]
        for item in columns[:DRIFT_ROWS]
    ]
    header = ["Column", "Stability index", "Distance", "Before", "Now"]
    note = (
        f"Stability index: below {SHIFTED} nothing has moved, from {DRIFTED} on much has, unless chance explains it; of"
        " columns with few values, less is a move. Before and now: the median, or the value whose share changed most."
        f" The {len(rows)} of {plural(len(columns), 'column')} that moved farthest."
    )
    state = (
        f"{len(moved):,} of {plural(len(columns), 'column')} moved"
        if moved
        else f"none of {plural(len(columns), 'column')}"
    )
    return _folded_section(
        f"Drift ({state})", f"{table(header, rows, numeric=header[1:])}\n\n{note}", elsewhere, rank=5
    )


def _stability(item: ColumnDrift) -> str:
    sign = "🟢" if not item.has_moved else "🔴" if item.stability >= DRIFTED else "🟡"
    return f"{sign}{UNBROKEN}{number(round(item.stability, 3))}"


def _count(count: int | None) -> str:
    return NONE if count is None else f"{count:,}"


def facts(
    run: TrainingRun, parts: Sequence[Part], spent: Spent | None, extra: Sequence[tuple[str, str]], elsewhere: str
) -> Section:
    """Show time, resources, instance and cost of the run, and the `extra` rows of label and markdown."""
    used, instance = run.resources, run.instance
    rows = [
        ("Trained", f"{datetime.datetime.fromtimestamp(run.started, tz=datetime.UTC):%Y-%m-%d %H:%M} UTC"),
        ("Time", times.line(parts) or duration(used.wall_seconds)),
        ("CPU time", duration(used.cpu_seconds)),
        ("Peak memory", size(used.peak_memory_bytes)),
    ]
    if run.accelerator:
        rows.append(("Accelerator", text(run.accelerator, length=160)))
    summary = f"Run ({duration(used.wall_seconds)}"
    if instance is not None:
        known = (instance.instance_type, instance.market, instance.region, instance.instance_id)
        rows.append(("Instance", " · ".join(text(fact) for fact in known if fact)))
        rows.append(("Cost", _cost(run)))
        summary += f" on {text(instance.instance_type)}, {dollars(cost_of(run).total)}"
    if spent is not None:
        rows.append((f"Last {spent.days} days", _spent(spent)))
    versions = ", ".join(f"{name} {version}" for name, version in run.libraries.items())
    rows += [("Libraries", text(versions, length=300))] if versions else []
    return _folded_section(f"{summary})", table(["Run", ""], [*rows, *extra]), elsewhere, rank=4)


def _spent(spent: Spent) -> str:
    published = f"{dollars(spent.usd)} for {plural(spent.runs, 'published run')}"
    if not spent.failed:
        return published
    return f"{published}, and at most {dollars(spent.failed_usd)} for {plural(spent.failed, 'run')} that failed"


def _cost(run: TrainingRun) -> str:
    if run.instance is None or (price := run.instance.price) is None:
        return "unknown: the instance's price is not known"
    since = "training" if run.instance is None or run.instance.started is None else "boot and training"
    at = f"at ${number(price)} an hour{', the spot price at launch' if run.instance.market == 'spot' else ''}"
    cost = cost_of(run)
    parts = [f"{name} {dollars(part)}" for name, part in cost.parts.items() if part is not None]
    lacks = ", ".join(name for name, part in cost.parts.items() if part is None)
    without = f"without {lacks} and data transfer" if lacks else "without data transfer"
    return f"{dollars(cost.total)} for {since}: {', '.join(parts)} ({at}); {without}"


def files(paths: Sequence[str], urls: Mapping[str, str], elsewhere: str) -> Section:
    """List the files on the branch, each with a link if known."""
    if not paths:
        return Section(forms=("",))
    body = "\n".join(f"- {link(code(path), urls.get(path, ''))}" for path in paths)
    return _folded_section(f"Files ({len(paths):,})", body, elsewhere, rank=7)


def usage(run: TrainingRun, *, fetch: str) -> Section:
    """Show how to load the model: with cmlkit if it loads the format, and with the format's own library."""
    name = format_of(run.model_format, run.model)
    path, kind = json_text(run.model, ensure_ascii=False), FORMATS[name]
    parts = [fence(fetch, "sh")] if fetch else []
    python = []
    if kind.is_loaded:
        python.append(
            f"import cmlkit\n\nmodel = cmlkit.load_model({path})  # refuses a file that its manifest does not match"
        )
    if own := lines_for(name, run.model):
        python.append(f"# or without cmlkit:\n{own}" if python else own)
    if python:
        parts.append(fence("\n\n".join(python), "python"))
    else:
        parts.append(f"{code(run.model)} is in {text(kind.title)}: load it with the library that wrote it.")
    parts += [f"⚠️ {text(note, length=600)}" for note in run.model_notes]
    return Section(forms=(folded("Load this model", "\n\n".join(parts)), ""), rank=8)


def reproduction(run: TrainingRun, *, folder: str) -> Section:
    """Show how to train the same model again, from the same commit."""
    lines = [f"git checkout {shlex.quote(run.commit)}"] if run.commit else []
    lines += [f"cd {shlex.quote(folder)}"] if folder not in ("", ".") else []
    lines += [run.setup] if run.setup else []
    lines.append(run.command if run.mode == "command" else "cmlkit train")
    body = fence("\n".join(lines), "sh")
    if run.commit and run.uncommitted:
        body += f"\n\n⚠️ {_uncommitted(run.uncommitted)}"
    return Section(forms=(folded("Reproduce this run", body), ""), rank=8)


def _uncommitted(paths: Sequence[str]) -> str:
    """Return the sentence about files that the commit does not have as the training saw them."""
    names = ", ".join(code(path, length=120) for path in paths[:UNCOMMITTED_SHOWN])
    rest = len(paths) - UNCOMMITTED_SHOWN
    more = f" and {rest:,} more" if rest > 0 else ""
    told = "When the training began, files differed from this commit, and it alone does not give the same model"
    return f"{told}: {names}{more}."


def _folded_section(summary: str, body: str, elsewhere: str, *, rank: int) -> Section:
    name = summary.partition(" (")[0]
    return Section(forms=(folded(summary, body), left_out(f"{name}:", elsewhere)), rank=rank)


def _with_rest(shown: str, count: int, noun: str, elsewhere: str) -> str:
    more = f"{plural(count, f'more {noun}')}: too many for this page"
    return f"{shown}\n\n{more}; {elsewhere} has them." if elsewhere else f"{shown}\n\n{more}."
