"""Each fault of the catalogue in faults.py becomes what the catalogue says."""

import re
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from conftest import run_build, run_dbt
from faults import (
    BAD_FILES,
    CATALOGUE,
    FAILING_FILES,
    FILE_WITHOUT_A_COLUMN,
    LANDING_ZONE,
    PAGE,
    REFUNDED_ORDERS,
    Fault,
    page,
)

# The relation in which the records of a table are accepted or rejected.
RECORDS = {
    "orders": "staging.stg_order_records",
    "refunds": "staging.stg_refund_records",
    "customers": "staging.stg_customer_records",
    "subscriptions": "staging.stg_subscription_records",
    "marketing_spend": "staging.stg_marketing_spend_records",
    "milestones": "staging.stg_milestone_records",
    "feedback": "staging.stg_feedback_records",
    "tickets": "staging.stg_ticket_records",
    "carts": "staging.stg_cart_records",
    "contacts": "staging.stg_contact_records",
}
# The relation that says which accepted records do not count, and its key.
ASSESSED = {
    "orders": ("intermediate.int_orders_assessed", "order_id"),
    "refunds": ("intermediate.int_refunds_assessed", "refund_id"),
    "customers": ("intermediate.int_customers_assessed", "customer_id"),
    "subscriptions": ("intermediate.int_subscription_versions_assessed", "subscription_id"),
    "milestones": ("intermediate.int_milestones_assessed", "milestone"),
    "feedback": ("intermediate.int_feedback_assessed", "feedback_id"),
    "tickets": ("intermediate.int_tickets_assessed", "ticket_id"),
    "carts": ("intermediate.int_carts_assessed", "cart_id"),
    "contacts": ("intermediate.int_contacts_assessed", "contact_id"),
}
# The mart that shows the records, and its key.
MARTS = {
    "orders": ("core.fct_orders", "order_id"),
    "subscriptions": ("core.fct_subscription_spells", "customer_id"),
}


def each(faults: list[Fault]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", faults, ids=[fault.id for fault in faults])


def write(faults: list[Fault], folder: Path) -> Path:
    for fault in faults:
        path = folder / fault.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fault.content())
    return folder


def records(table: str, becomes: str = "") -> list[dict]:
    """The records of a table in the landing zone: all, or those with this outcome."""
    return [
        row
        for fault in LANDING_ZONE
        if fault.table == table
        for row, outcome in fault.records()
        if isinstance(row, dict) and outcome.startswith(becomes)
    ]


def trimmed(rows: list[dict], column: str) -> set[str]:
    """The ids in a column as they are read: without white space, and without .0 at the end."""
    return {row[column].strip().removesuffix(".0") for row in rows if row[column]}


def outcome_in_staging(becomes: str) -> str:
    """Staging also accepts a record that does not count."""
    return becomes if becomes.startswith(("rejected", "superseded")) else "accepted"


@pytest.fixture(scope="module")
def fault_home(new_home):
    return new_home()


@pytest.fixture(scope="module")
def fault_build(fault_home, tmp_path_factory):
    """One build of all faults that a build survives."""
    return run_build(write(LANDING_ZONE, tmp_path_factory.mktemp("raw")), fault_home)


