"""No stored number is wider than it must be: DuckDB reads wide ones slowly from a file."""

import duckdb
import pytest

# Accounts of raw amounts, which may be of any size, and sums of squares: in tables of few rows.
WIDE = {
    "amount", "amount_read", "amount_accepted", "amount_superseded", "amount_part_of",
    "amount_rejected", "referred_squares_365d", "other_squares_365d",
}  # fmt: skip


def wide_columns(connection):
    """The columns of more than 18 digits, by table (findings/duckdb-reads-sums-slowly.sh)."""
    return {
        (table, column)
        for table, column in connection.execute(
            "select table_name, column_name from duckdb_columns()"
            " where table_name in (select table_name from duckdb_tables())"
            " and (data_type in ('HUGEINT', 'UHUGEINT')"
            " or data_type like 'DECIMAL(%' and numeric_precision > 18)"
        ).fetchall()
    }


def test_no_stored_sum_is_wider_than_its_values(build, built_home):
    with duckdb.connect(built_home / "build/warehouse.duckdb", read_only=True) as connection:
        found = wide_columns(connection)
    assert {column for _, column in found} <= WIDE
    assert found


@pytest.mark.parametrize("kind", ["hugeint", "decimal(19, 2)", "decimal(38, 4)"])
def test_a_wide_column_is_found(kind):
    with duckdb.connect() as connection:
        connection.execute(f"create table t as select 1::{kind} as a, 1::bigint as b")
        connection.execute("create view v as select 1::hugeint as c")
        assert wide_columns(connection) == {("t", "a")}
