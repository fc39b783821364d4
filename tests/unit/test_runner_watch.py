"""What the console says of a boot."""

from __future__ import annotations

import pytest

from cmlkit.bootstrap import BOOT_STAGES
from cmlkit.runner.watch import boot_stage


def test_the_last_stage_is_the_one_a_boot_is_at() -> None:
    console = "[  1.0] Linux\r\ncmlkit: stage=user uptime=9.1\r\ncmlkit: stage=runner-files uptime=9.5\r\nnoise"
    assert boot_stage(console) == "runner-files"


@pytest.mark.parametrize("console", ["", "Linux", "cmlkit: stage=unheard-of uptime=1", "stage=user"])
def test_what_is_no_stage_of_the_boot_script_is_none(console: str) -> None:
    assert boot_stage(console) == ""


@pytest.mark.parametrize("stage", BOOT_STAGES)
def test_every_stage_of_the_boot_script_is_known(stage: str) -> None:
    assert boot_stage(f"cmlkit: stage={stage} uptime=1.00\n") == stage
