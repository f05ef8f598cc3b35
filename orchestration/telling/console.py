"""The words of `make build`: what was published, or what failed and where to look."""

import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration import paths
from orchestration.telling.failures import SHOWN_FAILURES, Failure

# So that a whole good run, with its progress and warnings, stays within 60 lines.
_SHOWN_TABLES = 23
_SHOWN_OUTCOMES = 10
_SHOWN_WARNINGS = 4
_SHOWN_MESSAGE_LINES = 8
_WIDTH = 200


def published_report(file: Path, seconds: Mapping[str, float]) -> list[str]:
    """Return the table of what readers now find in `file`, and the `seconds` by stage."""
    with duckdb.connect(str(file), read_only=True) as connection:
        [(build, as_of)] = connection.execute(
            "select build_id, as_of from meta.builds where is_current"
        ).fetchall()
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by all"
        ).fetchall()
        rows = [
            (name, connection.execute(f"select count(*) from {name}").fetchall()[0][0])
            for (name,) in tables
        ]
        outcomes = connection.execute(
            "select table_name, outcome, reason, rows, amount from meta.row_outcomes"
            " order by outcome <> 'rejected', outcome, rows desc, table_name, reason"
        ).fetchall()
        unfitted = connection.execute(
            "select distinct model, fit, billing_interval, reason from clv.rpt_clv_parameters"
            " where not converged and customers > 0 order by all"
        ).fetchall()
        forecasts = connection.execute(
            "select model, mae, is_champion from clv.rpt_clv_calibration"
        ).fetchall()
    return [
        f"Published {build}, as of {as_of}:",
        *_bounded([f"  {name:<36}{count:>13,} rows" for name, count in rows], _SHOWN_TABLES),
        *_outcomes(outcomes),
        *_bounded(
            [*_beaten_by_naive(forecasts), *_unfitted(unfitted)],
            _SHOWN_WARNINGS,
            ", see clv.rpt_clv_parameters",
        ),
        "Seconds: " + ", ".join(f"{stage} {time:.1f}" for stage, time in seconds.items()),
        str(file),
    ]


def failure_report(
    failures: Sequence[Failure], log: Path, served: str | None, variables: Mapping[str, Any]
) -> list[str]:
    """Return what failed, where to look, what to do next, and that `served` still stands."""
    lines = [f"{outcome(failures).capitalize()}, nothing was published:"]
    for failure in failures[:SHOWN_FAILURES]:
        lines += _failure(failure, variables)
    if len(failures) > SHOWN_FAILURES:
        lines.append(f"  ... and {len(failures) - SHOWN_FAILURES} more failures")
    return [
        *lines,
        f"Log: {log}",
        f"Still served: {served}, as before." if served else "Nothing has been published so far.",
        f"Next: mend it, then {again(variables)}",
    ]


def outcome(failures: Sequence[Failure]) -> str:
    """Return `blocked` if a guard refused to publish what was built, else `failed`."""
    return "blocked" if all(failure.kind == "guard" for failure in failures) else "failed"


def again(variables: Mapping[str, Any]) -> str:
    """Return the command that runs this night again, with its folders and `variables`."""
    folders = {"TENURE_RAW_DIR": paths.raw_dir(), "TENURE_HOME": paths.home()}
    command = ["make build", *(f"{name}={_quoted(path)}" for name, path in folders.items())]
    return " ".join(command + ([f"VARS={_json(variables)}"] if variables else []))


def _outcomes(outcomes: Sequence[tuple]) -> list[str]:
    if not outcomes:
        return ["Every row read counts."]
    lines = [
        f"  {table:<16} {outcome:<12} {reason:<50}{rows:>9,} rows"
        + (f" {amount:>16,.2f}" if amount is not None else "")
        for table, outcome, reason, rows, amount in outcomes
    ]
    return [
        "Rows read that are superseded, rejected or not counted (amount):",
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
    for model, fit, billing_interval, reason in models:
        which = fit if billing_interval == "all" else f"{fit}, {billing_interval}"
        yield f"Warning: no fit of {model} ({which}): {reason}"


def _failure(failure: Failure, variables: Mapping[str, Any]) -> Iterable[str]:
    yield f"  {failure.headline()}"
    if failure.rows is None:
        message = [f"    {line[:_WIDTH]}" for line in failure.message.splitlines()]
        yield from _bounded(message, _SHOWN_MESSAGE_LINES, ", see the log", indent="    ")
    if failure.compiled:
        yield f"    compiled SQL: {failure.compiled}"
    if failure.kind == "test":
        yield f"    see the rows: {_dbt('show', '--select', failure.name, variables=variables)}"


def _bounded(lines: list[str], most: int, where: str = "", indent: str = "  ") -> list[str]:
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"{indent}... and {len(lines) - most + 1} more{where}"]


def _dbt(*arguments: str, variables: Mapping[str, Any]) -> str:
    """Return a command that runs dbt on the private warehouse as this build left it."""
    dbt = Path(sys.executable).with_name("dbt")
    command = [f"TENURE_HOME={_quoted(paths.home())}", _quoted(dbt), *arguments]
    return " ".join(command + (["--vars", _json(variables)] if variables else []))


def _json(variables: Mapping[str, Any]) -> str:
    return _quoted(json.dumps(dict(variables)))  # JSON is YAML too


def _quoted(text: str | Path) -> str:
    return shlex.quote(str(text))
