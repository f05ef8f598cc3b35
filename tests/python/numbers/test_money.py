"""The macros of money, on amounts at which an engine may be a cent off, and on many random ones.

Exact fractions say what is right. Amounts have four decimals and rates eight.
"""

import random
from decimal import Decimal
from fractions import Fraction

import duckdb
import pandas as pd
import pytest
from shops.oracle import MONTHS_OF, to_cents

# A product that the seventh decimal decides; exact half cents; more than a million; the least and
# the largest numbers of the contract.
AMOUNTS = [
    *(("12.50", "1.08999996"), ("12.5000", "1.09"), ("1.0050", "1"), ("2.6750", "1"), ("0", "1.5")),
    *(
        ("0.0050", "1"),
        ("0.0049", "1"),
        ("-0.0050", "1"),
        ("-1.0050", "1"),
        ("-12.50", "1.08999996"),
    ),
    *(("1000000.0050", "1"), ("1234567.8950", "0.92208391"), ("99999999999.9999", "1.10000001")),
    *(("0.0001", "99.99999999"), ("333.3333", "0.00000001"), ("7.5000", "0.67000000")),
    *(("1.0050", "1.00000001"), ("1.0050", "0.99999999")),
]
TERMS = [("day", 1), ("week", 1), ("week", 4), ("month", 1), ("month", 3), ("year", 1), ("year", 3)]


def many_amounts(most):
    """Some amounts with four decimals, most of them at a rate that is hard for an engine."""
    chance = random.Random(1)
    for _ in range(20_000):
        rate = chance.choice([92_208_391, 92_208_391, 10**8, chance.randrange(1, 3 * 10**8)])
        yield (f"{chance.randrange(most * 10**4):.0f}e-4", f"{rate}e-8")


@pytest.fixture(scope="module")
def computed(warehouse):
    """What an expression with macros is for each row; the columns are texts, cast to `types`."""

    def compute(expression, types, rows):
        columns = ", ".join(f"{name}::{kind} as {name}" for name, kind in types.items())
        sql = f"select {expression} as money from given order by number"
        [result] = warehouse.dbt("compile", "--inline", sql).results
        with duckdb.connect() as connection:
            texts = pd.DataFrame(rows, columns=list(types), dtype=str)
            connection.register("texts", texts.reset_index(names="number"))
            connection.execute(f"create table given as select number, {columns} from texts")
            return [row[0] for row in connection.sql(result.node.compiled_code).fetchall()]

    return compute


DECIMALS = {"amount": "decimal(18, 4)", "rate": "decimal(18, 8)"}


def test_an_amount_is_converted_to_the_cent(computed):
    rows = [*AMOUNTS, *many_amounts(most=10**6)]
    expected = [to_cents(Fraction(amount) * Fraction(rate)) for amount, rate in rows]
    assert expected[:2] == [Decimal("13.62"), Decimal("13.63")]
    assert computed("{{ converted('amount', 'rate') }}", DECIMALS, rows) == expected


@pytest.mark.parametrize("unit, count", TERMS)
def test_an_amount_is_brought_to_a_month_to_the_cent(computed, unit, count):
    """By way of eight decimals. The largest amounts have more digits than a double."""
    rows = [row for row in AMOUNTS if len(row[0]) < 13] + list(many_amounts(most=10**5))
    macro = f"{{{{ monthly_amount('amount', \"'{unit}'\", '{count}', 'rate') }}}}"
    assert computed(macro, DECIMALS, rows) == [
        to_cents(round(Fraction(amount) * Fraction(rate) / MONTHS_OF[unit] / count, 8))
        for amount, rate in rows
    ]


def test_half_a_cent_of_a_double_is_rounded_away_from_zero(computed):
    """1.005 as a double is a little less than 1.005."""
    numbers = [
        "1.005",
        "2.675",
        "-1.005",
        "1000000.005",
        "0.00499999",
        "1.00499999",
        "12.344999999999",
    ]
    assert computed(
        "{{ round_to_cent('number_') }}", {"number_": "double"}, [[n] for n in numbers]
    ) == [
        Decimal(text) for text in ("1.01", "2.68", "-1.01", "1000000.01", "0.00", "1.00", "12.35")
    ]


def test_months_are_counted_from_month_to_month(computed):
    """Engines differ in what they call the months from 31 January to 28 February."""
    days = [
        *(("2025-01-31", "2025-02-28", 1), ("2025-01-31", "2025-02-01", 1)),
        *(("2024-12-31", "2025-01-01", 1), ("2024-02-29", "2025-02-28", 12)),
        *(("2025-03-01", "2025-03-31", 0), ("2025-03-31", "2025-02-01", -1)),
    ]
    found = computed(
        "{{ months_between('first_day', 'last_day') }}",
        {"first_day": "date", "last_day": "date"},
        [day[:2] for day in days],
    )
    assert found == [months for *_, months in days]
