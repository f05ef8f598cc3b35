"""No outer join compares all rows with all rows where an equality could find the pairs."""

import json
import re

import duckdb
import pytest

EQUALITY = re.compile(r"\b\w+ = [a-z_]\w*\b")


def slow_joins(connection, query):
    """The conditions of outer joins that are looked at for all pairs of rows.

    DuckDB makes a hash join of an outer join only if each part of its condition compares something
    of one side with something of the other (findings/duckdb-left-join-with-or.sh).
    """
    [(_, plan)] = connection.execute(f"explain (format json) {query}").fetchall()
    waiting, found = json.loads(plan), []
    while waiting:
        step = waiting.pop()
        waiting += step["children"]
        if step["name"] == "BLOCKWISE_NL_JOIN" and step["extra_info"]["Join Type"] != "INNER":
            found.append(step["extra_info"]["Condition"])
    return [condition for condition in found if EQUALITY.search(condition)]


def test_no_outer_join_looks_at_all_pairs(build, built_home):
    queries = sorted((built_home / "dbt/built/compiled").rglob("*.sql"))
    with duckdb.connect(built_home / "build/warehouse.duckdb", read_only=True) as connection:
        found = {
            query.name: conditions
            for query in queries
            if (conditions := slow_joins(connection, query.read_text(encoding="utf-8")))
        }
    assert not found
    assert len(queries) > 300


@pytest.mark.parametrize(
    ("condition", "is_slow"),
    [
        ("x.a = y.a", False),
        ("x.a = y.a and x.b < y.b", False),
        ("x.a = y.a and x.b < coalesce(y.b, 9)", False),
        ("x.a = y.a and coalesce(x.b < y.b, true)", True),
        ("x.a = y.a and (x.b < y.b or y.b is null)", True),
        ("x.a = y.a and x.b = 1", True),
        ("coalesce(x.b < y.b, true)", False),
    ],
)
def test_a_slow_join_is_found(condition, is_slow):
    with duckdb.connect() as connection:
        for table in ("x", "y"):
            rows = "select range as a, nullif(range, 4) as b from range(9)"
            connection.execute(f"create table {table} as {rows}")
        joined = f"select * from x left join y on {condition}"
        assert bool(slow_joins(connection, joined)) == is_slow
