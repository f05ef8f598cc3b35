"""What lies in the landing zone, told apart without reading it."""

import hashlib
from pathlib import Path


def listing(raw_dir: Path) -> str:
    """Return a digest of the raw files' names, sizes and times; it changes when a file does."""
    digest = hashlib.sha256()
    for path in sorted(raw_dir.glob("*/*")):
        if path.name[0] not in "._" and path.is_file():
            status = path.stat()
            name = path.relative_to(raw_dir)
            digest.update(f"{name}\t{status.st_size}\t{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
