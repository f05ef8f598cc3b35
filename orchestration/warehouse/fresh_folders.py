"""The folders of a build, made ready before it starts."""

import shutil
from pathlib import Path

from orchestration import paths

KEPT_LOGS = 30


def start_afresh(build_id: str) -> tuple[Path, Path]:
    """Remove what the last build has left; return dbt's empty target folder and log folder.

    Every build makes the whole warehouse anew, so nothing of an earlier or a killed one, its
    write-ahead log least of all, may be there.
    """
    paths.warehouse().unlink(missing_ok=True)
    paths.warehouse().with_name("warehouse.duckdb.wal").unlink(missing_ok=True)
    for folder in (paths.scratch(), paths.built()):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    # dbt parses nothing that has not changed since the definitions were made.
    parsed = paths.parsed() / "partial_parse.msgpack"
    if parsed.exists():
        shutil.copy(parsed, paths.built())
    return paths.built(), _log_folder(build_id)


def _log_folder(build_id: str) -> Path:
    folder = paths.logs() / build_id
    folder.mkdir(parents=True)
    folders = sorted(path for path in paths.logs().iterdir() if path.is_dir())
    for old in folders[:-KEPT_LOGS]:
        shutil.rmtree(old)
    return folder
