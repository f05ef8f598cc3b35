"""Durations, as people type them and as they are written."""

from datetime import timedelta

import pytest

from orchestration.settings.durations import format_duration, read_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("45s", timedelta(seconds=45)),
        ("90m", timedelta(minutes=90)),
        ("26h", timedelta(hours=26)),
        (" 2d\n", timedelta(days=2)),
        ("0m", timedelta()),
        ("999999d", timedelta(days=999_999)),
    ],
)
def test_a_number_and_a_unit_are_read(text, duration):
    assert read_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "26", "h", "26 h", "-1h", "1.5h", "2w", "1h30m", "26H", "٣h", "9999999d"]
)
def test_anything_else_is_refused_with_what_is_read(text):
    with pytest.raises(ValueError, match="90m, 26h or 2d") as refused:
        read_duration(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=59.9), "59s"),
        (timedelta(minutes=61), "1h 1m"),
        (timedelta(hours=26, seconds=30), "1d 2h"),
        (timedelta(days=10, minutes=5), "10d 5m"),
    ],
)
def test_a_duration_is_written_in_its_units(duration, text):
    assert format_duration(duration) == text
