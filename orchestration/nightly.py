"""One nightly build from the command line: `python -m orchestration.nightly [--vars '{...}']`.

Runs the Dagster job `nightly` in this process, without a daemon. Prints the progress and the result
in at most 60 lines. The exit codes:

    0    published; if a step after that failed, the last lines and an alert say so
    1    failed; readers still get the earlier version
    2    settings refused, nothing was started
    75   another build is running

Dagster and dbt take seconds to load. So they are imported only when there is work for them.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import time
import traceback
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landing.inventory import refuse_structural_faults
from orchestration import paths
from orchestration.guarding.thresholds import RefusedThresholdsError
from orchestration.restating.watched import RefusedRestatementsError
from orchestration.runs.dagster_home import prepare_dagster_home
from orchestration.runs.lock import BuildRunningError, build_lock
from orchestration.serving.checked_settings import check_settings
from orchestration.serving.versions import current_build
from orchestration.settings.durations import read_duration
from orchestration.settings.engine import engine, reads_landing_zone
from orchestration.settings.variables import read_variables
from orchestration.telling.failures import Failure, keep_traceback, without_dbt_noise

if TYPE_CHECKING:
    import dagster as dg

PUBLISHED, FAILED, REFUSED, RUNNING = 0, 1, 2, 75


def main() -> int:
    """Run one build; return the exit code."""
    parser = argparse.ArgumentParser(prog="orchestration.nightly", description="Build once.")
    parser.add_argument("--vars", default="", help="dbt vars as YAML: '{as_of_date: 1997-10-01}'")
    parser.add_argument(
        "--volume-drop-reason", default="", help="why a raw table has far fewer rows than before"
    )
    parser.add_argument(
        "--restatement-reason", default="", help="why closed months moved beyond their limit"
    )
    parser.add_argument(
        "--wait", default="", help="how long to wait for another build, such as 90m or 2h"
    )
    arguments = parser.parse_args()
    _show_progress()
    try:
        wait = arguments.wait or "0s"
        check_settings(wait, "WAIT (--wait)")
        variables = read_variables(arguments.vars)
    except ValueError as error:
        print(f"Settings refused, nothing was started.\n{error}")
        return REFUSED
    try:
        with build_lock(paths.lock_file(), read_duration(wait)):
            reasons = {
                "volume_drop_reason": arguments.volume_drop_reason,
                "restatement_reason": arguments.restatement_reason,
            }
            return _build_or_explain(variables, reasons)
    except RefusedThresholdsError as error:
        print(f"Guards refused, nothing was started (models/staging/_sources.yml).\n{error}")
        return REFUSED
    except RefusedRestatementsError as error:
        print(f"Watched measures refused, nothing was started (models/marts).\n{error}")
        return REFUSED
    except BuildRunningError as error:
        print(f"Refused: {error}")
        return RUNNING


def _build_or_explain(variables: Mapping[str, Any], reasons: Mapping[str, str]) -> int:
    """Build once; report errors outside of Dagster's steps too. Return the exit code.

    `reasons` let a guard through: volume_drop_reason and restatement_reason, each maybe empty.
    """
    run_id = str(uuid.uuid4())
    try:
        return _build(variables, reasons, run_id)
    except (RefusedThresholdsError, RefusedRestatementsError):
        raise
    except Exception as error:
        # No step reports this error. On a full disk, for example, Dagster cannot note a failure.
        log = keep_traceback(traceback.format_exc())
        free = shutil.disk_usage(paths.home()).free
        message = f"{error}\n{free / 1e6:,.1f} MB are free in {paths.home()}"
        failures = [Failure("run", "nightly", message)]
        if build_id := _published(run_id):
            from orchestration.telling import alerts

            alerts.unfinished(build_id, failures, log, variables)
            return _report_unfinished(build_id, failures, log, variables)
        return _alert_and_report(failures, log, variables)


def _build(variables: Mapping[str, Any], reasons: Mapping[str, str], run_id: str) -> int:
    """Parse the project, run the job as `run_id`, and report the result. Return the exit code."""
    started = time.monotonic()
    on_files = reads_landing_zone()
    where = paths.raw_dir() if on_files else "the schema raw of Spark's catalog"
    print(f"Reading {where}" + (" on Spark" if engine() == "spark" else ""), flush=True)
    try:
        # The build looks into every file to its end. A wrong heading need not wait for that.
        if on_files:
            refuse_structural_faults(paths.raw_dir(), paths.ROOT / "models")
    except ValueError as error:
        failure = Failure("check", "raw files", f"{error}\nmake check-raw says more of them")
        return _alert_and_report([failure], keep_traceback(str(error)), variables)
    prepare_dagster_home()

    from orchestration.warehouse.parsing import prepare_manifest
    from orchestration.warehouse.process import DbtFailedError

    try:
        # Dagster would parse while it loads the definitions, and hide dbt's message in its own.
        prepare_manifest()
    except DbtFailedError as error:
        failure = Failure("dbt", "parse", without_dbt_noise(str(error)))
        return _alert_and_report([failure], paths.parsed() / "dbt.log", variables)

    import dagster as dg

    from orchestration.definitions import defs

    job = defs().resolve_job_def("nightly")
    loaded = time.monotonic()
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance,
            run_config={
                "resources": {"build": {"config": {"variables": dict(variables), **reasons}}},
                # Dagster's own lines go only into its storage.
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            raise_on_error=False,
            run_id=run_id,
        )
    if not result.success:
        if build_id := _published(run_id):
            return _report_unfinished(build_id, *_all_failures(result), variables)
        return _report_failures(*_failures(result), variables)
    _report_published(
        {
            "start": loaded - started,
            "dbt build": _step_seconds(result, "warehouse"),
            "publish": _step_seconds(result, "published_warehouse"),
            "boards": _step_seconds(result, "boards"),
            "total": time.monotonic() - started,
        }
    )
    return PUBLISHED


def _show_progress() -> None:
    """Print the log lines of this package."""
    logger = logging.getLogger("orchestration")
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _step_seconds(result: dg.ExecuteInProcessResult, step: str) -> float:
    [event] = [event for event in result.events_for_node(step) if event.is_step_success]
    return event.step_success_data.duration_ms / 1000


def _failures(result: dg.ExecuteInProcessResult) -> tuple[list[Failure], Path]:
    """Return the failures that ended the job, and the log with details."""
    from orchestration.defs.step_failures import step_failures

    [event, *_] = [event for event in result.all_events if event.is_failure]
    return step_failures(event)


def _all_failures(result: dg.ExecuteInProcessResult) -> tuple[list[Failure], Path]:
    """Return the failures of all steps, or that of the run if no step failed, and a log."""
    from orchestration.defs.step_failures import all_step_failures

    events = [event for event in result.all_events if event.is_failure]
    return all_step_failures([event for event in events if event.is_step_failure] or events)


def _published(run_id: str) -> str | None:
    """Return the build of this run if readers have it, else None."""
    from orchestration.serving.publish import is_of_run

    served = current_build(paths.serve())
    return served if served and is_of_run(served, run_id) else None


def _report_published(seconds: Mapping[str, float]) -> None:
    from orchestration.defs.guards import WATCHED
    from orchestration.guarding.restatements import evaluate_limits, summary
    from orchestration.serving.published import served_file
    from orchestration.telling.console import published_report

    restated = summary(evaluate_limits(WATCHED, paths.restatements()))
    report = published_report(served_file(paths.serve()), paths.warehouse(), seconds, restated)
    print("\n".join(report))


def _alert_and_report(failures: list[Failure], log: Path, variables: Mapping[str, Any]) -> int:
    """Send an alert too: no run of Dagster has failed here, and so none has sent one."""
    from orchestration.telling import alerts

    alerts.failed(failures, log, variables)
    return _report_failures(failures, log, variables)


def _report_unfinished(
    build_id: str, failures: list[Failure], log: Path, variables: Mapping[str, Any]
) -> int:
    from orchestration.telling.console import unfinished_report

    print("\n".join(unfinished_report(failures, log, build_id, variables)))
    return PUBLISHED


def _report_failures(failures: list[Failure], log: Path, variables: Mapping[str, Any]) -> int:
    from orchestration.telling.console import failure_report

    served = current_build(paths.serve())
    print("\n".join(failure_report(failures, log, served, variables)))
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
