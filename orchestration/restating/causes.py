"""Why a number moved: the cause of each row of the temporary table `moved`.

`code` comes first (a model or macro above the report is another one), then `settings` (a var,
seed or mapping). Otherwise the cause is what is new in the raw files. Records are looked for where
they are most likely to have moved the row: in its period, then in earlier ones, then in customers
who changed the segment, and so on. In the first place that has any, the kind with the most records
is the cause. `unexplained` is what is left.
"""

from collections.abc import Mapping
from typing import NamedTuple

import duckdb

from orchestration.restating.watched import Report


class Known(NamedTuple):
    """What is known of a report without a look at data: a cause, or None, and its names."""

    cause: str | None
    detail: str | None


class _Search(NamedTuple):
    """One place to look for records.

    `by` are columns of `placed`. `fits` says which moved rows the records found there fit.
    """

    level: int
    by: tuple[str, ...]
    fits: str
    where: str = "is_backdated"
    kind: str = "kind"


_PLACE = ("side", "segment_name", "segment_value", "period_grain")
_OF_REPORT = (
    "list_contains(sides, found.side) and (list_contains(restated_by, found.raw_table)"
    " or found.raw_table in ('customers', 'exchange_rates'))"
)
# From the records that fit a row best to those that fit it least.
_SEARCHES = (
    # Events of the row's own period; in a report of cohorts, of customers of its cohort.
    _Search(
        1,
        (*_PLACE, "period_start", "cohort_start"),
        f"rows.cohort_start = found.cohort_start and rows.period_start = found.period_start"
        f" and {_OF_REPORT}",
    ),
    _Search(
        1,
        (*_PLACE, "period_start"),
        f"rows.cohort_start is null and rows.period_start = found.period_start and {_OF_REPORT}",
    ),
    # Events of earlier periods, from which the row follows. A customer whose first event is another
    # one has left one cohort for another, with all later events.
    _Search(
        2,
        (*_PLACE, "cohort_start"),
        f"rows.cohort_start = found.cohort_start and {_OF_REPORT}",
    ),
    _Search(
        2,
        (*_PLACE, "period_start"),
        "rows.cohort_start is null and coalesce(found.period_start < rows.period_start,"
        f" rows.period_start is null) and {_OF_REPORT}",
    ),
    # Level 3: customers who changed the segment, and files that are gone.
    # Only later events are new, such as a subscription that goes on after a pause.
    _Search(4, _PLACE, _OF_REPORT, "not is_backdated", "'continued'"),
    # Records that the report counts nowhere, of which it still may depend.
    _Search(5, ("segment_name", "segment_value", "period_grain"), "true"),
)
_CREATE = """
    create or replace temp table known (
        schema_name varchar, table_name varchar, sides varchar[], restated_by varchar[],
        cause varchar, detail varchar
    );
    create or replace temp table candidates (
        row_id bigint, level integer, kind varchar, raw_table varchar, records bigint,
        amount decimal(38, 2), files varchar[]
    )
"""
_ROWS = """
    create or replace temp table moved_rows as
    with
    numbered as (
        select *, dense_rank() over (order by schema_name, table_name, key) as row_id from moved
    )
    select distinct
        row_id, schema_name, table_name, key, cohort_start, period_start, segment_name,
        segment_value, coalesce(period_grain, 'month') as period_grain, restated_by,
        case when side in ('orders', 'subscriptions') then [side] else sides end as sides
    from numbered
    inner join known using (schema_name, table_name)
"""
_SEARCH = """
    insert into candidates
    with
    found as (
        select
            {by}, kind, raw_table, count(*) as records, sum(difference) as amount,
            list_distinct(flatten(list(files))) as files
        from (
            select distinct {by}, {kind} as kind, raw_table, version, difference, files
            from placed where {where}
        )
        group by all
    )
    select row_id, {level}, kind, raw_table, max(records), max(amount), any_value(files)
    from moved_rows as rows
    inner join found
        on
            rows.segment_name = found.segment_name and rows.segment_value = found.segment_value
            and rows.period_grain = found.period_grain and {fits}
    where row_id not in (select row_id from candidates where level < {level})
    group by row_id, kind, raw_table
"""
_SIDELIGHTS = """
    insert into candidates
    select row_id, 3, 'resegmented', '', resegmented.records, null, resegmented.files
    from moved_rows inner join resegmented using (segment_name, segment_value)
    union all
    select row_id, 3, 'deleted', gone.table_name, gone.records, null, gone.files
    from moved_rows
    inner join (
        select table_name, sum(records) as records, list(file) as files
        from gone_files group by table_name
    ) as gone on list_contains(restated_by, gone.table_name) or gone.table_name = 'customers'
"""
_RESULT = """
    create or replace temp table restatements as
    with
    best as (select row_id, min(level) as level from candidates group by row_id),
    kinds as (
        select
            row_id, kind, min(candidates.level) as level, sum(records) as records,
            sum(amount) as amount, list_distinct(flatten(list(files))) as files,
            row_number() over (
                partition by row_id order by min(candidates.level), sum(records) desc, kind
            ) as place
        from candidates
        inner join best using (row_id)
        where candidates.level = best.level or candidates.level = 3
        group by row_id, kind
    ),
    explained as (
        select
            row_id,
            max(kind) filter (place = 1) as kind,
            max(records) filter (place = 1) as records,
            max(amount) filter (place = 1) as amount,
            array_to_string(list_sort(any_value(files) filter (place = 1))[:3], ', ') as files,
            string_agg(kind, ', ' order by place) as kinds,
            string_agg(kind, ', ' order by place) filter (place > 1) as other_kinds
        from kinds
        group by row_id
    )
    select
        moved.schema_name, moved.table_name, moved.key, moved.period_grain, moved.period_start,
        moved.segment_name, moved.segment_value, moved.measure, moved.value_before,
        moved.value_after,
        case
            when moved.is_additive
                then coalesce(moved.value_after, 0) - coalesce(moved.value_before, 0)
            else moved.value_after - moved.value_before
        end as difference,
        coalesce(known.cause, explained.kind, 'unexplained') as cause,
        case when known.cause is null then explained.records end as records,
        case when known.cause is null then nullif(explained.files, '') end as files,
        case when known.cause is null then explained.amount end as amount,
        case when known.cause is null then explained.other_kinds else explained.kinds end
            as other_causes,
        known.detail,
        moved.is_additive
    from moved
    inner join known using (schema_name, table_name)
    left join moved_rows using (schema_name, table_name, key)
    left join explained using (row_id)
"""


def assign_causes(
    connection: duckdb.DuckDBPyConnection, known: Mapping[str, Known], reports: list[Report]
) -> None:
    """Fill the temporary table `restatements` from `moved` and from what evidence.py gathered.

    `known` has the cause of a report, by schema.table, that needs no look at data.
    """
    connection.execute(_CREATE)
    for report in reports:
        sides = {_side(raw_table) for raw_table in report.restated_by}
        connection.execute(
            "insert into known values (?, ?, ?, ?, ?, ?)",
            [
                report.schema,
                report.table,
                sorted(sides),
                list(report.restated_by),
                *known[report.name],
            ],
        )
    connection.execute(_ROWS)
    for search in _SEARCHES:
        if search.level == 4:
            connection.execute(_SIDELIGHTS)
        connection.execute(_SEARCH.format(**search._asdict() | {"by": ", ".join(search.by)}))
    connection.execute(_RESULT)


def _side(raw_table: str) -> str:
    return "subscriptions" if raw_table == "subscriptions" else "orders"
