"""The days of the shop, from the first one to the last one.

Nothing happens after LAST_DAY, since the day after the latest event becomes the as-of date. A few
hard cases and faults lie in 2031, beyond any build of the next years.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from shop.chance import Dice

FIRST_DAY = date(2023, 1, 9)
LAST_DAY = date(2025, 12, 17)
DAYS = (LAST_DAY - FIRST_DAY).days + 1
OPENING = datetime(2023, 1, 9)
AS_OF = datetime(2025, 12, 18)
GROWTH_PER_YEAR = 0.28
STRONGEST_SEASON = 1.4


def season(day: date) -> float:
    """Return how strongly people buy coffee on this day; an ordinary month has 1."""
    if (day.month, day.day) > (12, 24):
        return 1.0
    return {1: 0.95, 7: 0.9, 8: 0.9, 11: 1.25, 12: STRONGEST_SEASON}.get(day.month, 1.0)


def growth(day: float) -> float:
    """Return how many customers arrive on this day, relative to the first day of the shop."""
    return 1.0 + GROWTH_PER_YEAR * day / 365.0


def day_of_shop(day: float) -> date:
    """Return the date of a day that is counted from FIRST_DAY."""
    return FIRST_DAY + timedelta(days=int(day))


def clock(dice: Dice, day: float) -> datetime:
    """Return a moment on this day of the shop at which people are awake."""
    hour = 6.0 + 15.5 * (dice.unit() + dice.unit()) / 2.0
    return OPENING + timedelta(days=int(day), seconds=int(hour * 3600.0))


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same day some months later; a day that the month lacks becomes its last day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    first_of_next = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last_day = (first_of_next - timedelta(days=1)).day
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))


def not_after_the_end(moment: datetime) -> datetime:
    """Return the moment, or the last second of the data if that is earlier."""
    return min(moment, AS_OF - timedelta(seconds=1))
