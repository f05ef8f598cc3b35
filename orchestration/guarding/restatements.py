"""Whether closed periods moved by more than a report allows, in words for checks and readers.

    config: {meta: {restatement_limit: {warn_above: 0.02, error_above: 0.5}}}

of a watched mart: the share of what a closed period said before, for its total and any one measure.
Counts and amounts are looked at; rates follow from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from orchestration.restating.watched import Report
from orchestration.settings.engine import build_command
from orchestration.telling.failures import Failure

_ADVICE = (
    "If that is right, say why, once: {build} RESTATEMENT_REASON='...' (or restatement_reason in"
    " the run's config)."
)
_MOST = """
    select measure, period_grain, period_start, moved, share
    from moved_shares where report = ?
    order by share desc, measure, period_grain, period_start
"""


@dataclass(frozen=True)
class Result:
    """How far the closed periods of one report moved.

    `severity` is error (blocks publishing), warn, or None (within the limit). `metadata` has the
    numbers behind the message.
    """

    report: str
    severity: str | None
    message: str
    metadata: Mapping[str, Any]


def evaluate_limits(reports: Sequence[Report], ledger: Path) -> list[Result]:
    """Return a result for each watched report, from the file that write_ledger has written.

    Raises duckdb.Error if the file cannot be read.
    """
    with duckdb.connect(str(ledger), read_only=True) as connection:
        causes = dict(
            connection.execute(
                "select schema_name || '.' || table_name,"
                " string_agg(distinct cause, ', ' order by cause) from restatements group by all"
            ).fetchall()
        )
        return [
            _result(report, connection.execute(_MOST, [report.name]).fetchall(), causes)
            for report in reports
        ]


def accept(results: Sequence[Result], reason: str) -> list[Result]:
    """Return the results, with each blocking one turned into a warning with `reason`."""
    return [
        replace(result, severity="warn", message=f"{result.message}; accepted: {reason}")
        if result.severity == "error"
        else result
        for result in results
    ]


def summary(results: Sequence[Result]) -> str | None:
    """Return one line about the closed months that moved beyond a limit; None if none did.

    It names the report that moved most, and how many others there are.
    """
    beyond = sorted(
        (result for result in results if result.severity),
        key=lambda result: result.metadata["largest_share"],
        reverse=True,
    )
    if not beyond:
        return None
    others = f"; and {len(beyond) - 1} more reports" if len(beyond) > 1 else ""
    return f"Restated: {beyond[0].message}{others}. See meta.restatements"


def blocking_failures(results: Sequence[Result]) -> list[Failure]:
    """Return one failure with a line for each report that blocks, and what to do; else nothing."""
    blocking = [result.message for result in results if result.severity == "error"]
    advice = _ADVICE.format(build=build_command())
    return [Failure("guard", "restatements", "\n".join([*blocking, advice]))] if blocking else []


def _result(report: Report, moved: Sequence[tuple], causes: Mapping[str, str]) -> Result:
    if not moved:
        return Result(report.name, None, f"{report.name}: no closed period moved", {"periods": 0})
    measure, grain, start, amount, share = moved[0]
    severity = next(
        (each for each in ("error", "warn") if share > report.limits.get(each, float("inf"))), None
    )
    period = f"the {grain} from {start}" if start else "the same data"
    message = (
        f"{report.name}: {measure} of {period} moved by {amount:,.2f},"
        f" {share:.1%} of what was published ({causes[report.name]})"
    )
    if severity:
        message += f"; the limit is {report.limits[severity]:.1%}"
    periods = len({row[1:3] for row in moved})
    return Result(report.name, severity, message, {"periods": periods, "largest_share": share})
