"""Exports as they were downloaded come out as the same rows do in the raw contract.

Each folder in exports/ holds files of one system, or files that a _mapping.yml describes, and in
contract/ the same rows in the raw contract. All folders share one landing zone, so ids have
prefixes. One build of each of the two is enough for staging. test_exports_in_full.py builds each
folder by itself, with all marts.
"""

import pytest
from raw.export_zones import MAPPED, STAGING, as_contract, as_downloaded, fill


@pytest.fixture(scope="module")
def builds(warehouse):
    """The tables of staging, of the downloads and of the contract; and what became of records."""
    fill(warehouse, as_contract)
    right = {name: rows_of(warehouse, name) for name in STAGING}
    fill(warehouse, as_downloaded)
    found = {name: rows_of(warehouse, name) for name in STAGING}
    outcomes = warehouse.query(
        "select file, outcome, reason, records, amount"
        " from intermediate.int_records_aggregated_to_outcomes order by all"
    )
    files = warehouse.query(
        "select file, any_value(files.records), sum(told.rows_read - told.rows_derived),"
        " sum(told.amount_read - told.amount_accepted - told.amount_superseded"
        " - told.amount_part_of - told.amount_rejected)"
        " from staging.stg_source_files as files"
        " inner join intermediate.int_records_aggregated_to_files as told using (file)"
        " group by file"
    )
    remarks = warehouse.query(
        "select table_name, reason, records"
        " from intermediate.int_records_aggregated_to_remarks order by all"
    )
    return right, found, outcomes, files, remarks


def rows_of(warehouse, name):
    [columns] = warehouse.query(
        "select string_agg(column_name, ', ' order by column_index) from duckdb_columns()"
        f" where table_name = '{name}' and column_name not in ('file', 'scan_position')"
    )
    return sorted(warehouse.query(f"select {columns[0]} from staging.{name}"), key=str)


@pytest.mark.parametrize("name", STAGING)
def test_exports_equal_their_contract(builds, name):
    right, found, *_ = builds
    missing = [row for row in right[name] if row not in found[name]]
    added = [row for row in found[name] if row not in right[name]]
    assert (missing, added) == ([], [])
    assert found[name]


def test_every_record_is_accounted_for(builds):
    *_, files, _ = builds
    for file, records, told, amount in files:
        assert (told, amount) == (records, 0), file


def test_what_a_mapping_leaves_out_names_the_column(builds):
    _, _, outcomes, *_ = builds
    left_out = {
        (file.split("/")[0], reason): records
        for file, outcome, reason, records, _ in outcomes
        if outcome == "part_of" and file.split("/")[0] in MAPPED
    }
    assert left_out == {
        ("amazon", "line of another record"): 36,
        ("erp", "blart is not of those that _mapping.yml takes"): 2,
        ("paddle", "status is not of those that _mapping.yml takes"): 1,
        ("paddle", "origin is not of those that _mapping.yml takes"): 1,
        ("paddle", "subscription_id is not of those that _mapping.yml takes"): 1,
    }


def test_what_a_mapping_assumes_is_said(builds):
    assert [
        row for row in builds[-1] if "_mapping.yml" in row[1] or "e-mail address" in row[1]
    ] == [
        ("customers", "customer_id is an e-mail address, of which a hash is kept", 2),
        ("orders", "amount is empty and is 0, as _mapping.yml says", 3),
        ("orders", "currency is empty and is EUR, as _mapping.yml says", 5),
        ("orders", "customer_id is an e-mail address, of which a hash is kept", 4),
    ]


def test_no_address_becomes_an_id(builds):
    _, found, *_ = builds
    for name in ("stg_orders", "stg_refunds", "stg_subscription_versions"):
        assert "@" not in str(found[name])
