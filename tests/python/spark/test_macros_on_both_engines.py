"""Every macro that counts money or days, on both engines, over values that chance draws.

Half of the values are those on which engines are known to differ: exact halves of a cent, the last
days of months and years, leap days, hours that a clock has twice or never, negative and huge ones.
"""

import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from both_engines import BothEngines
from raw.macros import macros

VALUES = 5_000
UNITS = ("day", "week", "month", "year")
# Midnights that come twice or never, half hours, a day that was left out, summer in January.
ZONES = (
    *("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"),
    *("America/Havana", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "Africa/Casablanca"),
)


def decimal_of(chance, digits, decimals):
    """A decimal of up to so many digits before the point; most have few."""
    whole = chance.randrange(10 ** chance.choice((0, 1, 2, 3, 4, 6, digits)))
    return Decimal(whole) + Decimal(chance.randrange(10**decimals)).scaleb(-decimals)


def money(chance, number):
    """An amount, a rate, a count of intervals, and a number that may be an exact half cent."""
    amount = decimal_of(chance, 13, chance.choice((0, 1, 2, 4)))
    rate = chance.choice((Decimal(1), decimal_of(chance, 1, 8), decimal_of(chance, 0, 8)))
    half = decimal_of(chance, 11, 2) + Decimal("0.005")
    if chance.random() < 0.3:
        # The product is an exact half of a cent, and one of its factors has many digits.
        rate = chance.choice(
            (Decimal("0.5"), Decimal("0.25"), Decimal("1.5"), Decimal("0.00000005"))
        )
        amount = chance.choice((half * 2, half, Decimal(100000) * chance.randrange(1, 10**6)))
    sign = chance.choice((1, 1, -1))
    return {
        "id": number,
        "amount": sign * amount,
        "rate": rate,
        "half": sign * half,
        "intervals": chance.choice((1, 1, 2, 3, 6, 12, 13, 24)),
        "unit": chance.choice(UNITS),
        "number": float(sign * chance.choice((half, amount * rate, amount / 7))),
        "share": chance.random(),
    }


MONEY = {
    "converted": lambda m: m.converted("amount", "rate"),
    "monthly_amount": lambda m: m.monthly_amount("amount", "unit", "intervals", "rate"),
    "months_per_interval": lambda m: m.months_per_interval("unit", "intervals"),
    "round_to_cent": lambda m: m.round_to_cent("number"),
    "safe_divide": lambda m: m.safe_divide("amount", "half"),
    "divided_by_zero": lambda m: m.safe_divide("amount", "half - half"),
    "to_the_cent": lambda m: "cast(half as decimal(18, 2))",
    "rounded": lambda m: "cast(round(amount, 2) as decimal(18, 2))",
    "margin": lambda m: m.round_to_cent("cast(amount as double) * 0.7e0"),
    "cut_to_12_decimals": lambda m: (
        f"cast({m.order_free_sum('share', 12)} over (partition by id) as double)"
    ),
}


def days(chance, number):
    """Two days, a moment, and a number of days or months."""
    day = date(chance.randrange(1990, 2035), 1, 1) + timedelta(chance.randrange(365))
    year = chance.randrange(1990, 2035)
    month = chance.randrange(1, 13)
    edges = (
        *(date(year, 12, 31), date(year, 1, 1), date(year // 4 * 4, 2, 29)),
        date(year + month // 12, month % 12 + 1, 1) - timedelta(1),
        date(year, month, 1),
    )
    other = day + timedelta(chance.randrange(-400, 400))
    moment = datetime.combine(chance.choice((day, *edges)), time(chance.randrange(24)))
    moment += timedelta(microseconds=chance.choice((0, 1, 500_000, 999_999, 59_999_999)))
    return {
        "id": number,
        "day": chance.choice((day, *edges)),
        "other_day": chance.choice((other, *edges)),
        "moment": chance.choice((moment, near_a_change(chance, year))),
        "other_moment": moment + timedelta(seconds=chance.randrange(-(10**6), 10**6)),
        "number": chance.choice((0, 1, -1, 12, 13, -13, chance.randrange(-1000, 1000))),
    }


def near_a_change(chance, year):
    """A moment, in UTC, within three hours of one at which the clock of some zone is changed."""
    zone = ZoneInfo(chance.choice(ZONES))
    moments = [datetime(year, 1, 1) + timedelta(hours=6 * quarter) for quarter in range(1460)]
    offsets = [
        moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).utcoffset() for moment in moments
    ]
    changes = [
        moment
        for moment, before, after in zip(moments, offsets, offsets[1:], strict=False)
        if before != after
    ]
    change = chance.choice(changes or moments)
    return change + timedelta(seconds=chance.randrange(-10_800, 32_400))


DAYS = {
    **{
        f"{part}s_added": lambda m, part=part: f"cast({m.dateadd(part, 'number', 'day')} as date)"
        for part in ("day", "week", "month", "quarter", "year")
    },
    **{
        f"{part}s_added_to_a_moment": lambda m, part=part: m.dateadd(part, "number", "moment")
        for part in ("second", "minute", "hour", "day", "month", "year")
    },
    **{
        f"{part}s_between": lambda m, part=part: (
            f"cast({m.datediff('day', 'other_day', part)} as bigint)"
        )
        for part in ("day", "month", "quarter", "year")
    },
    **{
        f"{part}s_between_moments": lambda m, part=part: (
            f"cast({m.datediff('moment', 'other_moment', part)} as bigint)"
        )
        for part in ("second", "minute", "hour", "day", "month")
    },
    **{
        f"{part}_begins": lambda m, part=part: f"cast({m.date_trunc(part, 'day')} as date)"
        for part in ("week", "month", "quarter", "year")
    },
    "month_ends": lambda m: m.last_day("day", "month"),
    "months_between": lambda m: f"cast({m.months_between('day', 'other_day')} as bigint)",
    "day_of_the_moment": lambda m: "cast(moment as date)",
    "year": lambda m: "cast(extract(year from day) as bigint)",
    "day_as_text": lambda m: "cast(day as {})".format("string"),
}


@pytest.fixture
def on_both(spark, tmp_path):
    import pyarrow

    def make(drawn_by, schema=None):
        chance = random.Random(drawn_by.__name__)
        rows = [drawn_by(chance, number) for number in range(VALUES)]
        return BothEngines(spark, tmp_path, pyarrow.Table.from_pylist(rows, schema))

    return make


def test_money(on_both):
    import pyarrow

    schema = pyarrow.schema(
        {
            "id": pyarrow.int64(),
            "amount": pyarrow.decimal128(18, 4),
            "rate": pyarrow.decimal128(18, 8),
            "half": pyarrow.decimal128(18, 4),
            "intervals": pyarrow.int64(),
            "unit": pyarrow.string(),
            "number": pyarrow.float64(),
            "share": pyarrow.float64(),
        }
    )
    assert on_both(money, schema).differences(MONEY, macros(), macros("spark")) == []


def test_days_and_moments(on_both):
    assert on_both(days).differences(DAYS, macros(), macros("spark")) == []


def test_days_of_timezones(on_both):
    given = on_both(days)
    cases = {
        "local_date": lambda m: m.local_date("moment"),
        "local_midnight": lambda m: m.local_midnight("day"),
    }
    found = [
        f"{zone}: {line}"
        for zone in ZONES
        for line in given.differences(
            cases, *(macros(engine, reporting_timezone=zone) for engine in ("duckdb", "spark"))
        )
    ]
    assert found == []
