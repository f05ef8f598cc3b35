"""Raw records in tables of a catalog: native types, optional columns, and what is refused."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from builds import build_on_hive
from conftest import ROOT

from orchestration.spark import raw_tables
from orchestration.spark.other_systems import compile_mappings
from orchestration.spark.raw_tables import tables_below, write_raw_tables

ORDERS = """
create schema if not exists raw;
create table raw.orders using parquet as
select * from values
    (1L, 7, timestamp'2025-01-02 03:04:05.5', 12.5d, 'usd', true, 'x'),
    (2L, 8, timestamp'2025-01-03 00:00:00', 12345678.1d, null, false, 'x'),
    (3L, 8, timestamp'2025-01-03 00:00:00', 0.1d, 'EUR', false, 'x'),
    (4L, null, timestamp'2025-01-04 00:00:00', 2e15d, 'USD', null, 'x')
as given(order_id, customer_id, ordered_at, amount, currency, is_test, odd)
"""
DAYS = (
    "create schema if not exists raw; create table raw.orders using parquet as select 1 as order_id"
)


@pytest.mark.spark
def test_tables_of_native_types_are_read_by_the_contract(needs_spark, tmp_path):
    done = build_on_hive(tmp_path, ORDERS, "+stg_order_records", "+stg_cart_records")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "columns that the contract does not know are left out: odd" in done.stdout
    staging = tmp_path / "spark/warehouse/staging.db"
    found = duckdb.sql(
        "select order_id, customer_id, outcome, original_amount::varchar, is_test,"
        " timezone('UTC', ordered_at)::varchar, file, reject_reason"
        f" from '{staging}/stg_order_records/*.parquet' order by order_id"
    ).fetchall()
    of_day_3 = (False, "2025-01-03 00:00:00", "raw.orders", None)
    [one, two, three, four] = found
    assert one == (
        "1",
        "7",
        "accepted",
        "12.5000",
        True,
        "2025-01-02 03:04:05.5",
        "raw.orders",
        None,
    )
    assert two == ("2", "8", "accepted", "12345678.1000", *of_day_3)
    assert three == ("3", "8", "accepted", "0.1000", *of_day_3)
    assert four[:4] == ("4", None, "rejected", None)
    assert four[-1].startswith("amount is not a decimal such as 12.50")
    # A table that is missing is empty, and no file.
    carts = duckdb.sql(f"select count(*) from '{staging}/stg_cart_records/*.parquet'").fetchall()
    files = duckdb.sql(f"select table_name, records from '{staging}/stg_source_files/*.parquet'")
    assert (carts, files.fetchall()) == ([(0,)], [("orders", 4)])


# One batch brought both tables, and an unknown column is a map.
BATCH = """
create schema if not exists raw;
create table raw.orders (
    order_id int, customer_id varchar(36), ordered_at date, amount float, discount_amount double,
    currency char(10), tags map<string, int>, file string
) using parquet;
insert into raw.orders values
    (1, ' 7 ', date'2025-01-02', 1234567.1f, 0.5d, 'usd', map('a', 1), '2025-01-05'),
    (2, '', date'2025-01-02', 0.1f, null, '', null, '2025-01-05'),
    (3, '7', date'2025-01-02', 1f, cast('NaN' as double), 'usd', null, '2025-01-06'),
    (4, '7', date'2025-01-02', cast('Infinity' as float), null, 'usd', null, null),
    (5, '7', date'2025-01-02', 1e30f, null, 'usd', null, '2025-01-06');
