"""Run the floor in a process of its own, and measure it like the night."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Measured, measure


@dataclass
class Floor:
    """One run of the floor; `steps` has the wall and the CPU seconds of each step."""

    measured: Measured
    steps: dict[str, tuple[float, float]]


def floor(raw: Path, out: Path) -> Floor:
    """Make everything from the raw files into the empty folder `out`."""
    environment = {
        # As in the night, so that the last digits are the same.
        "OPENBLAS_NUM_THREADS": "1",
        # Twice the memory of the night. Lists of the floor cannot spill, and 10 million orders
        # need that much.
        "TENURE_MEMORY_LIMIT": "8GB",
    }
    command = [sys.executable, "-m", "benchmarks.floor", raw, out]
    measured = measure(command, out / "tmp", environment)
    return Floor(measured, json.loads(measured.output.splitlines()[-1]))
