"""Which cloud a command works with."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cmlkit.cli import cli
from cmlkit.errors import SettingsError


@pytest.mark.parametrize(
    ("flags", "environ"), [(["--cloud", "azure"], {}), ([], {"CMLKIT_RUNNER_CLOUD": "azure"})], ids=["flag", "variable"]
)
def test_a_cloud_that_is_not_known_is_a_wrong_setting(flags: list[str], environ: dict[str, str]) -> None:
    ended = CliRunner().invoke(cli, ["runner", "list", *flags], obj=environ)
    assert isinstance(ended.exception, SettingsError)
    assert (ended.exception.message, ended.exception.next_step) == (
        "The cloud 'azure' is not known.",
        "Use one of: aws.",
    )
