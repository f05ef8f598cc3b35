"""The guards as asset checks, between the warehouse and what is published of it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from orchestration import paths
from orchestration.defs.resources import BuildResource
from orchestration.defs.transform import MANIFEST, failure_of
from orchestration.guarding.guards import (
    Result,
    accept_drops,
    blocking_failures,
    evaluate,
    volume_drops,
)
from orchestration.guarding.thresholds import thresholds
from orchestration.serving.publish import FILE_NAME

_SHOWN_WARNINGS = 4

THRESHOLDS = thresholds(MANIFEST)
# What guards read. It stands below the raw tables, which are there before anything has run, and
# above the published warehouse, which waits for blocking checks of what it is made from.
_CHECKED = dg.AssetKey(["meta", "source_files"])

_QUESTIONS = {
    "freshness": "Is the latest event of {} recent enough?",
    "volume": "Are the rows of {} in the published build still there?",
    "schema_drift": "Have the new files of {} the columns that the published ones have?",
}

_logger = logging.getLogger(__name__)


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            f"{guard}_{table}",
            asset=_CHECKED,
            description=_QUESTIONS[guard].format(table),
            blocking=True,
        )
        for table, limits in THRESHOLDS.items()
        for guard in limits
    ]
)
def guards(build: BuildResource) -> Iterator[dg.AssetCheckResult]:
    """Compare the raw files with the clock and with the published build."""
    if not build.is_tested:
        raise dg.Failure(
            "Guards look at a warehouse that was built and tested in the same run:"
            " launch the job nightly."
        )
    served = paths.serve() / "current" / FILE_NAME
    results = evaluate(THRESHOLDS, paths.warehouse(), served, datetime.now(UTC))
    has_drops = bool(volume_drops(results))
    if build.volume_drop_reason:
        results = accept_drops(results, build.volume_drop_reason)
    _warn([result for result in results if result.severity == "warn"])
    for result in results:
        yield dg.AssetCheckResult(
            asset_key=_CHECKED,
            check_name=f"{result.guard}_{result.table}",
            passed=result.passed,
            severity=dg.AssetCheckSeverity[(result.severity or "error").upper()],
            description=result.message,
            metadata=result.metadata,
        )
    if failures := blocking_failures(results):
        raise failure_of(failures, paths.logs() / build.build_id / "dbt.log")
    build.mark_guarded(build.volume_drop_reason if has_drops else None)


def _warn(results: list[Result]) -> None:
    for result in results[:_SHOWN_WARNINGS]:
        _logger.warning("warning: %s", result.message)
    hidden = len(results) - _SHOWN_WARNINGS
    if hidden > 0:
        _logger.warning("warning: and %d more, see the checks of meta.source_files", hidden)
