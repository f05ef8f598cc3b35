"""Is there enough free disk space for a build? Asked before the build starts.

A disk that fills up during a build harms no reader, but the night is lost. So a build that cannot
fit is refused at once, with the numbers. The estimate is low on purpose: a build that might fit is
tried.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from landing.files import delivered_files

# What a first build leaves per byte of raw files, warehouse and version together. With the files of
# the benchmark (CSV, and half of the orders as Parquet) it is 6.6 bytes at a million orders, and
# 5.4 at ten million (benchmarks/RESULTS.md).
_WRITTEN_PER_RAW_BYTE = 5
# A gzipped text file is about 5 times larger when unpacked.
_GZIPPED = 5
# The next build may be 10 % larger than the last one. Logs and histories take up to 50 MB.
_GROWTH = 1.1
_MARGIN = 50_000_000


def lacking_space(
    home: Path,
    raw_dir: Path,
    warehouse: Path,
    version: Path,
    removed: Sequence[Path],
    make_room: Callable[[], None],
) -> str | None:
    """Return a message with the free and the needed bytes, or None if the build should fit.

    The disk is that of the folder `home`. `warehouse` is the private file of the last build, and
    `version` the folder that readers have. `removed` are the files and folders that the build
    removes before it needs the space, such as `warehouse`. All may be missing.

    If the space does not do, `make_room` is called first. It removes what else may go.
    """
    needed = _estimate(raw_dir, _size(warehouse), _size(version))
    needed = round(_GROWTH * needed) + _MARGIN
    replaced = sum(map(_size, removed))
    if shutil.disk_usage(home).free + replaced < needed:
        make_room()
    free = shutil.disk_usage(home).free + replaced
    if free >= needed:
        return None
    return (
        f"{free:,} bytes are free under {home}, about {needed:,} are needed;"
        " make room there, or keep fewer versions (TENURE_KEEP_VERSIONS)"
    )


def _estimate(raw_dir: Path, warehouse: int, version: int) -> int:
    """Return the bytes of the next build, from the sizes of the last one or of the raw files."""
    if warehouse and version:
        return warehouse + version
    return _WRITTEN_PER_RAW_BYTE * sum(
        _size(path) * (_GZIPPED if path.suffix in (".gz", ".zst") else 1)
        for path in delivered_files(raw_dir)
    )


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 if `path` does not exist."""
    if path.is_file():
        return path.stat().st_size
    return sum(
        (Path(folder) / name).stat().st_size for folder, _, names in os.walk(path) for name in names
    )
