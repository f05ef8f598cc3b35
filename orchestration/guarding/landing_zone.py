"""The raw files in the landing zone, recognized without reading them."""

import hashlib
from pathlib import Path


def fingerprint(raw_dir: Path) -> str:
    """Return a digest of the names, sizes and times of the raw files under `raw_dir`.

    The digest changes when a file is added, removed or changed. A missing folder counts as empty.
    """
    digest = hashlib.sha256()
    for path in sorted(raw_dir.glob("*/*")):
        if path.name[0] not in "._" and path.is_file():
            status = path.stat()
            name = path.relative_to(raw_dir)
            digest.update(f"{name}\t{status.st_size}\t{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
