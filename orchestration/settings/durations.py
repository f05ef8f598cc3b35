"""Durations as people type them: 90m, 26h, 2d."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_duration(text: str) -> timedelta:
    """Return the duration that `text` gives as a whole number and a unit: s, m, h or d.

    Raises ValueError, with the forms that are read, for anything else.
    """
    given = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if not given:
        raise ValueError(f"not a duration such as 90m, 26h or 2d: {text!r}")
    number, unit = given.groups()
    return timedelta(**{_UNITS[unit]: int(number)})


def written(duration: timedelta) -> str:
    """Return `duration` in days, hours and minutes, such as 1d 2h 5m; if short, in seconds."""
    seconds = int(duration.total_seconds())
    numbers = {"d": seconds // 86400, "h": seconds // 3600 % 24, "m": seconds // 60 % 60}
    parts = [f"{number}{unit}" for unit, number in numbers.items() if number]
    return " ".join(parts) or f"{seconds}s"
