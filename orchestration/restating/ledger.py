"""The restatement ledger of a build: which closed numbers moved, by how much, and why.

It is written before publishing, into a file of its own, so that a check can refuse the build. The
publisher copies it into meta.restatements, behind the restatements of earlier builds.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from landing.texts import quoted
from orchestration.restating.causes import Known, assign_causes
from orchestration.restating.evidence import gather_evidence
from orchestration.restating.fingerprints import (
    changed,
    code_of,
    mappings_of,
    settings_of,
)
from orchestration.restating.movements import find_moved
from orchestration.restating.watched import Measure, Report, watched_reports
from orchestration.settings.duckdb_settings import duckdb_settings
from orchestration.warehouse.manifest import Manifest
from orchestration.words import first_few_names

_logger = logging.getLogger(__name__)

_SHOWN_NAMES = 5
# The releases that can change a number, though no model does.
_SOFTWARE = ("duckdb", "dbt-core", "dbt-duckdb", "numpy", "pandas", "python", "scipy")
_NUMBER = "decimal(38, 10)"
# What a build adds to meta.restatements: type and description of each column.
COLUMNS = {
    "schema_name": ("varchar", "The schema of the report."),
    "table_name": ("varchar", "The report."),
    "key": ("varchar", "The row of the report: its key columns with their values."),
    "period_grain": ("varchar", "How long the period is; NULL in a report without periods."),
    "period_start": ("date", "First day of the closed period; NULL in a report without periods."),
    "segment_name": ("varchar", "The attribute by which the row is split; all for the total."),
    "segment_value": ("varchar", "The value of the attribute; all for the total."),
    "measure": ("varchar", "The column that moved."),
    "value_before": (_NUMBER, "What readers had; NULL if the row, or its value, was not there."),
    "value_after": (_NUMBER, "What they have since; NULL if the row, or its value, is gone."),
    "difference": (
        _NUMBER,
        "value_after - value_before. A missing count or amount is 0; a missing rate has none.",
    ),
    "cause": (
        "varchar",
        "Why: code or settings; else what the new records did: late, corrected, deleted, refunded,"
        " merged, conflict, resegmented, continued; or unexplained (docs/restatements.md).",
    ),
    "records": (
        "bigint",
        "How many records have the cause, in the row's segment and period or before it. For"
        " resegmented, how many customers. NULL for code and settings.",
    ),
    "files": ("varchar", "Up to three files that brought these records."),
    "amount": (
        "decimal(38, 2)",
        "What the records change in money, by their own amounts: new less old. NULL where records"
        " have no amount.",
    ),
    "other_causes": ("varchar", "Other causes that the same row may have, the likeliest first."),
    "detail": (
        "varchar",
        "The models, macros, vars, seeds, mappings or releases that are other ones.",
    ),
    "previous_build_id": (
        "varchar",
        "The build that readers had, with which this one is compared.",
    ),
}
# The closed months of a report that moved, and by which share of what readers had. Totals only: a
# segment is a part of its total, and rates follow from counts. A week holds little, and longer
# periods consist of months.
_SHARES = """
    insert into ledger.moved_shares
    with
    moved as (
        select period_grain, period_start, sum(abs(difference)) as moved
        from restatements
        where
            schema_name = '{schema_name}' and table_name = '{table_name}' and measure = '{measure}'
            and segment_name = 'all' and coalesce(period_grain, 'month') = 'month'
        group by all
    ),
    before as (
        select
            {grain} as period_grain, cast({period} as date) as period_start,
            sum(abs({measure})) as total
        from served.{schema_name}.{table_name}
        where {segment_name} = 'all' and ({condition})
        group by all
    )
    select
        '{schema_name}.{table_name}', '{measure}', moved.period_grain, moved.period_start,
        moved.moved, coalesce(moved.moved / nullif(before.total, 0), 1)
    from moved
    left join before
        on
            moved.period_grain is not distinct from before.period_grain
            and moved.period_start is not distinct from before.period_start
"""
_CREATE_SHARES = """
    create table ledger.moved_shares (
        report varchar, measure varchar, period_grain varchar, period_start date,
        moved decimal(38, 10), share double
    )
