"""The customers and records behind a moved row: where two published files differ one by one."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from landing.texts import quoted
from orchestration import paths
from orchestration.restating.watched import Report

_SHOWN = 12


class _Fact(NamedTuple):
    """A table of single things: its key, when a thing happened, and the number that is shown.

    `first` is the day of dim_customers on which a customer's cohort begins.
    """

    table: str
    key: str
    day: str
    number: str
    first: str


_ORDERS = _Fact("core.fct_orders", "order_id", "order_date", "net_amount", "first_order_date")
_MONTHS = _Fact("churn.fct_mrr_movements", "month", "month", "closing_mrr", "first_paid_on")
# The end of a period by its grain.
_END = {"week": "7 day", "month": "1 month", "quarter": "3 month", "year": "1 year"}
_DIFFERENT = """
    select
        coalesce(now.customer_id, before.customer_id) as customer_id,
        cast(coalesce(now.{key}, before.{key}) as varchar) as thing,
        coalesce(now.{day}, before.{day}) as day,
        before.{number} as number_before, now.{number} as number_now,
        before.customer_id as customer_before
    from before.{table} as before
    full join now.{table} as now on {on}
    where
        (before.{number}, before.{day}, before.customer_id)
        is distinct from (now.{number}, now.{day}, now.customer_id)
        and least(before.{day}, now.{day}) < {end}
        and ({segment})
    order by day < {start}, day, customer_id, thing
"""
_RECORDS = """
    select order_id, string_agg(file || ' (' || coalesce(superseded_reason, outcome) || ')', ', '
        order by outcome, file)
    from warehouse.staging.stg_order_records
    where list_contains(?, order_id)
    group by order_id
"""


def records_behind(
    before: Path, after: Path, report: Report, place: Mapping[str, Any]
) -> list[str]:
    """Return the lines about orders and recurring revenue that differ up to a row's period.

    `place` has the grain, start, cohort, segment_name and segment_value of the row. In a report of
    cohorts only customers who are, or were, of the cohort are shown. Things of the period come
    first. Records of orders are shown from the private warehouse, which has the latest build.
    """
    facts = []
    if {"orders", "refunds"} & set(report.restated_by):
        facts.append(_ORDERS)
    if "subscriptions" in report.restated_by:
        facts.append(_MONTHS)
    lines = []
    with duckdb.connect() as connection:
        for name, file in [("before", before), ("now", after)]:
            connection.execute(f"attach {quoted(file)} as {name} (read_only)")
        for fact in facts:
            rows = connection.execute(_sql(fact, place)).fetchall()
            records, missing = _records(connection, rows) if fact == _ORDERS else ({}, None)
            lines += [*_lines(fact, rows, records), *([missing] if missing else [])]
    return lines


def _sql(fact: _Fact, place: Mapping[str, Any]) -> str:
    start = _date(place["start"])
    end = f"{start} + interval {_END[place['grain']]}" if place["start"] else start
    conditions = []
    if place["segment_name"] not in (None, "all"):
        conditions.append(f'"{place["segment_name"]}" = {quoted(place["segment_value"])}')
    if place["cohort"]:
        since = _date(place["cohort"])
        until = f"{since} + interval {_END[place['grain']]}"
        conditions.append(f"{fact.first} >= {since} and {fact.first} < {until}")
    segment = "true"
    if conditions:
        segment = " or ".join(
            f"{side}.customer_id in (select customer_id from {side}.core.dim_customers"
            f" where {' and '.join(conditions)})"
            for side in ("before", "now")
        )
    key = {fact.key} | ({"customer_id"} if fact == _MONTHS else set())
    return _DIFFERENT.format(
        **fact._asdict(),
        on=" and ".join(f"before.{name} = now.{name}" for name in sorted(key)),
        start=start,
        end=end,
        segment=segment,
    )


def _records(
    connection: duckdb.DuckDBPyConnection, rows: list[tuple]
) -> tuple[dict[str, str], str | None]:
    """Return the files of each order, and a line if the private warehouse cannot be asked."""
    orders = [thing for _, thing, *_ in rows[:_SHOWN]]
    if not paths.warehouse().exists():
        return {}, f"  The files of these orders are not shown: {paths.warehouse()} is not there."
    try:
        connection.execute(f"attach {quoted(paths.warehouse())} as warehouse (read_only)")
        return dict(connection.execute(_RECORDS, [orders]).fetchall()), None
    except duckdb.Error as error:
        # A build that is running holds the file, and one that was killed leaves a part of it.
        reason = str(error).splitlines()[0]
        return {}, (
            "  The files of these orders are not shown, since the private warehouse cannot be read;"
            f" try again when no build runs: {reason}"
        )


def _lines(fact: _Fact, rows: list[tuple], records: Mapping[str, str]) -> Iterable[str]:
    customers = {row[0] for row in rows}
    what = "orders" if fact == _ORDERS else "months of recurring revenue"
    yield f"{len(rows):,} {what} of {len(customers):,} customers differ up to the period's end:"
    for customer, thing, day, before, now, _ in rows[:_SHOWN]:
        name = f"order {thing} of {day}" if fact == _ORDERS else f"{day}"
        moved = f"{_amount(before)} -> {_amount(now)}"
        yield f"  customer {customer}: {name}: {moved}" + (
            f"; {records[thing]}" if thing in records else ""
        )
    if len(rows) > _SHOWN:
        yield f"  ... and {len(rows) - _SHOWN:,} more"


def _date(day: object) -> str:
    return f"date '{day or '9999-12-31'}'"


def _amount(value: Any) -> str:  # noqa: ANN401
    return "none" if value is None else f"{value:,.2f}"
