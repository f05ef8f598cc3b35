"""Which watched numbers of closed periods differ between two published states.

A period is closed when the version that readers had said so (is_complete). In a report that had
rows, a row that readers did not have is of a closed period if the period was over then. Rows are
matched by the key of the report. A row on one side only counts, unless it holds zeros.
"""

import duckdb

from orchestration.restating.watched import Measure, Report

# Room for 28 digits before the point, and ten after it: cents are exact, and rates are rates.
_NUMBER = "decimal(38, 10)"

_CREATE = f"""
    create or replace temp table moved (
        schema_name varchar, table_name varchar, key varchar, side varchar, cohort_start date,
        period_grain varchar, period_start date, segment_name varchar, segment_value varchar,
        measure varchar, value_before {_NUMBER}, value_after {_NUMBER}, is_additive boolean
    )
"""
_COLUMNS = """
    {grain} as _grain, cast({period} as date) as _period, cast({cohort} as date) as _cohort,
    cast({side} as varchar) as _side, {segment_name} as _segment, {segment_value} as _value,
    {conditions}
"""
# `closed`: the latest closed period of each grain. What begins before it is closed, too, also
# where readers had no row. `ended`: the latest period that was over, which may have had no row.
_COMPARE = """
    insert into moved
    with
    before as (select *, {columns} from served.{table}),
    after as (select *, {columns} from warehouse.{table}),
    closed as (
        select _grain, max(_period) as closed_through
        from before where {is_complete} group by _grain
    ),
    ended as (
        {ended}
    ),
    segments as (
        select distinct _segment from before
        intersect
        select distinct _segment from after
        union
        -- also where the last row of a report is gone
        select 'all'
    ),
    paired as (
        select
            {key} as key,
            coalesce(before._side, after._side) as side,
            coalesce(before._cohort, after._cohort) as cohort_start,
            coalesce(before._grain, after._grain) as period_grain,
            coalesce(before._period, after._period) as period_start,
            coalesce(before._segment, after._segment) as segment_name,
            coalesce(before._value, after._value) as segment_value,
            before._segment is null and {is_complete_now}
            and exists (select 1 from before) as is_complete_and_new,
            [
                {measures}
            ] as measures
        from before full join after on {on}
        where {differs}
    )
    select
        '{schema_name}', '{table_name}', paired.key, paired.side, paired.cohort_start,
        paired.period_grain, paired.period_start, paired.segment_name, paired.segment_value,
        unnested.measure.name, unnested.measure.value_before, unnested.measure.value_after,
        unnested.measure.is_additive
    from paired
    cross join unnest(paired.measures) as unnested (measure)
    left join closed on paired.period_grain = closed._grain
    left join ended on paired.period_grain = ended._grain
    where
        {is_closed}
        and unnested.measure.is_watched
        and paired.segment_name in (select _segment from segments)
        and coalesce(
            abs(unnested.measure.value_after - unnested.measure.value_before)
            > unnested.measure.noise_floor,
            unnested.measure.value_before is distinct from unnested.measure.value_after
            -- A row that is missing says the same as a row of zeros.
            and coalesce(unnested.measure.value_before, unnested.measure.value_after) <> 0
        )
"""
_ENDED = "\n        union all ".join(
    f"select '{grain}' as _grain, max({grain}_start) as ended_through"
    f" from served.core.dim_dates where is_{grain}_complete"
    for grain in ("week", "month", "quarter", "year")
)


def find_moved(connection: duckdb.DuckDBPyConnection, reports: list[Report]) -> None:
    """Fill the temporary table `moved`: one row per watched number of a closed period that moved.

    `connection` has two DuckDB files attached: `served`, what readers have, and `warehouse`. A
    report, or a measure, that `served` does not have has not moved. Nor has a segment that one side
    does not have as a whole. A report without periods is compared only where both files have the
    same as_of.
    """
    connection.execute(_CREATE)
    for report in reports:
        served, now = (_columns(connection, name, report) for name in ("served", "warehouse"))
        measures = [each for each in report.measures if {each.name} <= served & now]
        needed = {*report.key, "is_complete"} if report.period != "null" else {*report.key}
        if measures and served >= needed:
            connection.execute(_comparison(report, measures))


def _columns(connection: duckdb.DuckDBPyConnection, database: str, report: Report) -> set[str]:
    rows = connection.execute(
        "select column_name from duckdb_columns()"
        " where database_name = ? and schema_name = ? and table_name = ?",
        [database, report.schema, report.table],
    ).fetchall()
    return {name for (name,) in rows}


def _comparison(report: Report, measures: list[Measure]) -> str:
    has_periods = report.period != "null"
    return _COMPARE.format(
        table=f"{report.schema}.{report.table}",
        schema_name=report.schema,
        table_name=report.table,
        columns=_COLUMNS.format(
            grain=report.grain,
            period=report.period,
            cohort=report.column("cohort_start"),
            side=report.column("basis"),
            segment_name=report.column("segment_name", "'all'"),
            segment_value=report.column("segment_value", "'all'"),
            conditions=", ".join(f"({m.condition}) as _watches_{m.name}" for m in measures),
        ),
        key=report.key_text("before.", "after."),
        measures=",\n                ".join(map(_measure, measures)),
        on=" and ".join(f"before.{name} is not distinct from after.{name}" for name in report.key),
        differs=" or ".join(f"before.{m.name} is distinct from after.{m.name}" for m in measures),
        is_complete="is_complete" if has_periods else "true",
        is_complete_now="after.is_complete" if has_periods else "false",
        ended=_ENDED,
        is_closed="(paired.period_start <= closed.closed_through"
        " or (paired.is_complete_and_new and paired.period_start <= ended.ended_through))"
        if has_periods
        else "(select as_of from served.meta.builds where is_current)"
        " = (select as_of from warehouse.intermediate.int_as_of)",
    )


def _measure(measure: Measure) -> str:
    name = measure.name
    return (
        # What readers had decides. A window that was open then has not moved by being over now.
        f"{{'name': '{name}', 'is_watched': case when before._segment is not null"
        f" then before._watches_{name} else after._watches_{name} end,"
        f" 'value_before': cast(before.{name} as {_NUMBER}),"
        f" 'value_after': cast(after.{name} as {_NUMBER}),"
        f" 'noise_floor': {measure.noise_floor:.12f}::double,"
        f" 'is_additive': {measure.is_additive}}}"
    )
