"""The night from the command line: `python -m orchestration.nightly [--vars '{...}']`.

Runs the Dagster job `nightly` in this process, without a daemon, and says in at most 60 lines
what it does and what came out. Exit code 0: published. 1: failed, and what was served before is
still served. 2: settings refused. 75: another build is running.

Dagster and dbt take seconds to load, so they are imported only once there is work for them.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import paths
from orchestration.guarding.thresholds import RefusedThresholdsError
from orchestration.runs.dagster_home import prepare_dagster_home
from orchestration.runs.lock import BuildRunningError, build_lock
from orchestration.serving.versions import current_build, kept_versions
from orchestration.settings.durations import read_duration
from orchestration.settings.variables import project_defaults, read_variables
from orchestration.telling.failures import Failure, essence, step_failures

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
        "--wait", default="", help="how long to wait for another build, such as 90m or 2h"
    )
    arguments = parser.parse_args()
    _show_progress()
    try:
        project_defaults()
        kept_versions()
        variables = read_variables(arguments.vars)
        wait = read_duration(arguments.wait or "0s")
    except ValueError as error:
        print(f"Settings refused, nothing was started.\n{error}")
        return REFUSED
    try:
        with build_lock(paths.lock_file(), wait):
            return _build_or_say_why_not(variables, arguments.volume_drop_reason)
    except RefusedThresholdsError as error:
        print(f"Guards refused, nothing was started (models/staging/_sources.yml).\n{error}")
        return REFUSED
    except BuildRunningError as error:
        print(f"Refused: {error}")
        return RUNNING


def _build_or_say_why_not(variables: Mapping[str, Any], volume_drop_reason: str) -> int:
    before = current_build(paths.serve())
    try:
        return _build(variables, volume_drop_reason)
    except RefusedThresholdsError:
        raise
    except Exception as error:
        # What no step can tell: on a full disk Dagster cannot even note that one has failed.
        log = paths.logs() / "failure.log"
        with suppress(OSError):
            log.parent.mkdir(exist_ok=True)
            log.write_text(traceback.format_exc(), encoding="utf-8")
        free = shutil.disk_usage(paths.home()).free
        message = f"{error}\n{free / 1e6:,.1f} MB are free in {paths.home()}"
        if (served := current_build(paths.serve())) != before:
            print(f"Published {served}, but what follows failed:\n{message}\nLog: {log}")
            return PUBLISHED
        return _untold([Failure("run", "nightly", message)], log, variables)


def _build(variables: Mapping[str, Any], volume_drop_reason: str) -> int:
    started = time.monotonic()
    print(f"Reading {paths.raw_dir()}", flush=True)
    prepare_dagster_home()

    from orchestration.warehouse.parsing import prepare_manifest
    from orchestration.warehouse.process import DbtFailedError

    try:
        # Dagster would do it while it loads the definitions, and bury dbt's words in its own.
        prepare_manifest()
    except DbtFailedError as error:
        failure = Failure("dbt", "parse", essence(str(error)))
        return _untold([failure], paths.parsed() / "dbt.log", variables)

    import dagster as dg

    from orchestration.definitions import defs

    job = defs().resolve_job_def("nightly")
    loaded = time.monotonic()
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance,
            run_config={
                "resources": {
                    "build": {
                        "config": {
                            "variables": dict(variables),
                            "volume_drop_reason": volume_drop_reason,
                        }
                    }
                },
                # Dagster's own lines stay in its storage.
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            raise_on_error=False,
        )
    if not result.success:
        return _failed(*_failures(result), variables)
    _published(
        {
            "start": loaded - started,
            "dbt build": _step_seconds(result, "warehouse"),
            "publish": _step_seconds(result, "published_warehouse"),
            "total": time.monotonic() - started,
        }
    )
    return PUBLISHED


def _show_progress() -> None:
    """Print what this package logs."""
    logger = logging.getLogger("orchestration")
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _step_seconds(result: dg.ExecuteInProcessResult, step: str) -> float:
    [event] = [event for event in result.events_for_node(step) if event.is_step_success]
    return event.step_success_data.duration_ms / 1000


def _failures(result: dg.ExecuteInProcessResult) -> tuple[list[Failure], Path]:
    """Return what made the job fail, and the log that tells more."""
    [event, *_] = [event for event in result.all_events if event.is_failure]
    return step_failures(event)


def _published(seconds: Mapping[str, float]) -> None:
    from orchestration.serving.publish import FILE_NAME
    from orchestration.telling.console import published_report

    print("\n".join(published_report(paths.serve() / "current" / FILE_NAME, seconds)))


def _untold(failures: list[Failure], log: Path, variables: Mapping[str, Any]) -> int:
    """Tell what failed where there is no run of Dagster whose end would tell."""
    from orchestration.telling import alerts

    alerts.failed(failures, log, variables)
    return _failed(failures, log, variables)


def _failed(failures: list[Failure], log: Path, variables: Mapping[str, Any]) -> int:
    from orchestration.telling.console import failure_report

    served = current_build(paths.serve())
    print("\n".join(failure_report(failures, log, served, variables)))
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
