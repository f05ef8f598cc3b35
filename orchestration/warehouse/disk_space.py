"""Room for what a build will write, looked for before it begins.

A full disk in the middle of a build harms nobody, but it costs the night. So a build that cannot
fit is refused, in words. The estimate is low on purpose: a night that might fit
is tried.
"""

import os
import shutil
from pathlib import Path

# What a first build writes per byte of raw files, as measured: the private warehouse and a version.
_WRITTEN_PER_RAW_BYTE = 3
# Gzipped text holds about so many times its size.
_GZIPPED = 5
# What the next build is larger than the last one, and what logs and histories take.
_GROWTH = 1.1
_MARGIN = 50_000_000


def lacking_space(home: Path, raw_dir: Path, warehouse: Path, served: Path) -> str | None:
    """Return in words what is lacking where `home` lies, or None if the build should fit.

    `warehouse` is the private file of the last build, which the new one takes the place of, and
    `served` the folder of the version served now; neither needs to exist.
    """
    replaced = _size(warehouse)
    needed = round(_GROWTH * _estimate(raw_dir, replaced, _size(served))) + _MARGIN
    free = shutil.disk_usage(home).free + replaced
    if free >= needed:
        return None
    return (
        f"{free:,} bytes are free under {home}, about {needed:,} are needed;"
        " make room there, or keep fewer versions (TENURE_KEEP_VERSIONS)"
    )


def _estimate(raw_dir: Path, warehouse: int, version: int) -> int:
    if warehouse and version:
        return warehouse + version
    return _WRITTEN_PER_RAW_BYTE * sum(
        _size(path) * (_GZIPPED if path.suffix == ".gz" else 1)
        for path in raw_dir.glob("*/*")
        if path.is_file()
    )


def _size(path: Path) -> int:
    """Return the bytes of a file or of all files in a folder; 0 if there is neither."""
    if path.is_file():
        return path.stat().st_size
    return sum(
        (Path(folder) / name).stat().st_size for folder, _, names in os.walk(path) for name in names
    )
