"""The last lines of `make build`: the published tables, or the failures and what to do."""

import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration import paths
from orchestration.serving.boards import overview
from orchestration.serving.published import published_build
from orchestration.settings.engine import (
    build_command,
    engine,
    reads_landing_zone,
    spark_settings,
)
from orchestration.telling.cohort_table import cohort_table
from orchestration.telling.failures import SHOWN_FAILURES, Failure
from orchestration.words import first_few

# With these bounds a good run, with its progress and warnings, stays within 60 lines.
_SHOWN_TABLES = 18
_SHOWN_OUTCOMES = 6
_SHOWN_WARNINGS = 4
_SHOWN_MESSAGE_LINES = 8
_WIDTH = 200


def published_report(
    file: Path, warehouse: Path, seconds: Mapping[str, float], restated: str | None = None
) -> list[str]:
    """Return the report of a good run: the tables in the published `file`, and warnings.

    The private `warehouse` has an example for each reason of a rejection. `seconds` has the
    duration of each stage by name. `restated` is a line about closed months that moved beyond a
    limit. Raises duckdb.Error if a file cannot be read.
    """
    build = published_build(file)
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables order by all"
        ).fetchall()
        rows = [
            (name, connection.execute(f"select count(*) from {name}").fetchall()[0][0])
            for (name,) in tables
        ]
        outcomes = connection.execute(
            "select table_name, outcome, reason, records, amount from meta.row_outcomes"
            # what is in doubt or wrong first
            " order by reason not like 'conflict:%', outcome <> 'counted', outcome <> 'rejected',"
            " outcome, records desc, table_name, reason"
        ).fetchall()
        unfitted = connection.execute(
            "select distinct model, trained_on, billing_interval, reason"
            " from clv.rpt_clv_parameters where not converged and customers > 0 order by all"
        ).fetchall()
        forecasts = connection.execute(
            "select model, mae, is_champion from clv.rpt_clv_calibration"
        ).fetchall()
        cohorts = cohort_table(connection)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        examples = connection.execute(
            "select table_name, reject_reason, file, record_number, rejected_words"
            " from staging.stg_rejected_records"
            " qualify row_number() over ("
            "partition by table_name, reject_reason order by file, record_number) = 1"
        ).fetchall()
    return [
        f"Published {build.build_id}, as of {build.as_of}:",
        *_bounded(_in_columns(rows), _SHOWN_TABLES),
        *_outcomes(outcomes, {tuple(row[:2]): row[2:] for row in examples}),
        *_bounded(
            [*_beaten_by_naive(forecasts), *_unfitted(unfitted)],
            _SHOWN_WARNINGS,
            ", see clv.rpt_clv_parameters",
        ),
        *([restated[:_WIDTH]] if restated else []),
        "Seconds: " + ", ".join(f"{stage} {time:.1f}" for stage, time in seconds.items()),
        str(file),
        *cohorts,
        *_overview(file.parent),
    ]


def failure_report(
    failures: Sequence[Failure], log: Path, served: str | None, variables: Mapping[str, Any]
) -> list[str]:
    """Return the report of a failed run: the failures, the `log`, and the next command.

    `served` is the build that readers still get, if there is one. `variables` are the vars given to
    the failed run.
    """
    return [
        f"{blocked_or_failed(failures).capitalize()}, nothing was published:",
        *_failures(failures, variables),
        f"Log: {log}",
        f"Still served: {served}, as before." if served else "Nothing has been published so far.",
        f"Next: fix the cause, then {rerun_command(variables)}",
    ]


def unfinished_report(
    failures: Sequence[Failure], log: Path, build_id: str, variables: Mapping[str, Any]
) -> list[str]:
    """Return the report of a run that has published `build_id`, and then failed.

    The arguments are those of `failure_report`.
    """
    return [
        f"Published {build_id}, but what follows failed:",
        *_failures(failures, variables),
        f"Log: {log}",
        "Readers have the new tables.",
        f"Next: fix the cause, then {rerun_command(variables)}",
    ]


def blocked_or_failed(failures: Sequence[Failure]) -> str:
    """Return `blocked` if only guards refused the build, else `failed`."""
    return "blocked" if all(failure.kind == "guard" for failure in failures) else "failed"