create table raw.customers using parquet as select 7 as customer_id, '2025-01-05' as file
"""


@pytest.mark.spark
def test_texts_of_fixed_lengths_numbers_that_are_none_and_files_of_one_name(needs_spark, tmp_path):
    done = build_on_hive(tmp_path, BATCH, "+stg_order_records", "+stg_customer_records")
    assert done.returncode == 0, done.stdout[-3000:]
    staging = tmp_path / "spark/warehouse/staging.db"
    found = duckdb.sql(
        "select order_id, customer_id, original_currency, original_amount::varchar, file,"
        f" coalesce(reject_reason, remark) from '{staging}/stg_order_records/*.parquet' order by 1"
    ).fetchall()
    assert found[0] == ("1", "7", "USD", "1234567.1000", "raw.orders/2025-01-05", None)
    assert found[1] == ("2", None, "USD", "0.1000", "raw.orders/2025-01-05", None)
    told = [(row[0], row[4], row[5].partition(" such")[0]) for row in found[2:]]
    assert told == [
        ("3", "raw.orders/2025-01-06", "discount_amount cannot be read and is left empty"),
        ("4", "raw.orders", "amount is not a decimal"),
        ("5", "raw.orders/2025-01-06", "amount is not a decimal"),
    ]
    files = duckdb.sql(
        f"select file, records, sha256 from '{staging}/stg_source_files/*.parquet' order by file"
    ).fetchall()
    assert [row[:2] for row in files] == [
        ("raw.customers/2025-01-05", 1),
        ("raw.orders", 1),
        ("raw.orders/2025-01-05", 2),
        ("raw.orders/2025-01-06", 2),
    ]
    assert len({row[2] for row in files}) == len(files)


@pytest.mark.spark
def test_a_table_without_a_required_column_is_refused_by_name(needs_spark, tmp_path):
    done = build_on_hive(tmp_path, DAYS, "stg_source_files")
    assert done.returncode == 1
    said = "raw.orders: required columns customer_id, amount, ordered_at are missing"
    assert f"{said}; the table has: order_id" in done.stdout


def landing_zone(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_text(text)
    return tmp_path / "raw"


HEADING = "order_id,customer_id,ordered_at,amount"


def test_files_become_tables_of_texts_with_the_columns_of_all_of_them(tmp_path):
    order = {"order_id": "3", "customer_id": "c", "ordered_at": "2025-01-03", "amount": "1"}
    raw = landing_zone(
        tmp_path,
        {
            "orders/a.csv": f"{HEADING},file\n1,c,2025-01-01,1.50,x\n2,c,2025-01-02\n",
            "orders/b.jsonl": json.dumps(order | {"note": [1]}) + "\n",
        },
    )
    write(raw, tmp_path)
    assert tables_below(tmp_path / "tables") == ["landed_files", "lines_without_a_record", "orders"]
    orders = duckdb.sql(
        "select order_id, amount, note, file, scan_position"
        f" from '{tmp_path}/tables/orders/*.parquet' order by 1"
    )
    assert orders.fetchall() == [
        ("1", "1.50", None, "orders/a.csv", 1),
        ("3", "1", "[1]", "orders/b.jsonl", 1),
    ]
    lines = duckdb.sql(f"from '{tmp_path}/tables/lines_without_a_record/*.parquet'").fetchall()
    assert lines == [("orders", "orders/a.csv", 3, "MISSING COLUMNS", "2,c,2025-01-02")]


def write(raw, tmp_path, **variables):
    write_raw_tables(raw, tmp_path / "tables", tmp_path / "mappings", variables)


# The line after the last one of an export's file.
PRICES = 8
CHARGES = "id,when,total\nc1,2025-01-02T03:04:05Z,12.50\nc2,soon,1\nc3\n"
MAPPING = """
table: orders
columns: {order_id: id, ordered_at: when, amount: total}
values: {customer_id: somebody}
"""


def test_mappings_of_other_systems_are_run_by_duckdb(tmp_path):
    export = ROOT / "tests/python/raw/exports/stripe_fivetran"
    files = {
        "orders/a.csv": f"{HEADING}\n1,c,2025-01-01,1\n",
        "tills/a.csv": CHARGES,
        "tills/_mapping.yml": MAPPING,
    }
    raw = landing_zone(tmp_path, files)
    shutil.copytree(export, raw / "stripe_fivetran", ignore=shutil.ignore_patterns("contract"))
    (raw / "stripe_fivetran/price.csv").open("a").write("half a price\n")
    write(raw, tmp_path, id_prefixes={"tills": "till"})
    tables = tmp_path / "tables"
    assert tables_below(tables) == [
        *("landed_files", "lines_without_a_record", "orders", "other_orders"),
        *("other_subscriptions", "supporting_records"),
    ]
    mapped = f"from '{tables}/other_orders/*.parquet'"
    assert duckdb.sql(
        f"select id_prefix, order_id, customer_id, ordered_at, amount, file {mapped} order by all"
    ).fetchall() == [
        ("till:", "c1", "somebody", "2025-01-02T03:04:05Z", "12.50", "tills/a.csv"),
        ("till:", "c2", "somebody", "soon", "1", "tills/a.csv"),
    ]
    subscriptions = duckdb.sql(
        "select distinct id_prefix, split_part(file, '/', 1)"
        f" from '{tables}/other_subscriptions/*.parquet'"
    ).fetchall()
    assert subscriptions == [("stripe_fivetran:", "stripe_fivetran")]
    lines = duckdb.sql(f"from '{tables}/lines_without_a_record/*.parquet'").fetchall()
    # Of no contract table: a line of a supporting file.
    broken = ("", "stripe_fivetran/price.csv", PRICES, "MISSING COLUMNS", "half a price")
    assert sorted(lines) == [broken, ("orders", "tills/a.csv", 4, "MISSING COLUMNS", "c3")]
    counted = f"from '{tables}/supporting_records/*.parquet'"
    # Its other lines but the heading are records.
    [(prices,)] = duckdb.sql(f"select records {counted} where file like '%/price.csv'").fetchall()
    assert prices == PRICES - 2


def test_windows_of_mappings_find_nulls_where_a_build_does(tmp_path, monkeypatch):
    raw = landing_zone(tmp_path, {"tills/a.csv": CHARGES, "tills/_mapping.yml": MAPPING})
    duckdb.connect(tmp_path / "small.duckdb").close()
    query = "select first_value(n) over (order by n) as n from (values (1), (null)) as given(n)"
    compiled = tmp_path / "small.duckdb", {"other_orders": query}
    monkeypatch.setattr(raw_tables, "compile_mappings", lambda *given: compiled)
    write(raw, tmp_path)
    found = duckdb.sql(f"from '{tmp_path}/tables/other_orders/*.parquet'").fetchall()
    assert found == [(None,), (None,)]


def test_a_mapping_that_does_not_compile_is_told_in_the_words_of_dbt(tmp_path):
    with pytest.raises(ValueError, match=r"(?s)do not compile:.*stg_source_files"):
        compile_mappings([{"system": "tills"}], tmp_path / "mappings", {})
