"""Schedules that GitHub takes, and those that it does not."""

from __future__ import annotations

import pytest

from cmlkit.errors import SettingsError
from cmlkit.scaffold.cron import check_schedule
from cmlkit.scaffold.templates import workflow, workflow_names


@pytest.mark.parametrize(
    "schedule",
    [
        "0 8 * * *",
        "*/5 * * * *",
        "20/15 * * * *",
        "15,45 4-6 1 JAN,JUL *",
        "30 5 * * MON-FRI",
        "0 0 * * 0",
        "0 0 29 2 *",
        "0 0 31 2 1",
        "0 */6 * * *",
        "55 23 * * *",
    ],
)
def test_a_schedule_of_github_is_taken(schedule: str) -> None:
    check_schedule(schedule)


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("every day", "it has 2 fields, and cron has 5"),
        ("daily", "it has 1 field,"),
        ("0 0 8 * * *", "it has 6 fields"),
        ("@daily", "it takes no names such as @daily"),
        ("61 8 * * *", "the minute 61 is not within 0-59"),
        ("0 24 * * *", "the hour 24 is not within 0-23"),
        ("0 8 0 * *", "the day of the month 0 is not within 1-31"),
        ("0 8 * 13 *", "the month 13 is not within 1-12"),
        ("0 8 * * 7", "the day of the week 7 is not within 0-6; Sunday is 0"),
        ("0 8 * * mon", "'mon' is not a day of the week: write 0-6 or SUN-SAT"),
        ("0 8 * * FRI-MON", "the range 'FRI-MON' of the day of the week ends before it begins"),
        ("0 8 L * *", "'L' is not a day of the month"),
        ("0 8 ? * *", "'?' is not a day of the month"),
        ("0 8 * * MON#1", "'MON#1' is not a day of the week"),
        ("*/0 8 * * *", "the step '0' of the minute is not within 1-59"),
        ("0, 8 * * *", "'' is not a minute"),
        ("-5 8 * * *", "'-5' is not a minute"),
        ("* 8 * * *", "it runs every 1 min, and the shortest interval is 5 min"),
        ("0,3 * * * *", "it runs every 3 min"),
        ("58,0 * * * *", "it runs every 2 min"),
        ("0 0 31 2,4 *", "none of its months has that day, so it never runs"),
        ("", "it has 0 fields"),
    ],
)
def test_any_other_is_an_error_that_says_what_is_wrong_and_shows_some(schedule: str, why: str) -> None:
    with pytest.raises(SettingsError, match="is not one of GitHub's") as caught:
        check_schedule(schedule)
    assert why in caught.value.message
    assert '"0 8 * * *" is daily at 08:00 UTC' in caught.value.next_step


@pytest.mark.parametrize("name", workflow_names())
def test_the_templates_have_schedules_of_github(name: str) -> None:
    for line in workflow(name).splitlines():
        if line.strip().startswith("- cron:"):
            check_schedule(line.split('"')[1])
