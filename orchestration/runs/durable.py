"""Writes that survive a loss of power."""

import os
from pathlib import Path


def flush_to_disk(path: Path) -> None:
    """Return once the file or folder `path` is on disk, safe from a loss of power.

    Raises OSError if the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
