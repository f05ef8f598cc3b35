"""What failed in a dbt build, in the words and with the files that help to mend it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_FAILED = ("error", "fail")
# "Compilation Error in model stg_orders (models/...)": the name stands beside it already.
_OPENING = re.compile(r" Error in |^Encountered an error:")
_RAISED = re.compile(r"^[\w.]+(Error|Exception): ")


class Failure(NamedTuple):
    """One failed node: its kind and name, dbt's message, its failing rows and compiled SQL."""

    kind: str
    name: str
    message: str
    rows: int | None = None
    compiled: str | None = None


def build_failures(target: Path, manifest: Mapping[str, Any], reported: str) -> list[Failure]:
    """Return what failed, in the order it ran: the failed nodes in `target`/run_results.json.

    If dbt failed outside of any node, such as in parsing, that is one failure with the message
    `reported`.
    """
    file = target / "run_results.json"
    results = json.loads(file.read_text(encoding="utf-8"))["results"] if file.exists() else []
    failed = [result for result in results if result["status"] in _FAILED]
    if not failed:
        return [Failure("dbt", "build", essence(reported))]
    return [_failure(result, manifest, target) for result in failed]


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


def _failure(result: Mapping[str, Any], manifest: Mapping[str, Any], target: Path) -> Failure:
    node = manifest["nodes"][result["unique_id"]]
    compiled = target / "compiled" / node["package_name"] / _compiled_name(node)
    return Failure(
        kind=node["resource_type"],
        name=node["name"],
        message=essence(result["message"] or result["status"]),
        rows=result["failures"] if result["status"] == "fail" else None,
        compiled=str(compiled) if compiled.exists() else None,
    )


def _compiled_name(node: Mapping[str, Any]) -> Path:
    # A test that stands in a YAML file compiles into a folder of that file's name.
    source = Path(node["original_file_path"])
    return source / node["path"] if source.suffix in (".yml", ".yaml") else source
