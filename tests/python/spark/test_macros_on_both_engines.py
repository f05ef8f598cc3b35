"""Every macro that counts money or days, on both engines, over values that chance draws.

Half of the values are those on which engines are known to differ: exact halves of a cent, the last
days of months and years, leap days, hours that a clock has twice or never, negative and huge ones.
"""

import duckdb
import pytest
import yaml
from both_engines import BothEngines
from conftest import ROOT
from drawn_values import ZONES, counts, days, drawn, groups, money, texts
from raw.macros import macros

from orchestration.settings.duckdb_settings import NULL_ORDER

pytestmark = pytest.mark.spark

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


def record(m):
    """A record of two texts, as staging keeps what it rejects."""
    return m.as_json(m.record_of(["word", "other_word"]).replace("word_text", "word"))


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
    "record": lambda m: record(m),
    "word_of_the_record": lambda m: m.json_text(record(m), "word"),
    "literal": lambda m: m.sql_text("it's a \\n"),
    "is_rounded": lambda m: m.is_rounded("word", m.cast_text("word", "decimal")),
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
    return lambda draw: BothEngines(spark, tmp_path, drawn(draw))


def test_money(on_both):
    assert on_both(money).differences(MONEY, macros(), macros("spark")) == []


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
        f"select id, first, {m.each_number('first', 'part - 20')} as step from given"
        for m in (macros(), macros("spark"))
    ]
    assert given.differences_of_queries(*queries, ["id", "step"], ["first"]) == []


def test_each_day(on_both):
    given = on_both(days)
    few = "(select * from given where id < 200) as few"
    queries = [
        f"select date_day, count(*) as times from ({m.each_day('day', 'other_day', few)}) as days"
        " group by date_day"
        for m in (macros(), macros("spark"))
    ]
    assert given.differences_of_queries(*queries, ["date_day"], ["times"]) == []


def test_nulls_come_at_the_same_place(on_both):
    given = on_both(groups)
    profile = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))
    order = profile["tenure"]["outputs"]["private"]["config_options"]["default_null_order"]
    # Mappings of other systems run outside of dbt.
    assert order == NULL_ORDER
    given.connection.execute(f"set default_null_order = '{order}'")
    query = (
        "select id, row_number() over (order by amount, id) as place,"
        " row_number() over (order by amount desc, id) as from_the_end,"
        " first_value(amount) over (partition by part order by amount, id) as least from given"
    )
    names = ["place", "from_the_end", "least"]
    assert given.differences_of_queries(query, query, ["id"], names) == []


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
    with pytest.raises(Exception, match=r"OVERFLOW|OUT_OF_RANGE|CAST_INVALID_INPUT"):
        spark.sql(f"select {expression}").collect()
