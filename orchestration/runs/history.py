"""The history of Dagster's runs: which of them still live, and how many are kept.

Dagster notes that a run has started and waits for it to say that it ended. A process that was
killed says nothing, so its run would show as running for ever. Here every run holds a lock of its
own while it lives, which the kernel drops however it dies.
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
# Between the note that a run starts and the lock that it takes, code is loaded.
_TIME_TO_START = timedelta(minutes=5)


def stay_alive(folder: Path, run_id: str) -> None:
    """Say, as long as this process lives, that it is the run `run_id`; `folder` knows of all."""
    # Not only until the run's work is done: only then does Dagster note how it ended.
    lock_for_life(folder / run_id)


def end_dead_runs(instance: dg.DagsterInstance, folder: Path) -> list[str]:
    """Note as failed every unfinished run whose process is gone; return their ids."""
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
    """Delete all but the newest runs, with their events."""
    for run in instance.get_runs()[KEPT_RUNS:]:
        if run.is_finished:
            instance.delete_run(run.run_id)


def _is_dead(file: Path, created_at: datetime) -> bool:
    if file.exists():
        return not is_locked(file)
    return datetime.now(UTC) - created_at > _TIME_TO_START
