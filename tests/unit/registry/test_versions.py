"""Versions of a model: stages, names and the lines in tags that machines read."""

from __future__ import annotations

import pytest

from cmlkit.errors import SettingsError
from cmlkit.git.history import Tag
from cmlkit.model.manifest import ModelManifest
from cmlkit.registry.promotion import message
from cmlkit.registry.versions import (
    ModelVersion,
    Promoted,
    branch_pattern,
    model_name,
    promoted,
    run_in,
    staged,
    trailers,
)


def version(commit: str, *, sha256: str = "", branch: str = "main") -> ModelVersion:
    return ModelVersion(commit=commit, date="", manifest=ModelManifest(sha256=sha256 or commit, size=1), branch=branch)


def promotion(number: int, commit: str, *, sha256: str = "") -> Promoted:
    return Promoted(number=number, tag=f"model/m/production/{number}", commit=commit, date="", sha256=sha256)


def stages(versions: list[ModelVersion], *promotions: Promoted) -> list[str]:
    return [item.stage for item in staged(versions, promotions, base="main")]


def test_the_newest_of_the_base_branch_is_the_champion_and_others_wait() -> None:
    there = [version("d", branch="cmlkit/main/2"), version("c"), version("b"), version("a")]
    assert stages(there) == ["candidate", "champion", "", ""]


def test_the_highest_number_is_in_production() -> None:
    there = [version("b"), version("a")]
    assert stages(there, promotion(1, "b"), promotion(2, "a")) == ["formerly production 1, champion", "production 2"]


def test_a_promotion_is_of_its_commit_even_where_another_has_the_same_model() -> None:
    there = [version("c", sha256="x"), version("b", sha256="y"), version("a", sha256="x")]
    assert stages(there, promotion(1, "a", sha256="x")) == ["champion", "", "production 1"]
    assert stages(there, promotion(1, "later", sha256="y")) == ["champion", "production 1", ""]


def test_the_messages_lines_are_read_back() -> None:
    manifest = ModelManifest(sha256="a" * 64, size=1, metrics={"f1: it\nis": 0.5})
    text = message("model/m.joblib", 3, manifest, run="https://x/actions/runs/1", by="", previous=None, merged=7)
    facts = trailers(text)
    assert (facts["Model"], facts["Sha256"], facts["Pull-Request"]) == ("model/m.joblib", "a" * 64, "7")
    assert "Previous" not in facts
    [found] = promoted([Tag(name="model/m/production/3", commit="c", date="d", message=text)])
    assert found == Promoted(
        number=3, tag="model/m/production/3", commit="c", date="d", sha256="a" * 64, path="model/m.joblib"
    )


def test_a_metric_cannot_pass_for_a_line_of_ours() -> None:
    manifest = ModelManifest(sha256="a" * 64, size=1, metrics={"x\nCmlkit-Sha256: 0": 1.0, "Cmlkit-Model": 2.0})
    facts = trailers(message("model/m.joblib", 1, manifest, run="", by="", previous=None, merged=None))
    assert (facts["Sha256"], facts["Model"]) == ("a" * 64, "model/m.joblib")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("model/random_forest.joblib", "random_forest"),
        ("m.tar.gz", "m-tar"),
        ("model/größe 2.skops", "gr-e-2"),
        ("model/.joblib", "joblib"),
    ],
)
def test_a_models_name_is_one_that_git_takes_in_a_tag(path: str, name: str) -> None:
    assert model_name(path) == name


def test_a_name_of_which_nothing_is_left_is_asked_for() -> None:
    with pytest.raises(SettingsError, match="No name"):
        model_name("model/森林.joblib")


def test_the_pattern_of_branches_is_the_template_with_stars() -> None:
    assert branch_pattern("cmlkit/{base}/{run}-{attempt}", "release/1") == "cmlkit/release/1/*-*"


def test_a_run_is_found_in_plain_text_and_in_markdown() -> None:
    address = "https://github.com/octo/forest/actions/runs/77"
    assert run_in(f"Retrain\n\n{address}\n") == address
    assert run_in(f"[This run]({address}) trained") == address
    assert run_in("See https://github.com/octo/forest") == ""
