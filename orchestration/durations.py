"""Durations as people write them: 90m, 26h, 2d."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_duration(text: str) -> timedelta:
    """Return the duration in `text`, a whole number and a unit; raise ValueError if it is none."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if not match:
        raise ValueError(f"{text!r} is no duration; write it as 90m, 26h or 2d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
