"""Which clouds there are, and how a setting and the environment lead to one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.clouds import CLOUDS, KnownCloud, cloud_for, known, names
from cmlkit.errors import SettingsError
from cmlkit.settings.schema import RunnerSpec

TOY = KnownCloud(name="Toy Cloud", module="toy_cloud")


def test_the_default_cloud_is_known() -> None:
    assert known(RunnerSpec().cloud).name == "AWS"


def test_a_cloud_is_a_module_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(tmp_path, "toy_cloud.py").write_text(
        "def cloud_for(environ, hurried): return lambda region: region or environ['HOME_REGION']"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    of_toy = cloud_for("toy", {"HOME_REGION": "moon"}, clouds={"toy": TOY})
    assert [str(of_toy(region)) for region in ("mars", "")] == ["mars", "moon"]


def test_a_cloud_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match="The cloud 'azure' is not known.") as refused:
        cloud_for("azure", {})
    assert refused.value.next_step == "Use one of: aws."


def test_a_cloud_whose_libraries_are_missing_names_the_extra() -> None:
    absent = KnownCloud(name="Toy Cloud", module="toy_cloud_library", extra="toy")
    with pytest.raises(SettingsError, match="Launching on Toy Cloud needs toy_cloud_library.") as refused:
        cloud_for("toy", {}, clouds={"toy": absent})
    assert refused.value.next_step == "pip install 'cmlkit-ci[toy]'"


def test_messages_have_the_clouds_own_names() -> None:
    assert names() == "AWS"


@pytest.mark.parametrize("name", CLOUDS)
def test_each_cloud_can_be_had_without_asking_it(name: str) -> None:
    assert callable(cloud_for(name, {}))