def rerun_command(variables: Mapping[str, Any]) -> str:
    """Return the shell command that runs this build again: its folders, Spark, `variables`."""
    raw_dir = {"TENURE_RAW_DIR": paths.raw_dir()} if reads_landing_zone() else {}
    given = {**raw_dir, "TENURE_HOME": paths.home(), **spark_settings()}
    command = [build_command(), *(f"{name}={_quoted(value)}" for name, value in given.items())]
    return " ".join(command + ([f"VARS={_json(variables)}"] if variables else []))


def _in_columns(rows: Sequence[tuple[str, int]]) -> list[str]:
    cells = [f"{name:<32}{count:>12,} rows" for name, count in rows]
    return ["  " + "     ".join(cells[i : i + 3]) for i in range(0, len(cells), 3)]


def _outcomes(outcomes: Sequence[tuple], examples: Mapping[tuple, tuple]) -> list[str]:
    if not outcomes:
        return ["Every record read counts."]
    lines = []
    for table, outcome, reason, records, amount in outcomes:
        money = f" {amount:>16,.2f}" if amount is not None else ""
        lines.append(
            f"  {table:<16} {outcome:<12} {reason:<50}{records:>9,} records{money}"[:_WIDTH]
        )
        if (table, reason) in examples:
            file, record_number, words = examples[table, reason]
            place = f"    such as record {record_number} of {file}"
            lines.append((f"{place}, {words}" if words else place)[:_WIDTH])
    return [
        "Records read that are superseded, rejected, not counted or in doubt (amount):",
        *_bounded(lines, _SHOWN_OUTCOMES, ", see meta.row_outcomes"),
    ]


def _beaten_by_naive(forecasts: Sequence[tuple]) -> Iterable[str]:
    errors = {model: mae for model, mae, _ in forecasts}
    for model, mae, is_champion in forecasts:
        if is_champion and mae is not None and mae >= errors["naive"]:
            yield (
                f"Warning: {model}, which predicts orders, is no better than the naive forecast:"
                f" mean absolute error {mae:.4f} against {errors['naive']:.4f} in the holdout"
            )


def _unfitted(models: Sequence[tuple]) -> Iterable[str]:
    for model, trained_on, billing_interval, reason in models:
        which = trained_on if billing_interval == "all" else f"{trained_on}, {billing_interval}"
        yield f"Warning: no fit of {model} ({which}): {reason}"


def _overview(version: Path) -> Iterable[str]:
    if page := overview(version):
        yield f"Charts: {page}"


def _failures(failures: Sequence[Failure], variables: Mapping[str, Any]) -> list[str]:
    lines = []
    shown, others = first_few(failures, SHOWN_FAILURES)
    for failure in shown:
        lines += _failure(failure, variables)
    return [*lines, f"  ... {others} failures"] if others else lines


def _failure(failure: Failure, variables: Mapping[str, Any]) -> Iterable[str]:
    yield f"  {failure.headline()}"
    if failure.rows is None:
        message = [f"    {line[:_WIDTH]}" for line in failure.message.splitlines()]
        yield from _bounded(message, _SHOWN_MESSAGE_LINES, ", see the log", indent="    ")
    if failure.compiled:
        yield f"    compiled SQL: {failure.compiled}"
    # Spark's tables are not dbt's to ask once its process has ended.
    if failure.kind == "test" and engine() == "duckdb":
        yield f"    see the rows: {_dbt('show', '--select', failure.name, variables=variables)}"


def _bounded(lines: list[str], most: int, where: str = "", indent: str = "  ") -> list[str]:
    """Return at most `most` lines. The last one counts the others and says `where` they are."""
    if len(lines) <= most:
        return lines
    shown, others = first_few(lines, most - 1)
    return [*shown, f"{indent}... {others}{where}"]


def _dbt(*arguments: str, variables: Mapping[str, Any]) -> str:
    """Return a shell command that runs dbt on the private warehouse of this build."""
    dbt = Path(sys.executable).with_name("dbt")
    command = [f"TENURE_HOME={_quoted(paths.home())}", _quoted(dbt), *arguments]
    return " ".join(command + (["--vars", _json(variables)] if variables else []))


def _json(variables: Mapping[str, Any]) -> str:
    # dbt reads YAML, and every JSON text is YAML too.
    return _quoted(json.dumps(dict(variables)))


def _quoted(text: str | Path) -> str:
    return shlex.quote(str(text))
