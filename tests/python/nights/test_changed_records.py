"""Which records count as changed, where the raw data are tables of a catalog and not files."""

import duckdb
import pytest

from orchestration.restating.records import find_changes

COLUMNS = (
    "file varchar, outcome varchar, reject_reason varchar, superseded_reason varchar,"
    " kept_file varchar, record_role varchar, remark varchar, raw_record varchar,"
    " scan_position bigint, line bigint, updated_at timestamp, is_deleted boolean,"
    " customer_id varchar"
)
STAGING = {
    "stg_order_records": "order_id varchar, amount decimal(18, 4), ordered_at timestamp",
    "stg_refund_records": "refund_id varchar, order_id varchar, amount decimal(18, 4),"
    " refunded_at timestamp",
    "stg_subscription_records": "subscription_id varchar, item_id varchar, valid_from timestamp,"
    " original_amount decimal(18, 4), started_at timestamp, ended_at timestamp, status varchar,"
    " cancel_requested_at timestamp, current_period_ends_at timestamp",
    "stg_customer_records": "merged_into_customer_id varchar",
    "stg_exchange_rate_records": "currency varchar, rate_date date",
    "stg_orders": "order_id varchar",
}


@pytest.fixture
def changes(tmp_path):
    """What is found of two builds; each has a hash, and orders as (id, amount), by file."""

    def find(before, now, kind):
        with duckdb.connect() as connection:
            for name, build in (("served", before), ("warehouse", now)):
                connection.execute(f"attach ':memory:' as {name}")
                connection.execute(
                    f"create schema {name}.meta; create table {name}.meta.source_files"
                    " (table_name varchar, file varchar, sha256 varchar, rows_accepted bigint)"
                )
                for file, (sha256, rows) in build.items():
                    connection.execute(
                        f"insert into {name}.meta.source_files values ('orders', ?, ?, ?)",
                        [file, sha256, len(rows)],
                    )
            connection.execute("create schema warehouse.staging")
            for table, others in STAGING.items():
                connection.execute(f"create table warehouse.staging.{table} ({COLUMNS}, {others})")
            connection.execute(
                "create table warehouse.staging.stg_source_files as"
                f" select table_name, file, '{kind}' as format from warehouse.meta.source_files"
            )
            for file, (_, rows) in now.items():
                connection.executemany(
                    "insert into warehouse.staging.stg_order_records"
                    " (file, outcome, is_deleted, customer_id, order_id, amount)"
                    f" values ('{file}', 'accepted', false, 'c1', ?, ?)",
                    rows,
                )
            find_changes(connection)
            query = "select version, kind, cast(difference as integer) from changes order by all"
            return connection.execute(query).fetchall()

    return find


BEFORE = ("aa", [("o1", 10), ("o2", 20)])
NOW = ("bb", [("o1", 10), ("o2", 20), ("o3", 30)])


def test_a_table_that_changed_under_its_name_is_no_cause_of_all_its_records(changes):
    """Nothing tells which of the three is new, so what moved stays unexplained."""
    assert changes({"raw.orders": BEFORE}, {"raw.orders": NOW}, "table") == []


def test_a_load_of_a_table_that_has_a_name_of_its_own_is_compared_as_a_file_is(changes):
    load = ("cc", [("o3", 30)])
    before = {"raw.orders/1": BEFORE}
    assert changes(before, {**before, "raw.orders/2": load}, "table") == [("o3", "late", 30)]


def test_a_file_that_was_changed_in_place_corrects_all_its_records(changes):
    found = changes({"a.csv": BEFORE}, {"a.csv": NOW}, "csv")
    assert found == [("o1", "corrected", 10), ("o2", "corrected", 20), ("o3", "corrected", 30)]