@pytest.fixture(scope="module")
def private(fault_build, fault_home):
    with duckdb.connect(fault_home / "build/warehouse.duckdb", read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def published(fault_build, fault_home):
    if fault_build.returncode:
        pytest.fail("nothing was published", pytrace=False)
    with duckdb.connect(fault_home / "serve/current/tenure.duckdb", read_only=True) as connection:
        yield connection


def test_the_build_survives_all_of_it(fault_build):
    assert fault_build.returncode == 0, fault_build.stdout + fault_build.stderr


@each(CATALOGUE)
def test_each_record_becomes_what_is_expected(fault, private):
    expected = [becomes for _, becomes in fault.records() if becomes != "no record"]
    found = private.execute(
        "select concat_ws(': ', outcome, coalesce(reject_reason, superseded_reason))"
        f" from {RECORDS[fault.table]} where file = ?",
        [fault.file],
    ).fetchall()
    assert Counter(becomes for (becomes,) in found) == Counter(map(outcome_in_staging, expected))

    rejected = private.execute(
        "select record_number, 'rejected: ' || reject_reason, raw_record is not null"
        " from staging.stg_rejected_records where file = ? order by record_number",
        [fault.file],
    ).fetchall()
    assert rejected == [
        (number, becomes, True)
        for number, becomes in enumerate(expected, 1)
        if becomes.startswith("rejected")
    ]

    if fault.table in ASSESSED:
        table, key = ASSESSED[fault.table]
        keys = trimmed([row for row, _ in fault.records() if isinstance(row, dict)], key)
        found = private.execute(
            f"select 'not counted: ' || not_counted_reason from {table}"
            f" where not_counted_reason is not null and {key} in (select unnest(?::varchar[]))",
            [sorted(keys)],
        ).fetchall()
        assert Counter(becomes for (becomes,) in found) == Counter(
            becomes for becomes in expected if becomes.startswith("not counted")
        )


@each([fault for fault in CATALOGUE if fault.mart])
def test_the_mart_shows_what_is_expected(fault, published):
    mart, key = MARTS[fault.table]
    row = fault.row(fault.bad if isinstance(fault.bad, dict) else {})
    [found] = published.execute(
        f"select {', '.join(f'{column}::varchar' for column in fault.mart)} from {mart}"
        f" where {key} = ?",
        [row[key].strip()],
    ).fetchall()
    assert found == tuple(fault.mart.values())


def test_the_marts_show_what_counts_and_nothing_else(published):
    found = published.execute(
        "select order_id, refunded_amount > 0 from core.fct_orders"
    ).fetchall()
    assert len(found) == len(dict(found))
    assert dict(found).keys() == trimmed(records("orders", "accepted"), "order_id")
    # The two good neighbours of a bad refund take something from the order. The refund that is too
    # large takes what they leave.
    assert {order for order, is_refunded in found if is_refunded} == {
        fault.id for fault in REFUNDED_ORDERS
    }
    [(refunded,)] = published.execute("select sum(refunded_amount) from core.fct_orders").fetchall()
    assert refunded == len(REFUNDED_ORDERS) * 2 * 5 + 10

    found = published.execute("select customer_id from core.fct_subscription_spells").fetchall()
    paying = trimmed(records("subscriptions", "accepted"), "customer_id")
    assert sorted(customer for (customer,) in found) == sorted(paying)


def test_bad_records_alone_make_nobody_a_customer(published):
    known = {
        customer
        for table, becomes in [
            *((table, "accepted") for table in ("orders", "customers", "subscriptions")),
            # Who has a subscription is a prospect, at least.
            ("subscriptions", "not counted: has never paid"),
        ]
        for customer in trimmed(records(table, becomes), "customer_id")
    }
    tables = published.execute(
        "select schema_name || '.' || table_name from duckdb_columns()"
        " where column_name = 'customer_id' and not internal"
    ).fetchall()
    assert len(tables) >= 5
    for (table,) in tables:
        found = published.execute(f"select distinct customer_id from {table}").fetchall()
        assert {customer for (customer,) in found if customer} <= known, table


def test_every_record_of_every_file_is_accounted_for(published):
    found = published.execute(
        "select file, rows_read, rows_accepted, rows_superseded, rows_rejected"
        " from meta.source_files"
    ).fetchall()
    expected = set()
    for fault in LANDING_ZONE:
        outcomes = [becomes for _, becomes in fault.records() if becomes != "no record"]
        count = Counter(outcome_in_staging(becomes).split(":")[0] for becomes in outcomes)
        expected.add(
            (fault.file, len(outcomes), count["accepted"], count["superseded"], count["rejected"])
        )
    assert set(found) == expected


def test_the_published_outcomes_are_those_of_the_catalogue(published):
    found = published.execute("select table_name, outcome, reason, records from meta.row_outcomes")
    expected = Counter()
    for fault in LANDING_ZONE:
        for _, becomes in fault.records():
            outcome, _, reason = becomes.partition(": ")
            if outcome in ("superseded", "rejected", "not counted"):
                expected[fault.table, outcome.replace(" ", "_"), reason] += 1
            elif outcome == "accepted, and remarked":
                expected[fault.table, "counted", reason] += 1
            elif outcome == "accepted, and named":
                reason = reason or f"unknown status: {fault.bad['status'].lower()}"
                expected[fault.table, "counted", reason] += 1
    assert {tuple(outcome): rows for *outcome, rows in found.fetchall()} == expected


def test_a_column_that_nobody_knows_is_warned_of_once(fault_build):
    assert fault_build.stdout.count("gift_wrap") == 1


@pytest.fixture(scope="module")
def failed_build(new_home, tmp_path_factory):
    """A function that returns what dbt says of files that it must refuse to read."""
    home = new_home()

    def build(faults):
        raw_dir = write(faults, tmp_path_factory.mktemp("raw"))
        arguments = ("build", "--select", "+stg_order_records", "--exclude-resource-type=unit_test")
        build = run_dbt(raw_dir, home, *arguments)
        assert build.returncode == 1, build.stdout + build.stderr
        with duckdb.connect(home / "build/warehouse.duckdb", read_only=True) as connection:
            tables = connection.execute("select table_name from duckdb_tables()").fetchall()
        assert ("stg_order_records",) not in tables
        return build.stdout

    return build


@pytest.fixture(scope="module")
def words_of_a_failed_build(failed_build):
    return failed_build(FAILING_FILES)


@each(FAILING_FILES)
def test_a_file_that_cannot_be_read_fails_the_build_by_name(fault, words_of_a_failed_build):
    assert re.search(f"{fault.file}: .*{fault.becomes}", words_of_a_failed_build)


def test_a_file_without_a_required_column_fails_the_build_by_name(failed_build):
    fault = FILE_WITHOUT_A_COLUMN
    assert f"{fault.file}: {fault.becomes}" in failed_build([fault, BAD_FILES[0]])


def test_the_page_is_that_of_this_catalogue():
    assert len({fault.file for fault in LANDING_ZONE + FAILING_FILES}) == len(
        LANDING_ZONE + FAILING_FILES
    )
    assert PAGE.read_text() == page(), "run `python tests/python/raw/faults.py`"
