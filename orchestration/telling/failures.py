"""What failed in a dbt build, in the words and with the files that help to mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestration import paths
from orchestration.telling.failing_rows import sample_key

if TYPE_CHECKING:
    import dagster as dg

# A sample costs a query of up to some seconds, and no report shows more failures than these.
SHOWN_FAILURES = 5

_FAILED = ("error", "fail")
# "Compilation Error in model stg_orders (models/...)": the name stands beside it already.
_OPENING = re.compile(r" Error in |^Encountered an error:")
_RAISED = re.compile(r"^[\w.]+(Error|Exception): ")


class Failure(NamedTuple):
    """One failed node: its kind and name, dbt's message, and for a test what it found.

    That is the number of failing rows, the file of its compiled SQL, and the key of one row.
    """

    kind: str
    name: str
    message: str
    rows: int | None = None
    compiled: str | None = None
    sample: str | None = None

    def headline(self) -> str:
        """Return in a line what failed, and for a test how many rows and the key of one."""
        rows = "" if self.rows is None else f": {self.rows:,} failing rows"
        return f"{self.kind} {self.name}{rows}" + (
            f", such as {self.sample}" if self.sample else ""
        )


def build_failures(target: Path, manifest: Mapping[str, Any], reported: str) -> list[Failure]:
    """Return what failed, in the order it ran: the failed nodes in `target`/run_results.json.

    If dbt failed outside of any node, such as in parsing, that is one failure with the message
    `reported`. The samples of failing tests are read from the private warehouse.
    """
    file = target / "run_results.json"
    results = json.loads(file.read_text(encoding="utf-8"))["results"] if file.exists() else []
    failed = [result for result in results if result["status"] in _FAILED]
    if not failed:
        return [Failure("dbt", "build", essence(reported))]
    return [
        _failure(result, manifest, target, is_shown=number < SHOWN_FAILURES)
        for number, result in enumerate(failed)
    ]


def step_failures(event: dg.DagsterEvent) -> tuple[list[Failure], Path]:
    """Return what made a step or a run of Dagster fail by its `event`, and the log with more."""
    metadata = _metadata(event)
    if "failures" in metadata:
        failures = [Failure(**failure) for failure in metadata["failures"].data]
        return failures, Path(metadata["log"].path)
    error = event.event_specific_data.error
    log = paths.logs() / "failure.log"
    # If the disk is full, that is what failed, and it is said below.
    with suppress(OSError):
        log.parent.mkdir(exist_ok=True)
        log.write_text(error.to_string(), encoding="utf-8")
    cause = error.cause or error
    # The signals of a person, of systemd or of a machine that shuts down.
    interrupted = cause.cls_name == "DagsterExecutionInterruptedError"
    message = "interrupted by a signal" if interrupted else essence(cause.message)
    return [Failure("step", event.step_key or "start", message)], log


def is_refusal(event: dg.DagsterEvent) -> bool:
    """Return whether a step refused to start, such as for a part of the warehouse alone."""
    by_us = event.step_failure_data.user_failure_data is not None
    return by_us and "failures" not in _metadata(event)


def essence(message: str) -> str:
    """Return dbt's `message` without its opening line and the trail of macros that led to it."""
    lines = [line.strip() for line in message.strip().splitlines()]
    # Of a Python model that raised, what it said and not where.
    raised = [number for number, line in enumerate(lines) if _RAISED.match(line)]
    if raised and "Traceback (most recent call last):" in lines:
        lines = lines[raised[-1] :]
        lines[0] = _RAISED.sub("", lines[0])
    lines = [line for line in lines if line and not line.startswith("> ")]
    return "\n".join(lines[1:] if len(lines) > 1 and _OPENING.search(lines[0]) else lines)


def _failure(
    result: Mapping[str, Any], manifest: Mapping[str, Any], target: Path, *, is_shown: bool
) -> Failure:
    node = manifest["nodes"][result["unique_id"]]
    compiled = target / "compiled" / node["package_name"] / _compiled_name(node)
    found_rows = result["status"] == "fail"
    return Failure(
        kind=node["resource_type"],
        name=node["name"],
        message=essence(result["message"] or result["status"]),
        rows=result["failures"] if found_rows else None,
        compiled=str(compiled) if compiled.exists() else None,
        sample=sample_key(compiled, paths.warehouse(), paths.scratch(), node.get("column_name"))
        if found_rows and is_shown
        else None,
    )


def _metadata(event: dg.DagsterEvent) -> Mapping[str, Any]:
    if not event.is_step_failure or not event.step_failure_data.user_failure_data:
        return {}
    return event.step_failure_data.user_failure_data.metadata


def _compiled_name(node: Mapping[str, Any]) -> Path:
    # A test that stands in a YAML file compiles into a folder of that file's name.
    source = Path(node["original_file_path"])
    return source / node["path"] if source.suffix in (".yml", ".yaml") else source
