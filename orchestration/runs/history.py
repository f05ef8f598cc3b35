"""The history of Dagster's runs: end the dead ones, delete the old ones.

A run in Dagster ends when its process reports the end. A killed process reports nothing, so its run
would stay in the state "started" for ever. So each run holds a lock of its own while its process
lives. The kernel drops that lock even when the process is killed.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from orchestration.runs.lock import is_locked, lock_for_life

KEPT_RUNS = 90

_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# Dagster notes the start of a run before the run takes its lock. In between, code is loaded.
_TIME_TO_START = timedelta(minutes=5)


def stay_alive(folder: Path, run_id: str) -> None:
    """Mark the run `run_id` as alive until this process ends: hold a lock in `folder`."""
    # The lock must outlive the work of the run, because Dagster notes the end after the work.
    lock_for_life(folder / run_id)


def end_dead_runs(instance: dg.DagsterInstance, folder: Path) -> list[str]:
    """Mark each unfinished run without a living process as failed; return their ids.

    `folder` holds the locks of `stay_alive`. Files there without a lock are deleted.
    """
    dead = [
        record.dagster_run
        for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED))
        if _is_dead(folder / record.dagster_run.run_id, record.create_timestamp)
    ]
    for run in dead:
        instance.report_run_failed(run, "Its process ended without a word: killed, or a crash.")
    for file in folder.glob("*"):
        if not is_locked(file):
            file.unlink()
    return [run.run_id for run in dead]


def forget_old_runs(instance: dg.DagsterInstance) -> None:
    """Delete the finished runs beyond the newest KEPT_RUNS, with their events."""
    for run in instance.get_runs()[KEPT_RUNS:]:
        if run.is_finished:
            instance.delete_run(run.run_id)


def _is_dead(file: Path, created_at: datetime) -> bool:
    if file.exists():
        return not is_locked(file)
    return datetime.now(UTC) - created_at > _TIME_TO_START
