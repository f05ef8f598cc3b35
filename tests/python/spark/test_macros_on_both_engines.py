"""Every macro that counts money or days, on both engines, over values that chance draws.

Half of the values are those on which engines are known to differ: exact halves of a cent, the last
days of months and years, leap days, hours that a clock has twice or never, negative and huge ones.
"""

import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import pytest
from raw.macros import macros

from both_engines import BothEngines

VALUES = 5_000
UNITS = ("day", "week", "month", "year")
# Midnights that come twice or never, half hours, a day that was left out, summer in January.
ZONES = (
    *("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"),
    *("America/Havana", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "Africa/Casablanca"),
)


def decimal_of(chance, digits, decimals):
    """A decimal of up to so many digits before the point; most have few."""
    whole = chance.randrange(10 ** min(digits, chance.choice((0, 1, 2, 3, 4, 6, digits))))
    return Decimal(whole) + Decimal(chance.randrange(10**decimals)).scaleb(-decimals)


def money(chance, number):
    """An amount, a rate, a count of intervals, and a number that may be an exact half cent."""
    amount = decimal_of(chance, 13, chance.choice((0, 1, 2, 4)))
    rate = chance.choice((Decimal(1), decimal_of(chance, 1, 8), decimal_of(chance, 0, 8)))
    half = decimal_of(chance, 11, 2) + Decimal("0.005")
    if chance.random() < 0.3:
        # The product is an exact half of a cent, and one of its factors has many digits.
        rate = chance.choice((Decimal("0.5"), Decimal("0.25"), Decimal("1.5"), Decimal("0.00000005")))
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
    "cut_to_12_decimals": lambda m: f"cast({m.order_free_sum('share', 12)} over (partition by id) as double)",
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
    offsets = [moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).utcoffset() for moment in moments]
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
    "day_as_text": lambda m: "cast(day as string)",
}


def texts(chance, number):
    """A text as raw files have them: a value in one of the forms, some with a sign too many."""
    sign, point = chance.choice(("", "", "-", "+")), chance.choice((".", ".", ".", ",", ""))
    moment = datetime(chance.randrange(1890, 2110), 1, 1) + timedelta(seconds=chance.randrange(10**8))
    offset = chance.choice(("", "Z", "z", " UTC", "+02", "-0330", " +05:30", "+14:00", "+15:00"))
    second = chance.choice(("", ":07", ":07.5", ":59.123456", ":00.123456789", ":60"))
    nines = "9" * chance.randrange(1, 16)
    text = chance.choice(
        (
            f"{sign}{chance.randrange(10 ** chance.randrange(1, 19))}",
            f"{sign}{chance.randrange(10 ** chance.randrange(1, 15))}{point}{chance.randrange(10**4)}",
            f"{sign}{chance.randrange(10**6)}.{chance.randrange(10 ** chance.randrange(1, 25))}",
            f"{sign}{chance.randrange(10**3)}.{chance.randrange(10**4):04}5",
            f"{sign}{nines}.{nines}",
            f"{chance.randrange(10**3)}.{'0' * chance.randrange(1, 4)}",
            f"{moment:%Y-%m-%d}",
            f"{moment.year}-{chance.randrange(14):02}-{chance.randrange(33):02}",
            f"{moment:%Y-%m-%d}{chance.choice('T ')}{moment:%H:%M}{second}{offset}",
            f"orders/{moment:%Y-%m-%d}-{chance.randrange(10)}.csv",
            chance.choice(("true", "False", "TRUE", "0", "1", "yes", "null", "N/A", "\\N", "NaN")),
            chance.choice(("1e3", "1.5E+7", "infinity", "1_000", "'7", "'007", "''7", "o'neil", "")),
            chance.choice(("a\tb", "é", "x" * 255, "x" * 256, "7.0\n", "2024-01-01\n", "١٢", " 7 ")),
        )
    )
    if chance.random() < 0.1 and text:
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice("0 -.\nZ\u00a0'x") + text[place + 1 :]
    return {"id": number, "word": text, "other_word": chance.choice(("a", "B", "é", "z", text))}


TEXTS = {
    **{
        f"as_{form}": lambda m, form=form: m.cast_text("word", form)
        for form in ("identifier", "decimal", "integer", "rate", "boolean", "date", "timestamp")
    },
    "day_in_it": lambda m: m.date_in_text("word"),
    "trimmed": lambda m: m.trimmed("word"),
    "share": lambda m: m.share_of_text("word"),
    "low": lambda m: "lower(word)",
    "letters": lambda m: "cast(length(word) as bigint)",
    "is_before": lambda m: "word < other_word",
    "is_rounded": lambda m: m.is_rounded("word", m.cast_text("word", "decimal")),
}


