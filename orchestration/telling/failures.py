"""The failures of a dbt build: messages without noise, and files that help to find the cause."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from orchestration import paths
from orchestration.settings.engine import engine
from orchestration.telling.failing_rows import failing_row_key, kept_row_key
from orchestration.warehouse.manifest import compiled_file

# No report shows more failures. A key of a failing row costs a query, so it is read only for these.
SHOWN_FAILURES = 5

_FAILED = ("error", "fail")
# "Compilation Error in model stg_orders (models/...)": the report shows the name already.
_OPENING = re.compile(r" Error in |^Encountered an error:")
_RAISED = re.compile(r"^[\w.]+(Error|Exception): ")


class Failure(NamedTuple):
    """One failure: its kind (model, test, guard, step, ...), its name, and a message.

    A failed test has more: the number of failing rows, the file of its compiled SQL, and the key of
    one failing row as the sample.
    """

    kind: str
    name: str
    message: str
    rows: int | None = None
    compiled: str | None = None
    sample: str | None = None

    def headline(self) -> str:
        """Return the failure in one line; for a test with the number of rows and the sample."""
        rows = "" if self.rows is None else f": {self.rows:,} failing rows"
        return f"{self.kind} {self.name}{rows}" + (
            f", such as {self.sample}" if self.sample else ""
        )


def build_failures(target: Path, manifest: Mapping[str, Any], reported: str) -> list[Failure]:
    """Return the failed nodes in `target`/run_results.json, in the order in which they ran.

    `manifest` is that of the build. If dbt failed outside of any node, such as in parsing, the only
    failure has dbt's message `reported`. The samples are read from the private warehouse.
    """
    file = target / "run_results.json"
    results = json.loads(file.read_text(encoding="utf-8"))["results"] if file.exists() else []
    failed = [result for result in results if result["status"] in _FAILED]
    if not failed:
        return [Failure("dbt", "build", without_dbt_noise(reported))]
    return [
        _failure(result, manifest, target, is_shown=number < SHOWN_FAILURES)
        for number, result in enumerate(failed)
    ]


def without_dbt_noise(message: str) -> str:
    """Return dbt's `message` without its opening line, its trail of macros and any traceback."""
    lines = [line.strip() for line in message.strip().splitlines()]
    # An error in a Python model: keep its message, drop the traceback above it.
    raised = [number for number, line in enumerate(lines) if _RAISED.match(line)]
    if raised and "Traceback (most recent call last):" in lines:
        lines = lines[raised[-1] :]
        lines[0] = _RAISED.sub("", lines[0])
    lines = [line for line in lines if line and not line.startswith("> ")]
    return "\n".join(lines[1:] if len(lines) > 1 and _OPENING.search(lines[0]) else lines)


def keep_traceback(text: str) -> Path:
    """Write `text` to logs/failure.log and return that file. A full disk raises no error."""
    log = paths.logs() / "failure.log"
    # On a full disk there is no log, but the failure itself must still be reported.
    with suppress(OSError):
        log.parent.mkdir(exist_ok=True)
        log.write_text(text, encoding="utf-8")
    return log


def _failure(
    result: Mapping[str, Any], manifest: Mapping[str, Any], target: Path, *, is_shown: bool
) -> Failure:
    node = manifest["nodes"][result["unique_id"]]
    compiled = compiled_file(target, node)
    found_rows = result["status"] == "fail"
    return Failure(
        kind=node["resource_type"],
        name=node["name"],
        message=without_dbt_noise(result["message"] or result["status"]),
        rows=result["failures"] if found_rows else None,
        compiled=str(compiled) if compiled.exists() else None,
        sample=_sample(compiled, node) if found_rows and is_shown else None,
    )


def _sample(compiled: Path, node: Mapping[str, Any]) -> str | None:
    column = node.get("column_name")
    if engine() == "spark":
        return kept_row_key(paths.spark(), node["unique_id"], column)
    return failing_row_key(compiled, paths.warehouse(), paths.scratch(), column)
