"""Fresh folders for each build."""

import shutil
from pathlib import Path

from orchestration import paths

KEPT_LOGS = 30


def removed_at_start() -> list[Path]:
    """Return the files and folders of the last build that `start_afresh` removes."""
    return [
        paths.warehouse(),
        paths.warehouse().with_name("warehouse.duckdb.wal"),
        paths.spark(),
        paths.scratch(),
        paths.built(),
    ]


def start_afresh(build_id: str) -> tuple[Path, Path]:
    """Remove the files of the last build; return dbt's empty target folder and log folder.

    Every build makes the whole warehouse from nothing. A file of an earlier build would be read as
    part of the new one, above all the write-ahead log of a killed build.
    """
    for path in removed_at_start():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for folder in (paths.scratch(), paths.built()):
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