"""


class Settings(NamedTuple):
    """What makes a build, apart from its raw files, as it was when the build began.

    Attributes:
        variables: every dbt var, by name.
        versions: the versions of software, by name.
        code_hashes: by model or macro.
        seed_hashes: by seed or mapping.
        git_sha: the commit of the project, or None without git.

    """

    variables: Mapping[str, Any]
    versions: Mapping[str, str]
    code_hashes: Mapping[str, str]
    seed_hashes: Mapping[str, str]
    git_sha: str | None = None


def write_ledger(
    manifest: Manifest,
    settings: Settings,
    *,
    warehouse: Path,
    served: Path | None,
    ledger: Path,
    scratch: Path,
) -> None:
    """Compare the private `warehouse` with the `served` file, and write what moved into `ledger`.

    The new DuckDB file has the tables restatements, moved_shares (how far a month moved) and
    previous (the id of the build in `served`). They are empty before the first build, if a release
    without a ledger published `served` (nobody then knows by which code), and if `served` is of
    another shop. Raises
    RefusedRestatementsError for a setting of a watched report that is not allowed, and duckdb.Error
    if a file cannot be read or written.
    """
    ledger.unlink(missing_ok=True)
    reports = watched_reports(manifest)
    with duckdb.connect(config=duckdb_settings(scratch)) as connection:
        connection.execute(f"attach {quoted(warehouse)} as warehouse (read_only)")
        connection.execute(f"attach {quoted(ledger)} as ledger")
        columns = ", ".join(f"{name} {type_}" for name, (type_, _) in COLUMNS.items())
        connection.execute(f"create table ledger.restatements ({columns})")
        connection.execute("create table ledger.previous (build_id varchar)")
        connection.execute(_CREATE_SHARES)
        if not served or not served.exists():
            return
        connection.execute(f"attach {quoted(served)} as served (read_only)")
        before = _build_before(connection)
        if before and is_of_another_shop(connection):
            _logger.warning(
                "warning: no customer is in the published build too, so nothing is compared with it"
            )
        elif before:
            connection.execute("insert into ledger.previous values (?)", [before["build_id"]])
            _compare(connection, manifest, reports, settings, before)


def _compare(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    reports: Sequence[Report],
    settings: Settings,
    before: Mapping[str, Any],
) -> None:
    find_moved(connection, reports)
    if connection.execute("select count(*) from moved").fetchall() == [(0,)]:
        return
    gather_evidence(
        connection, settings.variables["segments"], settings.variables["reporting_timezone"]
    )
    [(as_of,)] = connection.execute("select as_of from warehouse.intermediate.int_as_of").fetchall()
    assign_causes(connection, _known(manifest, reports, settings, before, as_of), reports)
    versions = json.loads(before["versions"])
    if software := changed(versions, settings.versions, _SOFTWARE):
        connection.execute(
            "update restatements set cause = 'code', detail = ? where cause = 'unexplained'",
            [_few(_differences(versions, settings.versions, software))],
        )
    connection.execute(
        "insert into ledger.restatements by name select * exclude (is_additive),"
        f" '{before['build_id']}' as previous_build_id from restatements order by all"
    )
    moved = set(
        connection.execute(
            "select distinct schema_name || '.' || table_name, measure from restatements"
            " where is_additive and segment_name = 'all'"
        ).fetchall()
    )
    for report in reports:
        for measure in report.measures:
            if (report.name, measure.name) in moved:
                connection.execute(_shares(report, measure))


def _shares(report: Report, measure: Measure) -> str:
    return _SHARES.format(
        schema_name=report.schema,
        table_name=report.table,
        measure=measure.name,
        condition=measure.condition,
        grain=report.grain,
        period=report.period,
        segment_name=report.column("segment_name", "'all'"),
    )


def is_of_another_shop(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether `served` and `warehouse`, which are attached, have no customer in common.

    So it is when one home first built the sample and then a shop of one's own. Nothing of the old
    numbers was restated then, and to look for the records behind each of them takes minutes.
    """
    [(known, shared)] = connection.execute(
        "select count(*), count(now.customer_id) from served.core.dim_customers as before"
        " left join (select distinct customer_id from warehouse.core.dim_customers) as now"
        " using (customer_id)"
    ).fetchall()
    return known > 0 and shared == 0


def as_of_taken_back(before: tuple[str, date], now: tuple[str, date]) -> list[str]:
    """Return the line about the var as_of_date if it took the day of the data back, else none.

    `before` and `now` are the var, which may be empty, and the as_of of each build. A day that
    moves on is no setting: closed periods do not depend on it. Neither is one that goes back with
    the data, while the var stays.
    """
    (var_before, as_of_before), (var, as_of) = before, now
    if str(var) == str(var_before) or as_of >= as_of_before:
        return []
    return [f"as_of_date: {var_before or as_of_before} -> {var or as_of}"]


def _build_before(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Any] | None:
    relation = connection.sql("select * from served.meta.builds where is_current")
    if "code_hashes" not in relation.columns:
        return None
    [row] = relation.fetchall()
    return dict(zip(relation.columns, row, strict=True))


def _known(
    manifest: Manifest,
    reports: Sequence[Report],
    settings: Settings,
    before: Mapping[str, Any],
    as_of: date,
) -> dict[str, Known]:
    """Return for each report whether other code or other settings made it.

    `before` is the row of the served build in meta.builds, `as_of` is that of the new build.
    """
    code_before, seeds_before, variables_before = (
        json.loads(before[name]) for name in ("code_hashes", "seed_hashes", "vars")
    )
    code, seeds = settings.code_hashes, settings.seed_hashes
    went_back = as_of_taken_back(
        (variables_before["as_of_date"], before["as_of"]), (settings.variables["as_of_date"], as_of)
    )
    known = {}
    for report in reports:
        variables, seed_names = settings_of(manifest, report)
        other_code = changed(code_before, code, code_of(manifest, report))
        other_variables = changed(variables_before, settings.variables, variables)
        other_settings = [
            *_differences(variables_before, settings.variables, other_variables),
            *(f"seed {name}" for name in changed(seeds_before, seeds, seed_names)),
            *changed(seeds_before, seeds, mappings_of(manifest, report, (*seeds_before, *seeds))),
            *went_back,
        ]
        if other_code:
            found = Known("code", _few(other_code))
        elif other_settings:
            found = Known("settings", _few(other_settings))
        else:
            found = Known(None, None)
        known[report.name] = found
    return known


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any], names: Sequence[str]
) -> list[str]:
    return [f"{name}: {before.get(name)} -> {now.get(name)}" for name in names]


def _few(names: Sequence[str]) -> str:
    return first_few_names(names, _SHOWN_NAMES)
