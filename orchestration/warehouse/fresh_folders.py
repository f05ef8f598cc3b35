"""Fresh folders for each build."""

import shutil
from pathlib import Path

from orchestration import paths

KEPT_LOGS = 30


def start_afresh(build_id: str) -> tuple[Path, Path]:
    """Remove the files of the last build; return dbt's empty target folder and log folder.

    Every build makes the whole warehouse from nothing. A file of an earlier build would be read as
    part of the new one, above all the write-ahead log of a killed build.
    """
    paths.warehouse().unlink(missing_ok=True)
    paths.warehouse().with_name("warehouse.duckdb.wal").unlink(missing_ok=True)
    shutil.rmtree(paths.spark(), ignore_errors=True)
    for folder in (paths.scratch(), paths.built()):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    # With this file dbt parses only the files that changed since the definitions were made.
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
