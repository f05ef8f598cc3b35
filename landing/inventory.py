"""The inventory of a landing zone: one row per file, or all faults at once.

Every model that reads raw files reads this list. So a file that lands while a build runs is in the
whole build, or not in the build at all. A file that cannot be read as a whole, or that nobody
recognizes, stops the build by name; a record that cannot be read is set aside later.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from landing.files import kind_of, why_not_read
from landing.formats import (
    Content,
    clean,
    look_into_csv,
    look_into_json,
    look_into_parquet,
    refuse_odd_names,
    without_repetitions,
)
from landing.layouts import Entity, Layouts, Table, read_layouts
from landing.mapping import check_heading, seems_separated_by
from landing.names import probable
from landing.places import Place, Zone, survey
from landing.recognition import DELIMITERS, recognize
from landing.texts import TextFile, check_encoding, count_records, heading
from landing.words import one_or_more, with_nearest

# Without one of these tables there is nothing to build.
_ENOUGH = ("orders", "subscriptions")
# What the engine takes for a pattern in a file's name, and would read other files for.
_PATTERNS = "*?["
# Records that are looked at when a file is not read as a whole.
FEW = 1_000
FAULTS = (ValueError, OSError, EOFError, csv.Error, duckdb.Error)


@dataclass(frozen=True)
class Found:
    """A file that was looked into: what it holds, and which table its records count in."""

    place: Place
    path: Path
    file: str
    entity: str
    table: str
    is_part: bool
    content: Content
    source: TextFile
    delimiter: str = ""


def inventory(
    raw_dir: Path, models_dir: Path, session: duckdb.DuckDBPyConnection | None = None
) -> list[dict[str, Any]]:
    """Return a row for each file of a landing zone, and for what is left out.

    `models_dir` has the layouts. `session` is a connection that may be used, else one is made.
    Raises ValueError with a line for each fault of any file.
    """
    layouts = read_layouts(models_dir)
    zone = survey(raw_dir, layouts)
    files = _look_or_refuse(raw_dir, zone, layouts, session or duckdb.connect(), lambda path: True)
    left_out = [_left_out(raw_dir, path, meant) for path, meant in zone.left_out]
    return [row(found) for found in files] + left_out


def refuse_structural_faults(raw_dir: Path, models_dir: Path) -> None:
    """Raise ValueError as `inventory` does, for what the headings alone tell.

    No file is read to its end, so this takes a second where `inventory` may take minutes.
    """
    layouts = read_layouts(models_dir)
    zone = survey(raw_dir, layouts)
    with closing(duckdb.connect()) as session:
        _look_or_refuse(raw_dir, zone, layouts, session, lambda path: False)


def _look_or_refuse(
    raw_dir: Path,
    zone: Zone,
    layouts: Layouts,
    session: duckdb.DuckDBPyConnection,
    is_whole: Callable[[Path], bool],
) -> list[Found]:
    files, faults = look_at_all(raw_dir, zone, session, is_whole)
    faults = zone.faults + faults
    if not faults and (lacking := nothing_to_build(raw_dir, files, layouts)):
        faults = [lacking]
    if faults:
        raise ValueError("\n".join(faults))
    return files


def nothing_to_build(raw_dir: Path, files: Sequence[Found], layouts: Layouts) -> str:
    """Return what is lacking if no file has orders or subscriptions, else ''."""
    if any(one.table in _ENOUGH and not one.is_part for one in files):
        return ""
    systems = ", ".join(sorted(layouts.systems))
    lacking = f"no {' and no '.join(_ENOUGH)}" if files else "no raw files"
    return (
        f"{raw_dir}: {lacking}; put .csv, .jsonl or .parquet files into its folder"
        f" {' or '.join(_ENOUGH)}"
        + (f", or a system's own export into a folder of its name: {systems}" if systems else "")
    )


def look_at_all(
    raw_dir: Path,
    zone: Zone,
    session: duckdb.DuckDBPyConnection,
    is_whole: Callable[[Path], bool],
) -> tuple[list[Found], list[str]]:
    """Look into each file of a landing zone; return what was found, and a text for each fault.

    A file of which `is_whole` is false is not read to its end: its heading and first records only.
    """
    files, faults = [], []
    for place in zone.places:
        for path in place.files:
            file = path.relative_to(raw_dir).as_posix()
            try:
                files.append(look_into(place, path, file, session, whole=is_whole(path)))
            except FAULTS as fault:
                faults.append(f"{file}: {fault}")
    return files, faults


def look_into(
    place: Place, path: Path, file: str, session: duckdb.DuckDBPyConnection, *, whole: bool
) -> Found:
    """Return what a file is and holds. Raises one of FAULTS if it cannot be read as a whole."""
    kind = kind_of(path)
    if kind.suffix not in place.suffixes or not kind.format:
        raise ValueError(why_not_read(path, place.suffixes))
    if signs := [sign for sign in _PATTERNS if sign in str(path)]:
        raise ValueError(f"the engine takes {signs[0]} in a name for a pattern; rename the file")
    encoding = place.mapping.encoding if place.mapping and kind.format == "csv" else "utf-8"
    source = TextFile(path, session, kind.compression, encoding)
    most = None if whole else FEW
    if kind.format == "csv":
        return _look_into_csv(place, source, file, kind.suffix, whole=whole)
    if kind.format == "parquet":
        content = look_into_parquet(source, most)
    else:
        content = look_into_json(source, most)
    try:
        delimiter, entity = _recognized(place, {"": content.columns})
        refuse_odd_names(content.names, _must_be_one(place, entity))
    except ValueError:
        # a key of JSON may come late
        if whole or (content.format == "parquet" and not content.envelope):
            raise
        return look_into(place, path, file, session, whole=True)
    _refuse_unreadable(place, content, entity)
    return _found(place, source, file, content, delimiter, entity)


def row(found: Found) -> dict[str, Any]:
    """Return the row of a file."""
    with found.path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    content = found.content
    return {
        "system": found.place.system,
        "entity": found.entity,
        "table_name": found.table,
        "is_part": found.is_part,
        "file": found.file,
        "path": str(found.path),
        "format": content.format,
        "compression": found.source.compression,
        "delimiter": found.delimiter,
        "envelope": content.envelope,
        "mapping": found.place.mapping.to_json() if found.place.mapping else "",
        "sha256": sha256,
        "columns": _list(content.columns),
        "names": _list(content.names),
        "heading": _list([clean(name) for name in content.heading]),
        "types": _list(content.types),
        "records": content.records,
        "bytes": found.path.stat().st_size,
    }


def _left_out(raw_dir: Path, path: Path, meant: str) -> dict[str, Any]:
    """Return the row of what is not read; the hook of the model warns of it and deletes it."""
    name = path.relative_to(raw_dir).as_posix()
    texts = ("system", "entity", "table_name", "compression", "delimiter", "envelope", "mapping")
    return {
        **dict.fromkeys(texts, ""),
        "is_part": False,
        "file": f"{name} (is it {meant}?)" if meant else name,
        "path": str(path),
        "format": "left out",
        "sha256": "",
        **dict.fromkeys(("columns", "names", "heading", "types"), "[]"),
        "records": 0,
        "bytes": 0,
    }


def _look_into_csv(place: Place, source: TextFile, file: str, suffix: str, *, whole: bool) -> Found:
    has_quotes = check_encoding(source, whole=whole)
    readings, headings = {}, {}
    for delimiter in _delimiters(place, suffix):
        try:
            names = heading(source, delimiter)
        except csv.Error:
            # another delimiter may fit better
            if not place.entities:
                raise
            continue
        if not place.entities and not place.mapping:
            refuse_odd_names(names)
        headings[delimiter] = names
        names = without_repetitions(names)
        readings[delimiter] = look_into_csv(source, names, delimiter, None if whole else FEW)
    if not readings:
        raise ValueError("the heading has a quote that is not closed; mend it")
    columns = {delimiter: content.columns for delimiter, content in readings.items()}
    delimiter, entity = _recognized(place, columns)
    refuse_odd_names(headings[delimiter], _must_be_one(place, entity))
    content = readings[delimiter]
    if whole:
        records = count_records(source, delimiter, has_quotes=has_quotes)
        content = replace(content, records=records)
    return _found(place, source, file, content, delimiter, entity)


def _delimiters(place: Place, suffix: str) -> list[str]:
    """Return the delimiters that a CSV file may have."""
    if place.entities:
        return list(DELIMITERS)
    if place.mapping and place.mapping.delimiter:
        return [place.mapping.delimiter]
    return ["\t"] if suffix in (".tsv", ".txt") else [","]


def _recognized(place: Place, readings: dict[str, list[str]]) -> tuple[str, Entity | None]:
    """Return the delimiter and the entity of a file; no entity where the folder says it all.

    Raises ValueError if the columns are not those of the place.
    """
    if place.entities:
        return recognize(list(place.entities), readings)
    [(delimiter, columns)] = readings.items()
    if place.mapping:
        check_heading(place.mapping, columns)
    elif place.table:
        _check_contract(place.table, columns, delimiter)
    return delimiter, None


def _check_contract(table: Table, columns: list[str], delimiter: str) -> None:
    """Raise ValueError, with all of them, if required columns are missing."""
    lacking = [name for name in table.required if name not in columns]
    if not lacking:
        return
    others = [name for name in columns if name not in table.columns]
    like = with_nearest(lacking, others, probable)
    hint = ""
    if delimiter and len(columns) == 1 and (sign := seems_separated_by(columns[0])):
        hint = (
            f"; the heading is one column, and looks separated by {DELIMITERS[sign]}: write the"
            f" file with {DELIMITERS[delimiter]}s, or describe it in a _mapping.yml in a folder of"
            " its own"
        )
    raise ValueError(
        f"required {one_or_more('column', lacking)} missing"
        + (f"; nearest in the file: {like}" if like else "")
        + f"; the file has: {', '.join(columns)}"
        + hint
    )


def _columns_read(place: Place, entity: Entity | None) -> Sequence[str]:
    """Return the columns of a file that are read."""
    if entity:
        return entity.columns
    if place.mapping:
        return place.mapping.columns_read()
    return place.table.columns if place.table else ()


def _must_be_one(place: Place, entity: Entity | None) -> Sequence[str] | None:
    """Return the columns that no file may have twice; None for all, as the contract wants it."""
    return _columns_read(place, entity) if entity or place.mapping else None


def _refuse_unreadable(place: Place, content: Content, entity: Entity | None) -> None:
    """Raise ValueError if a column that is read has a type that the engine reads wrongly."""
    read = _columns_read(place, entity)
    faults = [f"column {name} {why}" for name, why in content.unreadable.items() if name in read]
    if faults:
        raise ValueError("; ".join(faults))


def _found(
    place: Place,
    source: TextFile,
    file: str,
    content: Content,
    delimiter: str,
    entity: Entity | None,
) -> Found:
    if entity:
        name, table, is_part = entity.name, entity.table, entity.is_part
    else:
        name = table = place.table.name if place.table else ""
        is_part = False
    return Found(place, source.path, file, name, table, is_part, content, source, delimiter)


def _list(names: list[str]) -> str:
    return json.dumps(names, ensure_ascii=False)
