"""What lies in the landing zone: the files, without what programs leave beside them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pathspec import PathSpec

MAPPING = "_mapping.yml"
IGNORE = ".tenureignore"
FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
# Besides names with certain first signs. dlt leaves a file init in the folder of a data set.
_MARKERS = ("init", "thumbs.db", "desktop.ini")
# For a folder of the contract .txt says too little: it may be a note.
READ_FROM_CONTRACT = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
# What helps with the files that people try most.
_ADVICE = {
    ".xlsx": "save the sheet as CSV UTF-8",
    ".xls": "save the sheet as CSV UTF-8",
    ".ods": "save the sheet as CSV UTF-8",
    ".numbers": "export the sheet as CSV UTF-8",
    ".zip": "unpack it",
    ".tar": "unpack it",
    ".7z": "unpack it",
    ".rar": "unpack it",
    ".bz2": "unpack it, or compress with gzip",
    ".xz": "unpack it, or compress with gzip",
    ".avro": "write Parquet or JSON lines",
    ".orc": "write Parquet",
    ".xml": "export CSV or JSON lines",
    ".txt": "if it is a table, rename it to .csv (commas) or .tsv (tabs)",
}


class Kind(NamedTuple):
    """What a file's name says: format (csv, json, parquet), suffix and compression, '' unknown."""

    format: str
    suffix: str
    compression: str


def kind_of(path: Path) -> Kind:
    """Return what the name of a file says of it; upper and lower case mean the same."""
    name = path.name.lower()
    compression = COMPRESSIONS.get(Path(name).suffix, "")
    suffix = Path(name).with_suffix("").suffix if compression else Path(name).suffix
    if compression and suffix == ".parquet":
        return Kind("", Path(name).suffix, "")
    return Kind(FORMATS.get(suffix, ""), suffix, compression)


def why_not_read(path: Path, suffixes: tuple[str, ...]) -> str:
    """Return why a file of an unknown format is refused, and what would help."""
    suffix = path.suffix.lower()
    advice = _ADVICE.get(suffix, f"deliver it as {', '.join(suffixes)}")
    return (
        f"not read, for it is no {', '.join(suffixes)} file (or .gz, .zst of one): {advice},"
        f" or name it in {IGNORE}"
    )


def is_marker(name: str) -> bool:
    """Tell whether a file or folder is what programs leave beside data: _SUCCESS, ~$a.xlsx."""
    return name.startswith((".", "_", "~$")) or name.lower() in _MARKERS


def ignored(raw_dir: Path) -> PathSpec:
    """Return the patterns of .tenureignore, as in .gitignore; none without that file."""
    file = raw_dir / IGNORE
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return PathSpec.from_lines("gitwildmatch", lines)


def files_below(folder: Path) -> list[Path]:
    """Return all files in a folder, at any depth, without markers, sorted by path."""
    return sorted(_walk(folder, set()))


def top_level(raw_dir: Path) -> list[Path]:
    """Return the files and folders of a landing zone, without markers; none if it is missing."""
    if not raw_dir.is_dir():
        return []
    return sorted(path for path in raw_dir.iterdir() if not is_marker(path.name))


def _walk(folder: Path, above: set[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    # a link to a folder above would be followed for ever
    if real in above:
        return
    for path in folder.iterdir():
        if is_marker(path.name):
            continue
        if path.is_dir():
            yield from _walk(path, above | {real})
        else:
            yield path


def mappings_below(folder: Path) -> list[Path]:
    """Return the files _mapping.yml in a folder, at any depth."""
    found = [] if not (folder / MAPPING).is_file() else [folder / MAPPING]
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not is_marker(path.name) and not path.is_symlink():
            found += mappings_below(path)
    return found


def delivered_files(raw_dir: Path) -> list[Path]:
    """Return all files that say what a landing zone holds, read or not, sorted by path."""
    files = [raw_dir / IGNORE]
    for folder in top_level(raw_dir):
        if folder.is_dir():
            files += files_below(folder) + mappings_below(folder)
    return sorted(path for path in files if path.is_file())
