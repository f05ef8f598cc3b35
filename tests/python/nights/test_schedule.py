"""The nightly run starts once on every local day, also on days of 23, 24 1/2 and 25 hours."""

import runpy
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo, available_timezones

import dagster as dg
import pytest

# The daemon of Dagster asks this function which runs are due.
from dagster._utils.schedules import schedule_execution_time_iterator

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2033, 12, 31)


@pytest.fixture
def starts(monkeypatch):
    """The local times at which the real schedule starts runs, from a UTC time on."""

    def starts_from(begin: datetime, timezone: str) -> Iterator[datetime]:
        monkeypatch.setattr(
            "orchestration.settings.variables.project_defaults",
            lambda: {"reporting_timezone": timezone},
        )
        # A copy of the module, so that the imported module stays as it is.
        module = runpy.run_module("orchestration.defs.schedules")
        schedule: dg.ScheduleDefinition = module["nightly_schedule"]
        assert schedule.execution_timezone == timezone
        for start in schedule_execution_time_iterator(
            begin.timestamp(), schedule.cron_schedule, schedule.execution_timezone
        ):
            yield start.astimezone(ZoneInfo(timezone))

    return starts_from


def check_days(starts: Iterator[datetime], last_day: date) -> list[datetime]:
    """Check that each day of FIRST_DAY to last_day has one start, at two; return the starts."""
    found = list(takewhile(lambda start: start.date() <= last_day, starts))
    per_day = Counter(start.date() for start in found)
    days = [FIRST_DAY + timedelta(days=day) for day in range((last_day - FIRST_DAY).days + 1)]
    assert {day: per_day[day] for day in days if per_day[day] != 1} == {}
    assert len(found) == len(days)
    # Where clocks skip two o'clock, the run starts just after the change, up to two hours later.
    assert all(time(2) <= start.time() <= time(4) for start in found)
    return found


@pytest.mark.parametrize(
    "timezone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]
)
def test_each_local_day_has_one_start(starts, timezone, reliability):
    midnight = datetime.combine(FIRST_DAY, time(), ZoneInfo(timezone))
    found = check_days(starts(midnight, timezone), LAST_DAY)
    # The result is the same when the daemon asks again after every start.
    for start, following in pairwise(found):
        assert next(starts(start.astimezone(UTC) + timedelta(seconds=1), timezone)) == following
    reliability(
        "catching up",
        f"days on which the clock is put forward or back, in {timezone}",
        "the real schedule, by the daemon's own reckoning, over ten years",
        tried=len(found),
        lost="nothing",
    )


def test_every_timezone_that_may_be_set_has_one_start_a_day(starts):
    for timezone in sorted(available_timezones()):
        midnight = datetime.combine(FIRST_DAY, time(), ZoneInfo(timezone))
        check_days(starts(midnight, timezone), FIRST_DAY + timedelta(days=365))
