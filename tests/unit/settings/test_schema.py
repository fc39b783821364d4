"""Settings: precedence, kinds, and errors that name file, line and the nearest known name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.errors import SettingsError
from cmlkit.settings import schema
from cmlkit.settings.schema import SCHEMA


def written(folder: Path, text: str) -> Path:
    path = folder / "cmlkit.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = written(tmp_path, "runner:\n  market: spot\n  disk-size: 50\n  idle-timeout: 7m\n")
    settings = schema.load(
        environ={"CMLKIT_RUNNER_DISK_SIZE": "60", "CMLKIT_RUNNER_IDLE_TIMEOUT": "8m"},
        flags={"runner": {"idle_timeout": 540.0}},
        file=file,
    )
    assert (settings.runner.market, settings.runner.disk_size, settings.runner.idle_timeout) == ("spot", 60, 540.0)
    assert settings.runner.max_lifetime == 7200.0
    assert {name: settings.sources[f"runner.{name}"] for name in ("market", "disk-size", "idle-timeout")} == {
        "market": f"{file}:2",
        "disk-size": "CMLKIT_RUNNER_DISK_SIZE",
        "idle-timeout": "--idle-timeout",
    }
    assert settings.sources["runner.max-lifetime"] == "default"


def test_an_empty_variable_counts_as_unset() -> None:
    settings = schema.load(environ={"CMLKIT_RUNNER_MARKET": "", "CMLKIT_TRAIN_RUN": "  "})
    assert settings.runner.market == "spot-then-on-demand"
    assert settings.sources["train.run"] == "default"


def test_the_gate_is_a_list_of_rules_in_file_and_variable(tmp_path: Path) -> None:
    file = written(tmp_path, "gate:\n  - accuracy >= 0.90\n  - latency_ms <= champion * 1.1\n")
    assert schema.load(environ={}, file=file).gate.rules == ("accuracy >= 0.90", "latency_ms <= champion * 1.1")
    assert schema.load(environ={"CMLKIT_GATE": "a > 1\nb < 2"}, file=file).gate.rules == ("a > 1", "b < 2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runner:\n  instance-typ: a\n", "cmlkit.yaml:2: runner has no setting 'instance-typ'"),
        ("runer: {}\n", "cmlkit.yaml:1: the top level has no setting 'runer'"),
        ("runner:\n  market: spot\n  market: spot\n", "cmlkit.yaml:3: 'market' occurs twice in runner"),
        ("runner:\n  market: cheap\n", "cmlkit.yaml:2: runner.market is 'cheap'; it takes one of spot, on-demand"),
        ("runner:\n  idle-timeout: 5\n", "runner.idle-timeout is 5; it takes a duration with a unit"),
        ("runner:\n  proxy: proxy.internal:3128\n", "it takes a URL such as http://proxy.internal:3128"),
        ("runner:\n  disk-size: -1\n", "runner.disk-size is -1; it takes a whole number"),
        ("train:\n  test-size: .nan\n", "train.test-size is nan; it takes a number"),
        ("publish:\n  draft: perhaps\n", "publish.draft is 'perhaps'; it takes true or false"),
        ("runner:\n  max-lifetime: 0s\n", "cmlkit.yaml:2: runner.max-lifetime is '0s'; it takes a duration longer"),
        (
            "runner:\n  tags:\n    team: a\n    team: b\n",
            "cmlkit.yaml:4: 'team' occurs twice; the first is at ",
        ),
        ("train:\n  search: {params: {C: [1], C: [2]}}\n", "cmlkit.yaml:2: 'C' occurs twice"),
        ("runner:\n  tags: [a]\n", "runner.tags is ['a']; it takes a mapping"),
        ("- a\n", "cmlkit.yaml:1: the top level must be a mapping"),
        ("runner: 3\n", "cmlkit.yaml:1: runner must be a mapping"),
        ("runner: {\n", "cmlkit.yaml:2: this is not valid YAML: expected the node content"),
        (
            "train:\n  run: 'a\n",
            "found unexpected end of stream, while scanning a quoted scalar that begins on line 2.",
        ),
        ("train:\n  run: a: b\n", "cmlkit.yaml:2: this is not valid YAML: mapping values are not allowed here."),
        ("train: \0\n", "cmlkit.yaml is not valid YAML: unacceptable character #x0000"),
        ("runner:\n  tags:\n    since: 2026-02-30\n", "cmlkit.yaml:2: the value cannot be read: day is out of range"),
        ("train:\n  run: !shell a\n", "cmlkit.yaml:2: the value cannot be read: could not determine a constructor"),
    ],
)
def test_a_wrong_file_is_an_error_that_says_where_and_what(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        schema.load(environ={}, file=written(tmp_path, text))
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        schema.load(environ={}, file=written(tmp_path, "runner:\n  instance_typ: a\n"))
    assert caught.value.next_step == "Did you mean 'instance-type'?"


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        schema.load(environ={}, file=tmp_path / "absent.yaml")


def test_an_empty_file_and_empty_sections_are_the_defaults(tmp_path: Path) -> None:
    empty = schema.load(environ={}, file=written(tmp_path, "# nothing yet\n"))
    hollow = schema.load(environ={}, file=written(tmp_path, "runner:\ntrain:\ngate:\n"))
    assert empty.runner == hollow.runner
    assert hollow.gate.rules == ()


def test_a_variable_of_the_wrong_kind_is_named() -> None:
    with pytest.raises(SettingsError, match=r"CMLKIT_RUNNER_DISK_SIZE: runner.disk-size is 'big'"):
        schema.load(environ={"CMLKIT_RUNNER_DISK_SIZE": "big"})


@pytest.mark.parametrize("text", ["team=a, team=b", "team=a\nteam=a", "{team: a, team: b}"])
def test_a_name_that_occurs_twice_in_a_variable_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="CMLKIT_RUNNER_TAGS: .* it takes each name once, and 'team' occurs twice"):
        schema.load(environ={"CMLKIT_RUNNER_TAGS": text})


def test_an_alias_that_leads_to_itself_is_no_endless_search_for_names(tmp_path: Path) -> None:
    file = written(tmp_path, "train:\n  params:\n    a: &a {b: 1}\n    c: *a\n    d: {<<: *a, <<: {e: 2}}\n")
    assert schema.load(environ={}, file=file).train.params["c"] == {"b": 1}


def test_mappings_keep_the_types_of_their_values() -> None:
    params = schema.load(environ={"CMLKIT_TRAIN_PARAMS": "max_depth=5, criterion=gini, bootstrap=false"}).train.params
    assert params == {"max_depth": 5, "criterion": "gini", "bootstrap": False}
    assert schema.load(environ={"CMLKIT_TRAIN_PARAMS": '{"alpha": 0.5}'}).train.params == {"alpha": 0.5}


def test_every_default_is_a_value_that_its_kind_accepts() -> None:
    for declaration in (item for section in SCHEMA.values() for item in section):
        if declaration.kind.name == "duration":
            continue  # kept in seconds, written with a unit
        value = list(declaration.default) if isinstance(declaration.default, tuple) else declaration.default
        assert declaration.accept(value) == declaration.default, declaration.path


def test_names_derive_from_one_declaration() -> None:
    declaration = next(item for item in SCHEMA["runner"] if item.name == "instance_type")
    assert (declaration.flag, declaration.variable, declaration.key, declaration.path) == (
        "--instance-type",
        "CMLKIT_RUNNER_INSTANCE_TYPE",
        "instance-type",
        "runner.instance-type",
    )
    gate = SCHEMA["gate"][0]
    assert (gate.flag, gate.variable, gate.key, gate.path) == ("--gate", "CMLKIT_GATE", "gate", "gate")
