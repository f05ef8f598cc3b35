"""Durations as people type them (90m, 26h, 2d) and as messages show them."""

import re
from datetime import timedelta

_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


def read_duration(text: str) -> timedelta:
    """Return the duration in `text`: a whole number and a unit, which is s, m, h or d.

    Raises ValueError for any other text; the message shows the allowed forms.
    """
    given = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if not given:
        raise ValueError(
            f"not a duration such as 90m, 26h or 2d: {text!r};"
            " give a whole number, and behind it d, h, m or s, which are days to seconds"
        )
    number, unit = given.groups()
    return timedelta(**{f"{_UNITS[unit]}s": int(number)})


def format_duration(duration: timedelta, *, is_spelled_out: bool = False) -> str:
    """Return `duration`, not negative, such as `1d 2h 5m`, or spelled out `1 day 2 hours`.

    Units with the number 0 are left out. Seconds are shown only below a minute: `42s`.
    """
    seconds = int(duration.total_seconds())
    numbers = {"d": seconds // 86400, "h": seconds // 3600 % 24, "m": seconds // 60 % 60}
    shown = {unit: number for unit, number in numbers.items() if number} or {"s": seconds}
    if not is_spelled_out:
        return " ".join(f"{number}{unit}" for unit, number in shown.items())
    return " ".join(
        f"{number} {_UNITS[unit]}{'' if number == 1 else 's'}" for unit, number in shown.items()
    )
