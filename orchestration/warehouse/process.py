"""Run dbt in a process of its own and pass on its events.

dagster-dbt has DbtCliResource for this. It is not used, because each of its runs does three things
too many. It asks the package index for newer versions (`dbt --version`). It loads all of dbt into
Dagster's process. And it prints every line of dbt's output.
"""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Sequence
from typing import Any

from orchestration import paths
from orchestration.settings.engine import engine

_CHILDREN = {"duckdb": "orchestration.warehouse.child", "spark": "orchestration.spark.child"}
_ENVIRONMENT = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    # The matrices of the fits are small, so threads cost more than they save. Threads would also
    # make the last digits of the results depend on the number of cores.
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
}


class DbtFailedError(RuntimeError):
    """dbt ended with an exit code other than 0. The message has dbt's own errors."""


def dbt_events(arguments: Sequence[str]) -> Generator[dict[str, Any], None, None]:
    """Run dbt with `arguments` in the project root; yield its structured events as they come.

    Each event is a dict with `info` (name, level, msg) and `data`. Raises DbtFailedError after the
    last event unless dbt succeeded. Closing the generator early kills dbt.
    """
    # A dbt that cannot start prints plain text instead of events, such as a traceback.
    plain_lines: deque[str] = deque(maxlen=5)
    errors: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", _CHILDREN[engine()], *arguments],
        cwd=paths.ROOT,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as dbt:
        try:
            for line in dbt.stdout or ():
                event = _event(line)
                if event is None:
                    plain_lines.append(line.rstrip())
                    continue
                if event["info"]["level"] == "error":
                    errors.append(event["info"]["msg"].strip())
                yield event
            if dbt.wait() != 0:
                reported = [_killed_by(-dbt.returncode)] if dbt.returncode < 0 else []
                reported += errors or plain_lines
                message = "\n".join(reported) or f"dbt ended with exit code {dbt.returncode}"
                raise DbtFailedError(message)
        finally:
            dbt.kill()


def _killed_by(number: int) -> str:
    message = f"dbt was killed by the signal {signal.Signals(number).name}"
    if number == signal.SIGKILL:
        message += ", by a person or by a machine that ran out of memory (TENURE_MEMORY_LIMIT)"
    return message


def _environment() -> dict[str, str]:
    """Return the environment of dbt: absolute folders, no telemetry, one BLAS thread.

    A person may have set options of dbt for other work, such as DBT_RESOURCE_TYPES or
    DBT_ENGINE_INDIRECT_SELECTION. The arguments say what the night builds, so no such variable gets
    through. DBT_ENV_ is dbt's prefix for values that are no options.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DBT_") or name.startswith("DBT_ENV_")
    }
    folders = {"TENURE_HOME": str(paths.home()), "TENURE_RAW_DIR": str(paths.raw_dir())}
    return {**inherited, **_ENVIRONMENT, **folders}


def _event(line: str) -> dict[str, Any] | None:
    """Return the event in a line of dbt's output, or None if the line is plain text."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "info" in event else None
