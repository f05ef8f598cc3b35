"""No fixture of a unit test has more decimals than its column.

dbt casts each value of a fixture to the type of its column, on both sides of the comparison: to
expect 1.104 of a column with two decimals is to expect 1.10, and nobody sees it.
"""

import csv
import io
import re
from decimal import Decimal

import duckdb
import pytest


@pytest.fixture(scope="module")
def decimals(build, built_home):
    """How many decimals each column of a whole number or of a decimal has, by model and column."""
    with duckdb.connect(built_home / "build/warehouse.duckdb", read_only=True) as connection:
        return {
            (table, column): scale
            for table, column, scale in connection.execute(
                "select table_name, column_name, numeric_scale from duckdb_columns()"
                " where not internal and numeric_scale is not null and data_type <> 'DOUBLE'"
            ).fetchall()
        }


def fixtures(manifest):
    """(unit test, model, rows) of all that unit tests give and expect, but for fixtures in SQL."""
    for test in manifest["unit_tests"].values():
        for given in test["given"]:
            [model] = re.findall(r"'(\w+)'\)", given["input"])
            yield test["name"], model, rows_of(given)
        yield test["name"], test["model"], rows_of(test["expect"])


def rows_of(fixture):
    if fixture["format"] == "sql":
        return []
    if isinstance(fixture["rows"], str):
        return list(csv.DictReader(io.StringIO(fixture["rows"].strip())))
    return fixture["rows"]


def decimals_of(value):
    """How many decimals the value has; 0 if it is no number, such as NULL."""
    text = str(value).strip()
    if not re.fullmatch(r"[+-]?\d*\.?\d+(e[+-]?\d+)?", text):
        return 0
    return max(0, -Decimal(text).as_tuple().exponent)


def too_exact(fixtures, decimals):
    """A line for each value that has more decimals than its column."""
    return [
        f"{test}: {model}.{column} has {decimals[model, column]} decimals, and not {value}"
        for test, model, rows in fixtures
        for row in rows
        for column, value in row.items()
        if decimals_of(value) > decimals.get((model, column), 99)
    ]


def test_no_fixture_has_more_decimals_than_its_column(manifest, decimals):
    known = {
        (model, column) for _, model, rows in fixtures(manifest) for row in rows for column in row
    } & decimals.keys()
    assert {decimals[pair] for pair in known} >= {0, 2, 4}
    assert not too_exact(fixtures(manifest), decimals)


def test_a_value_with_a_decimal_too_many_is_found():
    row = {"mrr": "1.104", "paying_customers": 1.5, "churn_rate": "0.123456789", "nothing": None}
    fixture = (
        "a_test",
        "a_model",
        [row, {"mrr": "1.10", "paying_customers": 1, "month": "2025-01-01"}],
    )
    scales = {("a_model", "mrr"): 2, ("a_model", "paying_customers"): 0, ("a_model", "nothing"): 2}
    assert too_exact([fixture], scales) == [
        "a_test: a_model.mrr has 2 decimals, and not 1.104",
        "a_test: a_model.paying_customers has 0 decimals, and not 1.5",
    ]
