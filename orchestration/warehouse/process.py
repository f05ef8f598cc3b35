"""Run dbt and hand on its events.

dagster-dbt's own DbtCliResource would do, but each of its runs asks the package index for newer
versions (`dbt --version`), loads all of dbt once more into Dagster's process, and prints every
line of dbt's output.
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

_ENVIRONMENT = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    # The fits' products are small: threads cost four times what they bring, and make the last
    # digits depend on the number of cores.
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
}


class DbtFailedError(RuntimeError):
    """dbt ended with another exit code than 0; the message says what it reported."""


def dbt_events(arguments: Sequence[str]) -> Generator[dict[str, Any], None, None]:
    """Run dbt with `arguments` in the project root; yield its structured events as they come.

    Each event is a dict with `info` (name, level, msg) and `data`. Raises DbtFailedError at the
    end unless dbt succeeded. Closing the generator before its end kills dbt.
    """
    # What dbt says when it cannot even speak in events: a traceback, a missing module.
    plain_lines: deque[str] = deque(maxlen=5)
    errors: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", "orchestration.warehouse.child", *arguments],
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
                reported = [_killed(-dbt.returncode)] if dbt.returncode < 0 else []
                reported += errors or plain_lines
                message = "\n".join(reported) or f"dbt ended with exit code {dbt.returncode}"
                raise DbtFailedError(message)
        finally:
            dbt.kill()


def _killed(number: int) -> str:
    killed = f"dbt was killed by the signal {signal.Signals(number).name}"
    if number == signal.SIGKILL:
        killed += ", by a person or by a machine that ran out of memory (TENURE_MEMORY_LIMIT)"
    return killed


def _environment() -> dict[str, str]:
    """Absolute folders, whatever the caller's directory was; nothing phones home."""
    folders = {"TENURE_HOME": str(paths.home()), "TENURE_RAW_DIR": str(paths.raw_dir())}
    return {**os.environ, **_ENVIRONMENT, **folders}


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "info" in event else None
