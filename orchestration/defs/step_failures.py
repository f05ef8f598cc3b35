"""Failures of a step in Dagster: written when the step raises, read when the run has ended."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.telling.failures import Failure, keep_traceback, without_dbt_noise


def failure_of(failures: Sequence[Failure], log: Path) -> dg.Failure:
    """Return the exception for a step with these `failures`; `log` is the file with the details."""
    # The page of the run shows these lines first, above the stack trace.
    lines = [
        failure.headline() if failure.rows else f"{failure.headline()}: {failure.message}"
        for failure in failures
    ]
    return dg.Failure(
        "\n".join(lines),
        metadata={
            "failures": dg.JsonMetadataValue([failure._asdict() for failure in failures]),
            "log": dg.PathMetadataValue(log),
        },
    )


def step_failures(event: dg.DagsterEvent) -> tuple[list[Failure], Path]:
    """Return the failures behind the failure `event` of a step or run, and the log with details.

    An exception that `failure_of` did not make becomes one failure. Its traceback is kept as log.
    """
    metadata = _metadata(event)
    if "failures" in metadata:
        failures = [Failure(**failure) for failure in metadata["failures"].data]
        return failures, Path(metadata["log"].path)
    error = event.event_specific_data.error
    log = keep_traceback(error.to_string())
    cause = error.cause or error
    # The signal came from a person, from systemd, or from a machine that shuts down.
    is_interrupted = cause.cls_name == "DagsterExecutionInterruptedError"
    message = "interrupted by a signal" if is_interrupted else without_dbt_noise(cause.message)
    return [Failure("step", event.step_key or "start", message)], log


def all_step_failures(events: Iterable[dg.DagsterEvent]) -> tuple[list[Failure], Path]:
    """Return the failures behind all these failure `events`, and the log of the last one."""
    told = [step_failures(event) for event in events]
    return [failure for failures, _ in told for failure in failures], told[-1][1]


def is_refusal(event: dg.DagsterEvent) -> bool:
    """Return whether the step refused to start, for example for a part of the warehouse alone."""
    is_ours = event.step_failure_data.user_failure_data is not None
    return is_ours and "failures" not in _metadata(event)


def _metadata(event: dg.DagsterEvent) -> Mapping[str, Any]:
    if not event.is_step_failure or not event.step_failure_data.user_failure_data:
        return {}
    return event.step_failure_data.user_failure_data.metadata
