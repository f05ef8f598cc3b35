"""Guards and their thresholds, on hand-made files."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
import yaml

from orchestration.guarding.guards import accept_drops, blocking_failures, evaluate, volume_drops
from orchestration.guarding.thresholds import RefusedThresholdsError, thresholds

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
JUST_NOW = "2026-03-10 01:59:59"
DAY = timedelta(days=1)
GUARDS = (
    *("freshness", "volume", "schema_drift"),
    *("conflicts", "undated_versions", "lookalike_ids"),
    *("matched_customers", "amounts_in_cents"),
)
OFF = {guard: {} for guard in GUARDS}


@pytest.fixture
def write(tmp_path):
    """Write a DuckDB file with these rows of meta.source_files; a dict has what matters.

    `contested` and `lookalikes` are rows of the two tables of staging. `buyers` have orders,
    `accounts` are in the customers files.
    """

    def write_file(name, *files, contested=(), lookalikes=(), buyers=(), accounts=()):
        path = tmp_path / name
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                "create schema meta; create table meta.source_files (table_name varchar,"
                " file varchar, columns varchar, rows_read bigint, latest_event_at timestamp,"
                " system varchar, entity varchar, rows_accepted bigint,"
                " amount_accepted decimal(38, 4), sha256 varchar)"
            )
            connection.execute(
                "create schema core; create table core.dim_customers"
                " (customer_id varchar, lifetime_orders bigint)"
            )
            for buyer in buyers:
                connection.execute("insert into core.dim_customers values (?, 1)", [buyer])
            connection.execute(
                "create schema staging; create table staging.stg_conflicting_records (table_name"
                " varchar, record_key varchar, file varchar, kept_file varchar,"
                " superseded_reason varchar, amount decimal(18, 4));"
                "create table staging.stg_lookalike_ids"
                " (table_name varchar, column_name varchar, id varchar, plain_in_table varchar);"
                "create table staging.stg_customers (customer_id varchar)"
            )
            for account in accounts:
                connection.execute("insert into staging.stg_customers values (?)", [account])
            for row in contested:
                connection.execute(
                    "insert into staging.stg_conflicting_records values (?, ?, ?, ?, ?, ?)", row
                )
            for row in lookalikes:
                connection.execute("insert into staging.stg_lookalike_ids values (?, ?, ?, ?)", row)
            for file in files:
                table = file.get("table", "orders")
                connection.execute(
                    "insert into meta.source_files values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        table,
                        f"{table}/{file.get('file', 'a.csv')}",
                        json.dumps(file.get("columns", "order_id amount").split()),
                        file.get("rows", 1),
                        file.get("latest"),
                        file.get("system", "raw"),
                        file.get("entity", table),
                        file.get("rows", 1),
                        file.get("amount", 0),
                        file.get("sha256", "aa"),
                    ],
                )
        return path

    return write_file


def results(limits, warehouse, served, now=NOW, table="orders"):
    return evaluate({table: OFF | limits}, warehouse, served, now)


def result(guard, limits, warehouse, served, now=NOW, table="orders"):
    [found] = [
        result
        for result in results({guard: limits}, warehouse, served, now, table)
        if result.guard == guard
    ]
    return found


# Volume


@pytest.mark.parametrize(
    ("rows", "severity"),
    [(2_000, None), (900, None), (899, "warn"), (500, "warn"), (499, "error"), (0, "error")],
)
def test_volume_warns_and_blocks_below_its_shares(write, rows, severity):
    served = write("served", {"rows": 600}, {"rows": 400, "file": "b.csv"})
    guard = result("volume", {"warn": 0.9, "error": 0.5}, write("now", {"rows": rows}), served)
    assert guard.severity == severity
    assert guard.passed == (severity is None)
    assert guard.message == f"orders: {rows:,} rows read, 1,000 in the published build"
    assert guard.metadata == {"rows": rows, "published_rows": 1_000, "share": rows / 1_000}


def test_exactly_the_share_is_enough_whatever_binary_fractions_say(write):
    served = write("served", {"rows": 100})
    assert result("volume", {"error": 0.55}, write("now", {"rows": 55}), served).passed
    assert not result("volume", {"error": 0.55}, write("less", {"rows": 54}), served).passed


def test_a_table_without_any_file_left_has_lost_all_its_rows(write):
    served = write("served", {"rows": 7}, {"table": "refunds", "rows": 4})
    warehouse = write("now", {"rows": 7})
    guard = result("volume", {"error": 0.5}, warehouse, served, table="refunds")
    assert guard.severity == "error"
    assert guard.message == "refunds: 0 rows read, 4 in the published build"


def test_volume_has_nothing_to_say_of_a_new_table_and_of_a_first_build(write, tmp_path):
    warehouse = write("now", {"rows": 5}, {"table": "refunds", "rows": 5})
    limits = {"warn": 1, "error": 1}
    assert result("volume", limits, warehouse, tmp_path / "nothing").passed
    served = write("served", {"rows": 5})
    assert result("volume", limits, warehouse, served, table="refunds").passed
    assert result("volume", limits, warehouse, served, table="never delivered").passed


def test_a_drop_is_accepted_for_a_reason_and_nothing_else_is(write):
    warehouse = write("now", {"rows": 1, "latest": "2026-01-01 00:00:00"})
    served = write("served", {"rows": 10})
    limits = {"volume": {"error": 0.5}, "freshness": {"error": DAY}}
    found = results(limits, warehouse, served)
    [drop] = volume_drops(found)
    assert drop.table == "orders"

    accepted = {result.guard: result for result in accept_drops(found, "archived")}
    assert accepted["volume"].severity == "warn"
    assert accepted["volume"].message.endswith("10 in the published build; accepted: archived")
    assert accepted["freshness"].severity == "error"
    assert accepted["schema_drift"].passed


def test_a_drop_that_only_warns_needs_no_reason(write):
    warehouse, served = write("now", {"rows": 8}), write("served", {"rows": 10})
    found = results({"volume": {"warn": 0.9}}, warehouse, served)
    assert volume_drops(found) == []
    assert accept_drops(found, "archived") == found


# Freshness


@pytest.mark.parametrize(
    ("age", "severity"),
    [
        (timedelta(seconds=1), None),
        (2 * DAY, None),
        (2 * DAY + timedelta(seconds=1), "warn"),
        (7 * DAY, "warn"),
        (7 * DAY + timedelta(seconds=1), "error"),
        (900 * DAY, "error"),
    ],
)
def test_freshness_warns_and_blocks_past_its_ages(write, tmp_path, age, severity):
    latest = (NOW - age).replace(tzinfo=None)
    warehouse = write(
        "now",
        {"latest": datetime(2020, 1, 1), "file": "older.csv"},
        {"latest": latest},
        {"latest": None, "file": "rejected.csv"},
        {"latest": JUST_NOW, "table": "refunds"},
    )
    limits = {"warn": 2 * DAY, "error": 7 * DAY}
    guard = result("freshness", limits, warehouse, tmp_path / "nothing")
    assert guard.severity == severity
    assert guard.metadata["latest_event_at"] == latest.isoformat()
    assert guard.metadata["age_hours"] == pytest.approx(age / timedelta(hours=1))


def test_a_stale_table_says_how_old_it_is_and_how_old_it_may_be(write, tmp_path):
    warehouse = write("now", {"latest": "2026-03-08 00:59:00"})
    guard = result("freshness", {"warn": timedelta(hours=36)}, warehouse, tmp_path / "nothing")
    assert guard.message == (
        "orders: latest event 2026-03-08 00:59 UTC, 2 days 1 hour 1 minute ago,"
        " more than 1 day 12 hours"
    )


def test_an_hour_is_an_hour_also_when_clocks_change(write, tmp_path):
    """There are 23 hours between these two noons in New York: clocks change between them."""
    warehouse = write("now", {"latest": "2026-03-07 17:00:00"})
    noon = datetime(2026, 3, 8, 12, 0, tzinfo=ZoneInfo("America/New_York"))
    nothing = tmp_path / "nothing"
    guard = result("freshness", {"error": timedelta(hours=23)}, warehouse, nothing, noon)
    assert guard.passed
    assert guard.metadata["age_hours"] == 23


@pytest.mark.parametrize(
    ("limits", "severity"), [({"warn": DAY}, "warn"), ({"warn": DAY, "error": DAY}, "error")]
)
def test_a_watched_table_that_shows_no_event_is_not_fresh(write, tmp_path, limits, severity):
    nothing = tmp_path / "nothing"
    undated = write("undated", {"latest": None, "table": "refunds"})
    for table in ("orders", "refunds"):
        guard = result("freshness", limits, undated, nothing, table=table)
        assert guard.severity == severity
        assert guard.message == f"{table}: no event before this build"


# Schema drift


def test_a_new_file_must_have_what_all_published_files_have_and_no_more(write):
    before = (
        {"file": "a.csv", "columns": "order_id amount status"},
        {"file": "b.csv", "columns": "order_id amount channel"},
        {"file": "a.csv", "columns": "refund_id coupon", "table": "refunds"},
    )
    served = write("served", *before)
    for columns in ("order_id amount", "channel status amount order_id"):
        same = write(columns[0], *before, {"file": "c.csv", "columns": columns})
        assert result("schema_drift", {"error": 0}, same, served).passed

    drifted = write("drifted", *before, {"file": "c.csv", "columns": "order_id status coupon"})
    guard = result("schema_drift", {"warn": 0}, drifted, served)
    assert guard.severity == "warn"
    assert guard.message == (
        "orders: other columns than the published files:"
        " orders/c.csv (without amount; with new coupon)"
    )
    assert result("schema_drift", {"error": 0}, drifted, served).severity == "error"
    assert result("schema_drift", {"error": 0}, drifted, served, table="refunds").passed


def test_a_file_that_is_published_already_is_not_reported_again(write):
    served = write("served", {"columns": "order_id amount"})
    rewritten = write("now", {"columns": "order_id coupon"})
    assert result("schema_drift", {"error": 0}, rewritten, served).passed


def test_a_table_of_a_catalog_that_has_changed_is_looked_at_under_its_old_name(write):
    served = write("served", {"rows": 10, "amount": 300})
    lacking = write("lacking", {"columns": "order_id", "sha256": "bb"})
    guard = result("schema_drift", {"warn": 0}, lacking, served)
    assert guard.message.endswith("orders/a.csv (without amount)")
    in_cents = write("in_cents", {"rows": 12, "amount": 36000, "sha256": "bb"})
    guard = result("amounts_in_cents", {"warn": 0}, in_cents, served)
    assert "orders/a.csv (mean 3,000.00)" in guard.message


def test_files_that_drift_alike_are_told_together_and_not_all_by_name(write):
    served = write("served", {"columns": "order_id amount"})
    alike = [{"file": f"m{number}.csv", "columns": "order_id"} for number in range(5)]
    guard = result(
        "schema_drift", {"warn": 0}, write("now", *alike, {"file": "n.csv", "columns": "x"}), served
    )
    assert guard.message.endswith(
        ": orders/m0.csv, orders/m1.csv, orders/m2.csv and 2 more (without amount),"
        " orders/n.csv (without amount, order_id; with new x)"
    )
    assert guard.metadata == {"files_with_other_columns": 6}


def test_a_table_and_a_build_that_are_new_have_not_drifted(write, tmp_path):
    warehouse = write("now", {"columns": "x"})
    limits = {"error": 0}
    assert result("schema_drift", limits, warehouse, tmp_path / "nothing").passed
    assert result("schema_drift", limits, warehouse, write("served", {"table": "refunds"})).passed


def test_a_build_published_before_files_told_their_columns_is_compared_by_volume_alone(write):
    served = write("served", {"rows": 10})
    with duckdb.connect(str(served)) as connection:
        connection.execute("alter table meta.source_files drop column columns")
        connection.execute("alter table meta.source_files drop column latest_event_at")
    warehouse = write("now", {"rows": 1, "file": "new.csv", "columns": "x", "latest": JUST_NOW})
    limits = {"freshness": {"error": DAY}, "volume": {"error": 0.5}, "schema_drift": {"error": 0}}
    severities = {found.guard: found.severity for found in results(limits, warehouse, served)}
    assert severities == dict.fromkeys(GUARDS) | {"volume": "error"}


# Records that nothing proves to be the older ones

CONFLICT = "conflict: nothing tells which content is newer"
UNDATED = "no updated_at, beside a version that has one"


def test_conflicts_are_told_with_both_files_and_their_money(write, tmp_path):
    warehouse = write(
        "now",
        contested=[
            ("orders", "o1", "orders/b.csv", "orders/a.csv", CONFLICT, 30),
            ("orders", "o2", "orders/b.csv", "orders/a.csv", CONFLICT, 12.5),
            ("orders", "o3", "orders/b.csv", "orders/b.csv", CONFLICT, 1),
            ("orders", "o4", "orders/c.csv", "orders/a.csv", UNDATED, 5),
            ("customers", "c1", "customers/b.csv", "customers/a.csv", CONFLICT, None),
        ],
    )
    nothing = tmp_path / "nothing"
    guard = result("conflicts", {"warn": 0}, warehouse, nothing)
    assert guard.severity == "warn"
    assert guard.message == (
        "orders: 3 records (amount 43.50) left out: another record has the same key and other"
        " content, and nothing tells which is newer: orders/b.csv against orders/a.csv,"
        " orders/b.csv against orders/b.csv"
    )
    assert guard.metadata == {"records": 3, "amount": 43.5}
    assert result("conflicts", {"error": 0}, warehouse, nothing).severity == "error"
    assert result("conflicts", {}, warehouse, nothing).passed
    assert result("conflicts", {"error": 0}, warehouse, nothing, table="refunds").passed
    customers = result("conflicts", {"error": 0}, warehouse, nothing, table="customers")
    assert "1 record (amount 0.00) left out" in customers.message

    undated = result("undated_versions", {"warn": 0}, warehouse, nothing)
    assert undated.message == (
        "orders: 1 record without updated_at lost against records that have it, and may be newer"
        " all the same: orders/c.csv against orders/a.csv"
    )
    assert result("undated_versions", {"warn": 0}, warehouse, nothing, table="customers").passed


def test_ids_that_look_alike_are_named(write, tmp_path):
    warehouse = write(
        "now",
        lookalikes=[("orders", "customer_id", f"{number}.0", "customers") for number in range(5)],
    )
    guard = result("lookalike_ids", {"warn": 0}, warehouse, tmp_path / "nothing")
    assert guard.severity == "warn"
    assert guard.message == (
        "orders: 5 ids with a trailing .0, taken for another id than the same without it:"
        " customer_id 0.0 (without .0 in customers), customer_id 1.0 (without .0 in customers),"
        " customer_id 2.0 (without .0 in customers) and 2 more"
    )
    assert result(
        "lookalike_ids", {"error": 0}, warehouse, tmp_path / "nothing", table="customers"
    ).passed


def test_an_id_of_guests_is_named(write, tmp_path):
    warehouse = write("now", lookalikes=[("orders", "customer_id", "0", "")])
    guard = result("lookalike_ids", {"warn": 0}, warehouse, tmp_path / "nothing")
    assert guard.message == "orders: orders of guests may have the customer_id 0"


@pytest.mark.parametrize(
    ("buyers", "accounts", "severity"),
    [
        ("abcd", "ab", None),
        ("abcd", "ax", "warn"),
        ("abcd", "xyz", "error"),
        ("abcd", "", None),
        ("", "ab", None),
    ],
)
def test_buyers_whom_the_customers_files_do_not_know(write, tmp_path, buyers, accounts, severity):
    warehouse = write("now", buyers=buyers, accounts=accounts)
    limits = {"warn": 0.5, "error": 0.2}
    guard = result("matched_customers", limits, warehouse, tmp_path / "nothing", table="customers")
    assert guard.severity == severity
    if severity == "error":
        assert guard.message == (
            "customers: 0 of 4 customers with orders are in the customers files"
        )
    assert result("matched_customers", limits, warehouse, tmp_path / "nothing").passed


@pytest.mark.parametrize(
    ("amount", "is_found"),
    [(2 * 50 * 30 + 1, True), (2 * 50 * 30, False), (2 * 50 * 30 + 1.5, False), (60, False)],
)
def test_a_new_file_in_cents_is_named(write, amount, is_found):
    before = write("before", {"file": "a.csv", "rows": 10, "amount": 300})
    now = write(
        "now",
        {"file": "a.csv", "rows": 10, "amount": 300},
        {"file": "b.csv", "rows": 2, "amount": amount},
    )
    guard = result("amounts_in_cents", {"warn": 0}, now, before)
    assert guard.passed is not is_found
    if is_found:
        assert guard.message == (
            "orders: new files with amounts that may be in cents: orders/b.csv (mean 1,500.50);"
            " the published mean is 30.00"
        )


def test_headings_are_compared_within_one_entity_of_one_system(write):
    lines = {"system": "shopify", "entity": "lines", "table": "refunds", "columns": "id sku"}
    before = write("before", {"table": "refunds", "columns": "refund_id"}, {**lines, "file": "l"})
    now = write("now", {**lines, "file": "l2"}, {**lines, "file": "l3", "columns": "id"})
    guard = result("schema_drift", {"warn": 0}, now, before, table="refunds")
    assert guard.message == (
        "refunds: other columns than the published files: refunds/l3 (without sku)"
    )


# All together


def test_a_guard_that_is_off_passes_and_says_so(write):
    warehouse = write("now", {"file": "b.csv", "columns": "x", "rows": 0})
    served = write("served", {"rows": 10})
    for found in results({}, warehouse, served):
        assert found.passed
        assert found.message.endswith(" (this guard is off)")


def test_what_blocks_is_a_failure_per_guard_with_what_to_do(write):
    warehouse = write(
        "now",
        {"rows": 1, "file": "b.csv", "columns": "order_id", "latest": "2026-01-01 00:00:00"},
        {"table": "refunds", "rows": 1, "latest": JUST_NOW},
    )
    served = write("served", {"rows": 10}, {"table": "refunds", "rows": 10})
    limits = {"freshness": {"error": DAY}, "volume": {"error": 0.5}, "schema_drift": {"error": 0}}
    found = evaluate({"orders": OFF | limits, "refunds": OFF | limits}, warehouse, served, NOW)
    freshness, volume, drift = blocking_failures(found)
    assert [(each.kind, each.name) for each in (freshness, volume, drift)] == [
        ("guard", "freshness"),
        ("guard", "volume"),
        ("guard", "schema drift"),
    ]
    assert "_sources.yml" in freshness.message and "_sources.yml" in drift.message
    first, second, advice = volume.message.splitlines()
    assert first == "orders: 1 rows read, 10 in the published build"
    assert second == "refunds: 1 rows read, 10 in the published build"
    assert "make build VOLUME_DROP_REASON" in advice


def test_the_advice_builds_on_the_engine_of_the_night(write, monkeypatch):
    warehouse, served = write("now", {"rows": 1}), write("served", {"rows": 10})
    found = evaluate({"orders": OFF | {"volume": {"error": 0.5}}}, warehouse, served, NOW)
    monkeypatch.setenv("TENURE_ENGINE", "spark")
    [volume] = blocking_failures(found)
    assert "make spark VOLUME_DROP_REASON='...'" in volume.message


def test_warnings_do_not_block(write):
    warehouse = write("now", {"file": "b.csv", "columns": "x", "rows": 0})
    served = write("served", {"rows": 10})
    limits = {"freshness": {"warn": DAY}, "volume": {"warn": 0.5}, "schema_drift": {"warn": 0}}
    found = results(limits, warehouse, served)
    assert [each.severity for each in found if not each.passed] == ["warn", "warn", "warn"]
    assert blocking_failures(found) == []


# Thresholds


def source(settings, name="orders", **config):
    """A raw table in the manifest, with `settings` as YAML."""
    config = {"meta": yaml.safe_load(settings), **config}
    return {name: {"name": name, "source_name": "raw", "config": config}}


def test_thresholds_are_read_by_severity():
    manifest = {
        "sources": source("{}", "refunds")
        | source("""
            freshness:
              warn_after: {count: 90, period: minute}
              error_after: {count: 7, period: day}
            volume: {warn_below: 1, error_below: 0.25}
            schema_drift: error
            conflicts: warn
            undated_versions: error
            lookalike_ids: off
            matched_customers: {error_below: 0.5}
            amounts_in_cents: error
        """)
    }
    assert thresholds(manifest) == {
        "orders": {
            "freshness": {"warn": timedelta(minutes=90), "error": 7 * DAY},
            "volume": {"warn": 1, "error": 0.25},
            "schema_drift": {"error": 0},
            "conflicts": {"warn": 0},
            "undated_versions": {"error": 0},
            "lookalike_ids": {},
            "matched_customers": {"error": 0.5},
            "amounts_in_cents": {"error": 0},
        },
        "refunds": OFF,
    }


@pytest.mark.parametrize("off", ["off", "'off'"])
def test_every_guard_can_be_switched_off(off):
    settings = f"{{{', '.join(f'{guard}: {off}' for guard in GUARDS)}}}"
    assert thresholds({"sources": source(settings)}) == {"orders": OFF}


@pytest.mark.parametrize(
    "setting",
    [
        "volum: {warn_below: 0.9}",
        "volume: {warn_bellow: 0.9}",
        "volume: {warn_below: 0.9, error_below: 50}",
        "volume: {warn_below: 0}",
        "volume: {warn_below: true}",
        "volume: {warn_below: .nan}",
        "volume: {warn_below: 90%}",
        "volume: {}",
        "volume: 0.5",
        "volume: 0",
        "volume:",
        "schema_drift: warning",
        "schema_drift: true",
        "schema_drift: [warn]",
        "freshness: {warn_after: {count: 1}}",
        "freshness: {warn_after: {count: 1, period: days}}",
        "freshness: {warn_after: {count: 1, period: [day]}}",
        "freshness: {warn_after: {count: 1, period: day, filter: x}}",
        "freshness: {warn_after: {count: 0, period: day}}",
        "freshness: {warn_after: {count: 1.5, period: day}}",
        "freshness: {warn_after: {count: true, period: day}}",
        "freshness: {warn_after: {count: 1000000, period: day}}",
        "freshness: {warn_after: 1}",
        "freshness: {eror_after: {count: 1, period: day}}",
        "freshness: {}",
        "freshness:",
    ],
)
def test_what_is_misspelt_is_refused_by_table_and_name(setting):
    with pytest.raises(RefusedThresholdsError, match=rf"^orders: {setting.split(':')[0]}: "):
        thresholds({"sources": source(setting)})


def test_all_that_is_refused_is_told_at_once_and_what_is_allowed():
    sources = source("{volume: 1}", "refunds") | source("{schema_drift: soon}")
    with pytest.raises(RefusedThresholdsError) as refused:
        thresholds({"sources": sources})
    first, second = str(refused.value).splitlines()
    assert first == "orders: schema_drift: 'soon' is not allowed; give warn or error, or off"
    assert second.startswith("refunds: volume: 1 is not allowed; give warn_below or error_below")


def test_freshness_where_dbt_has_it_is_refused_and_not_ignored():
    nothing = {"count": None, "period": None}
    unset = {"warn_after": nothing, "error_after": nothing, "filter": None}
    for freshness in (unset, None):
        assert thresholds({"sources": source("{}", freshness=freshness)}) == {"orders": OFF}
    for limit in ("warn_after", "error_after"):
        freshness = unset | {limit: {"count": 1, "period": "day"}}
        with pytest.raises(RefusedThresholdsError, match=r"orders: freshness: .* config\.meta"):
            thresholds({"sources": source("{}", freshness=freshness)})


def test_by_default_tables_that_shrink_block_and_all_else_warns(manifest):
    found = thresholds(manifest)
    assert set(found) == {
        *("orders", "refunds", "customers", "subscriptions", "marketing_spend", "exchange_rates"),
        *("milestones", "contacts", "feedback", "tickets", "carts"),
    }
    for limits in found.values():
        assert limits == {
            # the data of the sample end on a day
            "freshness": {},
            "volume": {"warn": 0.9, "error": 0.5},
            "schema_drift": {"warn": 0},
            "conflicts": {"warn": 0},
            "undated_versions": {"warn": 0},
            "lookalike_ids": {"warn": 0},
            "matched_customers": {"warn": 0.5},
            "amounts_in_cents": {"warn": 0},
        }