def groups(chance, number):
    """A value in one of fifty groups, with a place in it."""
    return {
        "id": number,
        "part": chance.randrange(50),
        "word": chance.choice((None, "basic", "Extra", "é", "a, b", "plan " + str(number % 7))),
        "amount": chance.choice((None, Decimal(chance.randrange(-(10**7), 10**9)).scaleb(-2))),
        "first": chance.randrange(5),
    }


def counts(chance, number):
    """Counts of two groups, and moments of values in them."""
    ones, twos = chance.choice((0, 1, 2, 9, 50, 10**6)), chance.choice((0, 1, 3, 10, 10**5))
    return {
        "id": number,
        "bought": chance.choice((0, ones, chance.randrange(ones + 1))),
        "ones": ones,
        "others_bought": chance.choice((0, twos, chance.randrange(twos + 1))),
        "twos": twos,
        "variance": chance.choice((1e-9, 1e9, chance.random())),
        "survival": chance.choice((1e-12, 1 - 1e-12, chance.random() * 0.98 + 0.01)),
        "error": chance.random() / 10,
        "total": Decimal(chance.randrange(10**9)).scaleb(-2),
    }


RATES = {
    **{
        name: lambda m, name=name: getattr(m, name)("bought", "ones")
        for name in ("wilson_low", "wilson_high")
    },
    **{
        name: lambda m, name=name: getattr(m, name)("bought", "ones", "others_bought", "twos")
        for name in ("newcombe_low", "newcombe_high")
    },
    **{
        name: lambda m, name=name: getattr(m, name)("ln(survival)", "error")
        for name in ("log_log_low", "log_log_high", "normal_low", "normal_high")
    },
    "variance_of_sums": lambda m: m.variance_of_sums("ones", "total", "total * total"),
    "welch_reach": lambda m: (
        "case when ones > 1 and twos > 1 then "
        + m.welch_reach("variance", "ones", "error", "twos")
        + " end"
    ),
    "values_to_tell": lambda m: m.values_to_tell("survival", "ones", "twos", "0.03"),
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


def test_texts(on_both):
    given = on_both(texts)
    found = given.differences(TEXTS, macros(), macros("spark"))
    berlin = {"as_timestamp": TEXTS["as_timestamp"]}
    found += given.differences(
        berlin,
        *(macros(engine, reporting_timezone="Europe/Berlin") for engine in ("duckdb", "spark")),
    )
    assert found == []


def test_rates_and_intervals(on_both):
    assert on_both(counts).differences(RATES, macros(), macros("spark")) == []


def test_chances_of_fisher(on_both):
    given = on_both(counts)
    few = "few as (select * from given where ones < 1000 and twos < 1000), "
    queries = [
        f"with {few}"
        + macros(engine).fisher_p_values("few", "bought", "ones", "others_bought", "twos")
        + " select * from with_p_values"
        for engine in ("duckdb", "spark")
    ]
    assert given.differences_of_queries(*queries, ["id"], ["p_value"]) == []


def test_lists(on_both):
    given = on_both(groups)
    queries = [
        f"select part, {m.sorted_list('word')} as words,"
        f" cast({m.sum_of_largest_tenth('amount')} as decimal(18, 2)) as largest"
        " from given group by part"
        for m in (macros(), macros("spark"))
    ]
    assert given.differences_of_queries(*queries, ["part"], ["words", "largest"]) == []
    queries = [
        f"select id, {m.median_so_far('amount', 'part', 'id')} as middle from given"
        for m in (macros(), macros("spark"))
    ]
    assert given.differences_of_queries(*queries, ["id"], ["middle"]) == []
    queries = [
        f"select id, first, {m.each_number('first', 'first + 3')} as step from given"
        for m in (macros(), macros("spark"))
    ]
    assert given.differences_of_queries(*queries, ["id", "step"], ["first"]) == []


@pytest.mark.parametrize(
    "expression",
    [
        "cast(1e17 as decimal(18, 2))",
        "cast('x' as decimal(18, 2))",
        "cast('2025-02-30' as date)",
        "cast(9223372036854775807 as bigint) + cast(1 as bigint)",
    ],
)
def test_what_cannot_be_is_an_error_on_both(spark, expression):
    with pytest.raises(duckdb.Error):
        duckdb.sql(f"select {expression}").fetchall()
    with pytest.raises(Exception, match="OVERFLOW|OUT_OF_RANGE|CAST_INVALID_INPUT"):
        spark.sql(f"select {expression}").collect()
