"""The raw files in the landing zone, recognized without reading them."""

import hashlib
from pathlib import Path

from landing.files import delivered_files


def fingerprint(raw_dir: Path) -> str:
    """Return a digest of the names, sizes and times of the raw files under `raw_dir`.

    The digest changes when a file is added, removed or changed, at any depth; a mapping and the
    list of ignored files are such files too. A missing folder counts as empty.
    """
    digest = hashlib.sha256()
    for path in delivered_files(raw_dir):
        status = path.stat()
        name = path.relative_to(raw_dir)
        digest.update(f"{name}\t{status.st_size}\t{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
