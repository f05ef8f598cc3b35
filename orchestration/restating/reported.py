"""meta.reported_values: each watched number as it was first published, and as it is now.

It is a view, so nothing is stored twice: a number that was never restated was first published as it
is now. Of a restated one, the first restatement says what it was. Weeks are left out: they would be
four of five rows, and every reader who opens all tables would wait for them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestration.restating.watched import Report

_OF_REPORT = """
    select '{schema}' as schema_name, '{table}' as table_name, unpivoted.*
    from (
        select
            {key} as key, {grain} as period_grain, {period} as period_start,
            {segment_name} as segment_name, {segment_value} as segment_value,
            {measures}
        from {schema}.{table} where is_complete and {grain} <> 'week'
    ) as report
    unpivot (value_now for measure in ({names})) as unpivoted
"""
_VIEW = """
with
watched as ({reports}),
restated as (
    select
        schema_name, table_name, key, measure, any_value(period_grain) as period_grain,
        any_value(period_start) as period_start, any_value(segment_name) as segment_name,
        any_value(segment_value) as segment_value, count(*) as restatements,
        first(value_before order by build_id) as value_first, max(build_id) as restated_build_id
    from meta.restatements
    where period_start is not null and period_grain <> 'week'
    group by schema_name, table_name, key, measure
),
-- builds of releases without a ledger told nobody what they restated
closed as (
    select periods.period_grain, periods.period_start, min(builds.build_id) as first_build_id
    from (select distinct period_grain, period_start from watched) as periods
    inner join meta.builds
        on builds.code_hashes is not null and builds.as_of >= periods.period_start
        + case periods.period_grain
            when 'month' then interval 1 month
            when 'quarter' then interval 3 month else interval 1 year
        end
    group by periods.period_grain, periods.period_start
)
select
    schema_name, table_name, key, period_grain, period_start,
    coalesce(watched.segment_name, restated.segment_name) as segment_name,
    coalesce(watched.segment_value, restated.segment_value) as segment_value,
    measure,
    case when restated.key is null then watched.value_now else restated.value_first end
        as value_first,
    watched.value_now,
    closed.first_build_id,
    coalesce(restated.restatements, 0) as restatements,
    restated.restated_build_id
from watched
full join restated using (schema_name, table_name, key, measure, period_grain, period_start)
left join closed using (period_grain, period_start)
"""
_DESCRIPTION = (
    "One row per watched number of a closed month, quarter or year: as it was first published, and"
    " as it is now. What moved it in between is in meta.restatements, which has weeks too."
)
_COLUMNS = {
    "schema_name": "The schema of the report.",
    "table_name": "The report.",
    "key": "The row of the report: its key columns with their values.",
    "period_grain": "How long the period is.",
    "period_start": "First day of the period.",
    "segment_name": "The attribute by which the row is split; all for the total.",
    "segment_value": "The value of the attribute; all for the total.",
    "measure": "The watched column.",
    "value_first": "The number as first published; NULL if the row was not there then.",
    "value_now": "The number as published now; NULL if the row is gone.",
    "first_build_id": (
        "The first build in which the period was closed, of the builds that have a ledger."
    ),
    "restatements": "How often the number moved since.",
    "restated_build_id": "The build with which the number moved last; NULL if it never did.",
}


class View(NamedTuple):
    """The SQL of a view, and the descriptions of it and of its columns."""

    sql: str
    description: str
    columns: Mapping[str, str]


def describe_reported_values(reports: Sequence[Report]) -> View:
    """Return the view over the watched `reports` that have periods.

    The SQL names schemas and tables and no database, so the view works in a copy of the file, too.
    """
    selects = [_of_report(report) for report in reports if report.period != "null"]
    return View(_VIEW.format(reports="union all".join(selects) or _NOTHING), _DESCRIPTION, _COLUMNS)


def _of_report(report: Report) -> str:
    return _OF_REPORT.format(
        schema=report.schema,
        table=report.table,
        key=report.key_text(""),
        grain=report.grain,
        period=report.period,
        segment_name=report.column("segment_name", "'all'"),
        segment_value=report.column("segment_value", "'all'"),
        measures=", ".join(
            f"cast(case when {each.condition} then {each.name} end as decimal(38, 10))"
            f" as {each.name}"
            for each in report.measures
        ),
        names=", ".join(each.name for each in report.measures),
    )


_NOTHING = """
    select
        schema_name, table_name, key, period_grain, period_start, segment_name, segment_value,
        measure, value_after as value_now
    from meta.restatements where false
"""
