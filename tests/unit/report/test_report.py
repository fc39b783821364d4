"""The report: what it shows, and that it holds together whatever people name things."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it.token import Token

from cmlkit.data.drift import profile
from cmlkit.gate.significance import Interval
from cmlkit.records.cost import Spent
from cmlkit.records.training_run import (
    DataFingerprint,
    InstanceFacts,
    PlotTable,
    Resources,
    TrainingRun,
)
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report import COMMENT_LENGTH, SUMMARY_LENGTH, PastModel, Report
from cmlkit.report.times import SLOW_SECONDS
from tests.unit.judging import judge
from tests.unit.report.test_markdown import hostile, parsed

RUN = TrainingRun(
    mode="command",
    setup="pip install -r requirements.txt",
    command="python train.py",
    metrics={"accuracy": 0.972, "loss": 0.1},
    model="model/random_forest.joblib",
    plots=("model/confusion_matrix.png",),
    parameters={"max_depth": 5, "n_estimators": 100},
    model_class="sklearn.ensemble._forest.RandomForestClassifier",
    libraries={"python": "3.12.3", "scikit-learn": "1.5.0"},
    data=(DataFingerprint(path="data/train.csv", sha256="ab" * 32, size=124_000, rows=1_750, columns=21),),
    resources=Resources(wall_seconds=42.2, cpu_seconds=80, peak_memory_bytes=300 * 2**20),
    started=1_780_000_000,
    commit="c" * 40,
    instance=InstanceFacts(
        instance_id="i-0123",
        instance_type="t3.medium",
        market="spot",
        region="eu-west-1",
        price=0.0125,
        started=1_780_000_000 - 60,
    ),
)
WORKFLOW_RUN = WorkflowRun(repository="octo/forest", run_id="77", workflow="train", attempt=2)
IMAGE = "https://github.com/octo/forest/blob/ddd/model/confusion_matrix.png?raw=true"
REPORT = Report(
    run=RUN,
    verdict=judge(
        ["accuracy >= 0.9", "accuracy >= champion - 0.01"],
        challenger=RUN.metrics,
        champion={"accuracy": 0.96, "loss": 0.2},
    ),
    workflow_run=WORKFLOW_RUN,
    base="main",
    branch="cmlkit/main/77",
    commit="d" * 40,
    files=("model/random_forest.joblib", "model/metrics.txt"),
    images={"model/confusion_matrix.png": IMAGE},
    champion_parameters={"max_depth": 4, "n_estimators": 100},
)


def of_run(**changes: object) -> Report:
    """A report on a run that differs from the usual one, without a champion."""
    run = dataclasses.replace(RUN, **changes)  # type: ignore[arg-type]
    return Report(run=run, verdict=judge([], challenger=run.metrics), workflow_run=WORKFLOW_RUN)


def seen(report: Report) -> str:
    """Its page, with spaces at which no line ends as plain ones."""
    return report.markdown().replace("\u00a0", " ")


def section(page: str, summary: str) -> str:
    """The folded part whose summary starts so."""
    found = re.search(rf"<details><summary>{re.escape(summary)}.*?</details>", page, re.DOTALL)
    assert found, page
    return found[0]


def test_the_verdict_comes_first() -> None:
    assert REPORT.markdown().startswith(
        "## ✅ Better than the champion: accuracy 0.972 against 0.96 (+0.012)\n\nRandomForestClassifier in "
    )


def test_metrics_stand_in_one_table_with_the_verdict_beside_the_metric() -> None:
    assert (
        "| Metric | Verdict | Champion | Challenger |\n"
        "| :-- | :-- | --: | --: |\n"
        "| accuracy | ✅ 0.972 ≥ 0.9<br>✅ 0.972 ≥ 0.95 (champion 0.96 − 0.01) | 0.96 | **0.972**<br>▲ +0.012 |\n"
        "| loss | better | 0.2 | **0.1**<br>▼ −0.1 |\n"
    ) in seen(REPORT)


def test_without_champion_and_rules_only_values_are_shown() -> None:
    page = of_run().markdown()
    assert page.startswith("## 🆕 First model: accuracy 0.972\n")
    assert "| Metric | Challenger |\n| :-- | --: |\n| accuracy | **0.972** |\n" in page


def test_a_rule_that_needs_a_champion_says_so() -> None:
    verdict = judge(["accuracy >= champion"], challenger=RUN.metrics)
    page = seen(Report(run=RUN, verdict=verdict))
    assert "| accuracy | ➖ `accuracy >= champion`: waits for a champion with this metric | **0.972** |" in page


def test_a_rejection_shows_what_was_missed() -> None:
    verdict = judge(["accuracy >= 0.99"], challenger=RUN.metrics)
    page = seen(Report(run=RUN, verdict=verdict))
    assert page.startswith("## ❌ Rejected: accuracy 0.972 misses accuracy &#62;= 0.99 by 0.018\n")
    assert "| accuracy | ❌ 0.972 &#60; 0.99 | **0.972** |" in page


def test_metrics_that_came_and_went_are_named() -> None:
    verdict = judge([], challenger={"accuracy": 0.9, "recall": 0.8}, champion={"accuracy": 0.9, "f1": 0.7})
    page = Report(run=RUN, verdict=verdict).markdown()
    assert "| recall | new | – | **0.8** |" in page
    assert "| f1 | gone | 0.7 | **–** |" in page


def test_it_says_whether_both_models_had_the_same_test_data() -> None:
    rescored = dataclasses.replace(REPORT, is_rescored=True).markdown()
    assert "Both models were scored on the same test data." in rescored
    assert "those of its own training" in REPORT.markdown()
    assert "test data" not in of_run().markdown()


def test_an_interval_stands_below_its_change() -> None:
    intervals = {"accuracy": Interval(low=-0.002, high=0.03, samples=250)}
    verdict = judge([], challenger=RUN.metrics, champion={"accuracy": 0.96, "loss": 0.2}, intervals=intervals)
    page = seen(Report(run=RUN, verdict=verdict))
    assert "| no difference that 250 samples could show | 0.96 | **0.972**<br>▲ +0.012<br>[−0.002, 0.03] |" in page


def test_an_interval_is_explained_in_words() -> None:
    intervals = {
        "accuracy": Interval(low=-0.002, high=0.03, samples=250, method="mcnemar", p_value=0.125),
        "loss": Interval(low=-0.12, high=-0.05, samples=250, method="t", p_value=1e-9),
    }
    champion = {"accuracy": 0.96, "loss": 0.2}
    verdict = judge([], challenger={"accuracy": 0.972, "loss": 0.1}, champion=champion, intervals=intervals)
    page = Report(run=RUN, verdict=verdict).markdown()
    assert "the range in which the true change lies with 95\u00a0% confidence" in page
    assert "accuracy: McNemar's exact test of the samples on which only one model is right, p = 0.125;" in page
    assert "loss: Student's t, corrected for skewness, p < 0.001." in page


def test_an_interval_of_an_earlier_record_is_explained_as_the_bootstrap_that_it_was() -> None:
    intervals = {"accuracy": Interval(low=-0.002, high=0.03, samples=250)}
    verdict = judge([], challenger=RUN.metrics, champion={"accuracy": 0.96}, intervals=intervals)
    assert "accuracy: 95\u00a0% of resamples lie in it." in Report(run=RUN, verdict=verdict).markdown()


def test_too_few_samples_have_no_range_in_brackets() -> None:
    intervals = {"accuracy": Interval(low=-math.inf, high=math.inf, samples=4, method="none")}
    verdict = judge([], challenger=RUN.metrics, champion={"accuracy": 0.96}, intervals=intervals)
    page = seen(Report(run=RUN, verdict=verdict))
    assert "| 4 samples are too few to tell | 0.96 | **0.972**<br>▲ +0.012 |" in page
    assert "[" not in verdict.headline
    assert "brackets" not in page


def test_plots_are_images_with_alternative_text_and_links() -> None:
    assert f"[![confusion matrix]({IMAGE})]({IMAGE})" in REPORT.markdown()


def test_a_plot_that_is_hosted_nowhere_is_still_named() -> None:
    assert "confusion matrix: `model/confusion_matrix.png`" in of_run().markdown()


def test_a_pdf_is_a_link() -> None:
    report = dataclasses.replace(of_run(plots=("roc.pdf",)), images={"roc.pdf": "https://x/roc.pdf"})
    assert "[roc (PDF)](https://x/roc.pdf)" in report.markdown()


@pytest.mark.parametrize(("images", "named"), [({"m.png": "https://x/m"}, "[`m.png`](https://x/m)"), ({}, "`m.png`")])
def test_a_plot_that_is_no_picture_is_linked_or_named_with_the_reason(images: dict[str, str], named: str) -> None:
    notes = {"m.png": "it is not in PNG format"}
    page = dataclasses.replace(of_run(plots=("m.png",)), images=images, plot_notes=notes).markdown()
    assert f"m: {named} (it is not in PNG format)" in page
    assert "![" not in page


def test_a_plot_without_an_image_is_a_table_where_its_numbers_are_known() -> None:
    shows = PlotTable(header=("True", "a|b"), rows=(("a|b", "0.9"),))
    page = of_run(plots=("model/m.png",), plot_tables={"model/m.png": shows}).markdown()
    assert "m: `model/m.png`" in page
    assert "| a&#124;b | 0.9 |" in page
    shown = dataclasses.replace(of_run(plots=("m.png",), plot_tables={"m.png": shows}), images={"m.png": "https://x/m"})
    assert "0.9 |" not in shown.markdown().partition("![m]")[2].partition("<details>")[0]


def test_plots_beyond_four_are_folded() -> None:
    paths = tuple(f"plots/{number}.png" for number in range(7))
    images = {path: f"https://x/{path}" for path in paths}
    page = dataclasses.replace(of_run(plots=paths), images=images).markdown()
    assert "https://x/plots/3.png" not in section(page, "3 more plots")
    assert "https://x/plots/4.png" in section(page, "3 more plots")


def test_reproducing_says_which_files_were_not_as_in_the_commit() -> None:
    paths = tuple(f"src/part_{number:02}.py" for number in range(12))
    page = of_run(uncommitted=("train.py", "a|b.py")).markdown()
    told = "files differed from this commit, and it alone does not give the same model"
    assert f"{told}: `train.py`, `a\\|b.py`." in section(page, "Reproduce this run") or f"{told}: `train.py`" in page
    assert "with 2 changed files" in section(page, "Run (")
    page = of_run(uncommitted=paths).markdown()
    assert "`src/part_09.py` and 2 more." in section(page, "Reproduce this run")
    assert "part_10" not in page
    assert "differed" not in of_run(uncommitted=()).markdown()
    assert "differed" not in of_run(uncommitted=("train.py",), commit="").markdown()


def test_parameters_that_changed_since_the_champion_are_shown_and_the_others_counted() -> None:
    assert (
        "| Parameter | Champion | Challenger |\n| :-- | :-- | :-- |\n| max_depth | `4` | `5` |\n\n"
        "1 parameter unchanged."
    ) in section(REPORT.markdown(), "Parameters (2, 1 changed)")
    same = dataclasses.replace(REPORT, champion_parameters=RUN.parameters).markdown()
    assert "\n\n2 parameters: none changed.\n\n" in same
    assert "n_estimators" not in same


@pytest.mark.parametrize(
    ("published", "is_rescored", "told"),
    [
        ({"Accuracy": 0.98}, True, "📉 The champion had accuracy 0.98 when published and **0.96 on today's data**."),
        ({"accuracy": 0.96}, True, ""),
        ({"accuracy": 0.95}, True, ""),
        ({"accuracy": 0.98}, False, ""),
        ({"f1": 0.98}, True, ""),
    ],
)
def test_a_champion_that_does_worse_today_than_when_it_was_published_is_the_news(
    published: dict[str, float], is_rescored: bool, told: str
) -> None:
    page = seen(dataclasses.replace(REPORT, champion_published=published, is_rescored=is_rescored))
    assert ("📉" in page) is bool(told)
    assert page.partition("\n\n")[2].partition("\n\n")[2].startswith(told or "| Metric")


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        ({}, "The data is the champion's."),
        ({"sha256": "cd" * 32}, "Data since the champion: `data/train.csv` has other content."),
        ({"sha256": "cd" * 32, "rows": 1_500}, "Data since the champion: `data/train.csv` has 250 more rows."),
        ({"sha256": "cd" * 32, "rows": 1_751}, "Data since the champion: `data/train.csv` has 1 row less."),
        (
            {"path": "data/old.csv"},
            "Data since the champion: `data/train.csv` is new, `data/old.csv` is gone.",
        ),
    ],
)
def test_changes_of_the_data_are_told_in_a_sentence(before: dict[str, Any], sentence: str) -> None:
    champion = dataclasses.replace(RUN.data[0], **before)
    assert f"\n\n{sentence}\n\n" in dataclasses.replace(REPORT, champion_data=(champion,)).markdown()


def test_of_many_changes_of_the_data_the_first_are_named() -> None:
    data = tuple(dataclasses.replace(RUN.data[0], path=f"{number}.csv") for number in range(8))
    page = dataclasses.replace(of_run(data=data), champion_data=()).markdown()
    assert "`3.csv` is new, `4.csv` is new, 3 more." in page


def test_columns_that_moved_are_named_beside_what_changed_in_the_data() -> None:
    moved = dict.fromkeys("abcd", 6.0)
    now = tuple(dataclasses.replace(item, sha256="cd" * 32) for item in profiled(age=0.0, height=6.0, **moved))
    page = seen(dataclasses.replace(of_run(data=now), champion_data=profiled(age=0.0, height=0.0)))
    assert "1 of its 2 columns has moved: `data/train.csv: height` (median 4.995 → 11)." in page
    still = tuple(dataclasses.replace(item, sha256="ef" * 32) for item in profiled(age=0.0))
    page = seen(dataclasses.replace(of_run(data=still), champion_data=profiled(age=0.0)))
    assert "None of its 1 column has moved." in page
    before = profiled(**dict.fromkeys("abcd", 0.0))
    page = seen(dataclasses.replace(of_run(data=now), champion_data=before))
    assert re.search(r"4 of its 4 columns have moved, farthest `data/train.csv: \w`", page)


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), ("1", "1.0"), (None, "")])
def test_a_parameter_of_another_type_has_changed(before: object, after: object) -> None:
    report = dataclasses.replace(of_run(parameters={"p": after}), champion_parameters={"p": before})  # type: ignore[dict-item]
    assert "Parameters (1, 1 changed)" in report.markdown()


def test_data_has_rows_columns_size_and_hash() -> None:
    assert "| `data/train.csv` | 1,750 | 21 | 121 KiB | `abababababab` |" in section(
        REPORT.markdown(), "Data (121 KiB)"
    )


@pytest.mark.parametrize(
    ("before", "summary", "change"),
    [
        ({}, "Data (121 KiB)", "same"),
        ({"sha256": "cd" * 32}, "Data (121 KiB, changed)", "changed"),
        ({"sha256": "cd" * 32, "rows": 1_500}, "Data (121 KiB, changed)", "+250 rows"),
        ({"sha256": "cd" * 32, "rows": 2_000}, "Data (121 KiB, changed)", "−250 rows"),
        ({"path": "data/old.csv"}, "Data (121 KiB, changed)", "new"),
    ],
)
def test_data_that_changed_since_the_champion_says_so(before: dict[str, Any], summary: str, change: str) -> None:
    champion = dataclasses.replace(RUN.data[0], **before)
    page = dataclasses.replace(REPORT, champion_data=(champion,)).markdown()
    assert f"| `abababababab` | {change} |" in section(page, summary)


def profiled(**shifts: float) -> tuple[DataFingerprint, ...]:
    columns = {name: profile(shift + value / 100 for value in range(1_000)) for name, shift in shifts.items()}
    return (dataclasses.replace(RUN.data[0], profiles=columns),)


def test_columns_that_moved_since_the_champion_are_named_the_farthest_first() -> None:
    report = dataclasses.replace(
        of_run(data=profiled(age=0.0, height=6.0)), champion_data=profiled(age=0.0, height=0.0)
    )
    drift = section(seen(report), "Drift (1 of 2 columns moved)")
    assert re.search(r"\| data/train.csv: height \| 🔴 [\d.]+ \| 0\.6\d* \| 4.995 \| 11 \|\n", drift)
    assert "| data/train.csv: age | 🟢 0 | 0 | 4.995 | 4.995 |" in drift


def test_data_that_did_not_move_says_so_and_unknown_data_says_nothing() -> None:
    report = dataclasses.replace(of_run(data=profiled(age=0.0)), champion_data=profiled(age=0.0))
    assert "Drift (none of 1 column)" in report.markdown()
    assert "Drift" not in REPORT.markdown()


@pytest.mark.parametrize(("cores", "noun"), [(1, "core"), (2, "cores")])
def test_a_slow_training_on_a_hosted_machine_names_the_way_to_a_larger_one(cores: int, noun: str) -> None:
    resources = dataclasses.replace(RUN.resources, wall_seconds=38 * 60.0 + 4)
    markdown = of_run(instance=None, hosted_cores=cores, resources=resources).markdown()
    assert f"This took 38 minutes on {cores} {noun}. To train on a larger machine" in markdown
    assert "`cmlkit init --on ec2`" in markdown


def test_the_guide_says_from_when_on_a_training_is_slow() -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "choose-a-runner.md").read_text()
    assert f"A training of {SLOW_SECONDS // 60} minutes or more on a machine of GitHub's" in page


@pytest.mark.parametrize(("cores", "seconds"), [(2, SLOW_SECONDS - 1), (0, SLOW_SECONDS)])
def test_a_short_training_and_one_on_another_machine_have_no_such_note(cores: int, seconds: float) -> None:
    resources = dataclasses.replace(RUN.resources, wall_seconds=seconds)
    assert "This took" not in of_run(hosted_cores=cores, resources=resources).markdown()


def test_the_run_has_its_time_instance_cost_and_commit() -> None:
    facts = section(REPORT.markdown(), "Run (42 s on t3.medium, $0.00035)")
    for line in (
        "| Trained | 2026-05-28 20:26 UTC |",
        "| CPU time | 1 min 20 s |",
        "| Peak memory | 300 MiB |",
        "| Instance | t3.medium · spot · eu-west-1 · i-0123 |",
        "| Cost | $0.00035 for boot and training: instance $0.00035 (at $0.0125 an hour, the spot price at launch);",
        "; without disk, public address and data transfer |",
        "| Libraries | python 3.12.3, scikit-learn 1.5.0 |",
        f"| Code | [`cccccccccccc`](https://github.com/octo/forest/commit/{'c' * 40}) |",
        "| Workflow | [train](https://github.com/octo/forest/actions/runs/77), attempt 2 |",
    ):
        assert line in facts


def test_what_failed_runs_have_cost_is_told_as_an_upper_bound() -> None:
    spent = Spent(usd=0.3, runs=3, days=30, failed=1, failed_usd=0.02)
    line = "| Last 30 days | $0.30 for 3 published runs, and at most $0.02 for 1 run that failed |"
    assert line in dataclasses.replace(REPORT, spent=spent).markdown()


def test_the_cost_names_its_parts() -> None:
    assert RUN.instance is not None
    instance = dataclasses.replace(
        RUN.instance, market="on-demand", disk_price=0.01, address_price=0.005, minute_price=0.002
    )
    line = (
        "| Cost | $0.0048 for boot and training: instance $0.00035, disk $0.00028, public address $0.00014, minutes of"
        " the job $0.004 (at $0.0125 an hour); without data transfer |"
    )
    assert line in of_run(instance=instance).markdown()


def test_a_run_on_another_machine_has_no_cost() -> None:
    facts = section(of_run(instance=None).markdown(), "Run (42 s)")
    assert "Cost" not in facts


def test_an_unknown_price_is_said_to_be_unknown() -> None:
    unpriced = dataclasses.replace(RUN.instance, price=None)  # type: ignore[type-var]
    assert "| Cost | unknown: the instance's price is not known |" in of_run(instance=unpriced).markdown()


@pytest.mark.parametrize(("metric", "is_said"), [("loss", True), ("accuracy", False)])
def test_the_picture_of_the_trend_says_if_lower_is_better(metric: str, is_said: bool) -> None:
    run = dataclasses.replace(RUN, metrics={metric: 0.4})
    past = tuple(PastModel(day=f"2026-05-0{day}", metrics={metric: 0.5}) for day in (1, 2))
    report = Report(run=run, verdict=judge([], champion={metric: 0.5}, challenger=run.metrics), past=past)
    assert ("lower is better" in report.trend_picture()) is is_said


def test_files_link_to_the_commit_on_the_branch() -> None:
    link = f"https://github.com/octo/forest/blob/{'d' * 40}/model/metrics.txt"
    assert f"- [`model/metrics.txt`]({link})" in section(REPORT.markdown(), "Files (2)")


def test_it_says_how_to_load_the_model_and_how_to_reproduce_it() -> None:
    page = REPORT.markdown()
    load = section(page, "Load this model")
    assert f"git fetch origin cmlkit/main/77\ngit checkout {'d' * 40}\n" in load
    assert 'cmlkit.load_model("model/random_forest.joblib")' in load
    assert 'joblib.load("model/random_forest.joblib")' in load
    assert f"git checkout {'c' * 40}\npip install -r requirements.txt\npython train.py\n" in section(
        page, "Reproduce this run"
    )


def test_a_model_without_a_pickle_is_not_loaded_by_joblib() -> None:
    load = section(of_run(model="model/random_forest.skops").markdown(), "Load this model")
    assert 'skops.io.load("model/random_forest.skops"' in load
    assert "joblib" not in load


def test_commands_of_a_subfolder_start_there() -> None:
    page = dataclasses.replace(REPORT, folder="ml ops/forest").markdown()
    assert "\ncd 'ml ops/forest'\n" in section(page, "Load this model")
    assert "\ncd 'ml ops/forest'\n" in section(page, "Reproduce this run")
    assert "/ml%20ops/forest/model/random_forest.joblib)" in page


def test_a_run_outside_actions_has_no_page_to_link_to() -> None:
    local = dataclasses.replace(WORKFLOW_RUN, run_id="local1234")
    page = Report(run=RUN, verdict=REPORT.verdict, workflow_run=local).markdown()
    assert "run local1234" in page
    assert "/actions/runs/" not in page


def test_a_report_of_a_bare_run_has_no_dead_links() -> None:
    bare = Report(run=dataclasses.replace(RUN, commit="", data=(), parameters={}, plots=()), verdict=REPORT.verdict)
    assert "](" not in bare.markdown()


# Whatever the names are, the page holds together.

ALLOWED_HTML = re.compile(
    r'<br>|</?code>|<abbr title="[^"<>]*">|</abbr>|<details><summary>([^<>]|<abbr title="[^"<>]*">|</abbr>)*</summary>'
    r"|</details>"
)


def raw_html(tokens: list[Token]) -> str:
    children = [child for token in tokens for child in token.children or []]
    return "\n".join(token.content for token in [*tokens, *children] if token.type in ("html_block", "html_inline"))


def assert_holds_together(page: str) -> None:
    tokens = parsed(page)
    raw = raw_html(tokens)
    assert not ALLOWED_HTML.sub("", raw).strip()
    assert raw.count("<details>") == raw.count("</details>")
    visible = "".join(child.content for token in tokens for child in token.children or [] if child.type == "text")
    assert not re.search(r"@\w", visible)


def assert_one_shape_per_table(page: str) -> None:
    """Every row of a table has as many cells as its header, counted in the source, in which commands may have bars."""
    columns = 0
    source = re.sub(r"^(`{3,})[a-z]*\n.*?^\1$", "", page, flags=re.DOTALL | re.MULTILINE)
    for line in source.splitlines():
        columns = 0 if not line.startswith("|") else columns or line.count("|")
        assert line.count("|") == columns or not line.startswith("|")


names = hostile.filter(lambda name: bool(name.strip()))
hostile_runs = st.builds(
    TrainingRun,
    mode=st.sampled_from(["command", "estimator"]),
    command=hostile,
    setup=hostile,
    metrics=st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False), max_size=6),
    model=names,
    plots=st.lists(names, max_size=6).map(tuple),
    parameters=st.dictionaries(hostile, hostile | st.integers() | st.none() | st.booleans(), max_size=4),
    model_class=hostile,
    libraries=st.dictionaries(hostile, hostile, max_size=3),
    data=st.lists(
        st.builds(DataFingerprint, path=hostile, sha256=hostile, size=st.integers(0, 10**15)), max_size=3
    ).map(tuple),
    resources=st.just(RUN.resources),
    started=st.just(RUN.started),
    commit=hostile,
    instance=st.none()
    | st.builds(InstanceFacts, instance_id=hostile, instance_type=hostile, market=hostile, region=hostile),
)
hostile_workflows = st.builds(WorkflowRun, repository=hostile, run_id=hostile, workflow=hostile)


@given(run=hostile_runs, workflow_run=st.none() | hostile_workflows, name=hostile, champion=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hostile_names_break_nothing(
    run: TrainingRun, workflow_run: WorkflowRun | None, name: str, champion: bool
) -> None:
    report = Report(
        run=run,
        verdict=judge([], challenger=run.metrics, champion=run.metrics if champion else None),
        workflow_run=workflow_run,
        base=name,
        branch=name,
        commit=name,
        folder=name,
        files=(name,),
        images=dict.fromkeys(run.plots[:2], f"https://x/{name}"),
        champion_parameters={name: name} if champion else None,
    )
    page = report.markdown()
    page.encode()
    assert_holds_together(page)
    assert_one_shape_per_table(page)


@pytest.mark.parametrize(("metrics", "plots"), [(0, 0), (1, 1), (50, 0), (50, 100), (500, 0), (500, 100), (2_000, 1)])
@pytest.mark.parametrize("limit", [COMMENT_LENGTH, 5_000])
def test_a_report_fits_whatever_there_is_to_show(metrics: int, plots: int, limit: int) -> None:
    values = {f"|@metric <{number}>{'x' * 300}": number / 7 for number in range(metrics)}
    paths = tuple(f"plots/{'|y' * 100}{number}.png" for number in range(plots))
    report = Report(
        run=dataclasses.replace(RUN, metrics=values, plots=paths),
        verdict=judge([], challenger=values, champion=values),
        workflow_run=WORKFLOW_RUN,
        images={path: f"https://github.com/octo/forest/blob/{'d' * 40}/{path}?raw=true" for path in paths},
    )
    page = report.markdown(limit=limit)
    assert len(page) <= limit
    assert_holds_together(page)
    assert_one_shape_per_table(page)


def test_a_summary_has_all_500_metrics_and_100_plots() -> None:
    values = {f"metric {number}": number / 7 for number in range(500)}
    paths = tuple(f"plots/{number}.png" for number in range(100))
    report = Report(
        run=dataclasses.replace(RUN, metrics=values, plots=paths),
        verdict=judge([], challenger=values, champion=values),
        images={path: f"https://x/{path}" for path in paths},
    )
    page = report.markdown(limit=SUMMARY_LENGTH)
    assert all(f"| {name} |" in page for name in values)
    assert all(f"(https://x/{path})" in page for path in paths)


def test_what_does_not_fit_is_linked() -> None:
    values = {f"metric {number}": number / 7 for number in range(5_000)}
    run = dataclasses.replace(RUN, metrics=values)
    page = Report(run=run, verdict=judge([], challenger=values), workflow_run=WORKFLOW_RUN).markdown()
    assert (
        "too many for this page; [the run's summary](https://github.com/octo/forest/actions/runs/77) has them." in page
    )


def test_what_the_published_runs_of_the_last_days_cost_stands_beside_the_cost_of_this_one() -> None:
    report = dataclasses.replace(REPORT, spent=Spent(usd=1.2345, runs=28, days=30))
    assert "| Last 30 days | $1.23 for 28 published runs |" in report.markdown()


def test_the_facts_have_the_time_in_parts_with_the_longest_bold() -> None:
    assert RUN.instance is not None
    started = dataclasses.replace(RUN.instance, started=RUN.started - 400.0)
    page = of_run(instance=started, setup_seconds=300.0).markdown()
    assert "| Time | 7 min 22 s: start 1 min 40 s · **setup 5 min** · training 42 s |" in page


def test_the_time_of_the_training_alone_has_no_parts() -> None:
    assert "| Time | 42 s |" in of_run(instance=None).markdown()
