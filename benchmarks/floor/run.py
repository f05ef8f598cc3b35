"""The floor, run in a process of its own and measured like the night."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Measured, measure


@dataclass
class Floor:
    """One run of the floor; `steps` has the wall and the CPU seconds of each."""

    measured: Measured
    steps: dict[str, tuple[float, float]]


def floor(raw: Path, out: Path) -> Floor:
    """Make everything from the raw files into the empty folder `out`."""
    environment = {
        # As in the night, for the same last digits.
        "OPENBLAS_NUM_THREADS": "1",
        # Twice what the night gets: its lists do not spill, and at 10 million orders need it.
        "TENURE_MEMORY_LIMIT": "8GB",
    }
    command = [sys.executable, "-m", "benchmarks.floor", raw, out]
    measured = measure(command, out / "tmp", environment)
    return Floor(measured, json.loads(measured.output.splitlines()[-1]))
