"""The guards as asset checks, between the warehouse and publishing."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dagster as dg

from orchestration import paths
from orchestration.defs.resources import BuildResource
from orchestration.defs.step_failures import failure_of
from orchestration.defs.transform import MANIFEST
from orchestration.guarding.guards import (
    Result,
    accept_drops,
    blocking_failures,
    evaluate,
    volume_drops,
)
from orchestration.guarding.restatements import Result as Restated
from orchestration.guarding.restatements import accept, evaluate_limits, summary
from orchestration.guarding.restatements import blocking_failures as blocking_restatements
from orchestration.guarding.thresholds import thresholds
from orchestration.restating.ledger import write_ledger
from orchestration.restating.watched import watched_reports
from orchestration.serving.published import compare_with_served
from orchestration.words import first_few

_SHOWN_WARNINGS = 4

THRESHOLDS = thresholds(MANIFEST)
# All guards are checks of this table. Dagster runs a check after its asset, so guards run after the
# build. And the published warehouse waits for the guards, because it is made from this table.
_CHECKED = dg.AssetKey(["meta", "source_files"])

WATCHED = watched_reports(MANIFEST)
_RESTATEMENTS = "restatements"

_QUESTIONS = {
    "freshness": "Is the latest event of {} recent enough?",
    "volume": "Are the rows of {} in the published build still there?",
    "schema_drift": "Have the new files of {} the columns that the published ones have?",
    "conflicts": "Does every key of {} have one record, or a record that is known to be newest?",
    "undated_versions": "Do all versions of one key of {} have updated_at, or none?",
    "lookalike_ids": "Is no id of {} another one with a trailing .0, or that of a guest?",
    "matched_customers": "Do the {} files know the customers with orders?",
    "amounts_in_cents": "Are the amounts in new files of {} in whole units?",
}

_logger = logging.getLogger(__name__)


def _asset_of(report: str) -> dg.AssetKey:
    return dg.AssetKey(report.split("."))


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
    + [
        dg.AssetCheckSpec(
            _RESTATEMENTS,
            asset=_asset_of(report.name),
            description="Have its closed periods moved by less than restatement_limit?",
            blocking=True,
        )
        for report in WATCHED
    ]
)
def guards(build: BuildResource) -> Iterator[dg.AssetCheckResult]:
    """Compare the raw files with the clock and with the published build.

    Raises dagster.Failure if a guard blocks publishing, or if nothing was built in the same run.
    """
    if not build.is_tested:
        raise dg.Failure(
            "Guards look at a warehouse that was built and tested in the same run:"
            " launch the job nightly."
        )
    results = compare_with_served(paths.serve(), _evaluated)
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
    restated = compare_with_served(paths.serve(), partial(_restated, build))
    is_beyond = any(result.severity == "error" for result in restated)
    if build.restatement_reason:
        restated = accept(restated, build.restatement_reason)
    for result in restated:
        yield dg.AssetCheckResult(
            asset_key=_asset_of(result.report),
            check_name=_RESTATEMENTS,
            passed=result.severity is None,
            severity=dg.AssetCheckSeverity[(result.severity or "error").upper()],
            description=result.message,
            metadata=result.metadata,
        )
    if failures := [*blocking_failures(results), *blocking_restatements(restated)]:
        raise failure_of(failures, paths.logs() / build.build_id / "dbt.log")
    build.mark_guarded(
        build.volume_drop_reason if has_drops else None,
        build.restatement_reason if is_beyond else None,
        summary(restated),
    )


def _evaluated(served: Path | None) -> list[Result]:
    """Return what the guards find, compared with the published file `served`, if there is one."""
    return evaluate(THRESHOLDS, paths.warehouse(), served, datetime.now(UTC))


def _restated(build: BuildResource, served: Path | None) -> list[Restated]:
    """Write the ledger of this build, and return how far closed periods moved since `served`."""
    write_ledger(
        MANIFEST,
        build.settings,
        warehouse=paths.warehouse(),
        served=served,
        ledger=paths.restatements(),
        scratch=paths.scratch(),
    )
    return evaluate_limits(WATCHED, paths.restatements())


def _warn(results: list[Result]) -> None:
    shown, others = first_few(results, _SHOWN_WARNINGS)
    for result in shown:
        _logger.warning("warning: %s", result.message)
    if others:
        _logger.warning("warning: %s, see the checks of meta.source_files", others)
