"""One row per file of the landing zone: what it is called, what it holds and what it hashes to.

Every model that reads raw files reads this list. So a file that lands while a build runs is in the
whole build, or not in the build at all. A file that cannot be read as a whole stops the build here,
by name; a record that cannot be read is set aside later. Records are counted here without the
engine, which has been seen to lose a record behind an open quote without a word.
"""

import codecs
import csv
import gzip
import hashlib
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

SUFFIXES = (".csv", ".csv.gz", ".parquet")
CHUNK = 1 << 20

# A long text is no fault of the quotes; the engine has a limit of its own.
csv.field_size_limit((1 << 31) - 1)


def model(dbt: Any, session: Any) -> pd.DataFrame:
    """Return the model; dbt and session are what dbt gives to every Python model."""
    raw_dir = Path(dbt.config.meta_get("raw_dir")).absolute()
    tables = dbt.config.meta_get("raw_tables")
    files, faults = [], []
    for table_name in tables:
        for path in visible(raw_dir / table_name):
            try:
                files.append(describe(session, raw_dir, path))
            except (ValueError, OSError, EOFError, csv.Error, duckdb.Error) as fault:
                faults.append(f"{path.relative_to(raw_dir)}: {fault}")
    if faults:
        raise ValueError("\n".join(faults))
    if not any(file["table_name"] in ("orders", "subscriptions") for file in files):
        raise ValueError(
            f"{raw_dir}: no raw files; put {', '.join(SUFFIXES)} files into its folder orders"
            " or subscriptions"
        )
    files += [left_out(raw_dir, path) for path in visible(raw_dir) if path.name not in tables]
    return pd.DataFrame(files)


def visible(folder: Path) -> list[Path]:
    """Return what lies in a folder, hidden files and markers such as _SUCCESS aside."""
    return sorted(path for path in folder.glob("*") if path.name[0] not in "._")


def left_out(raw_dir: Path, path: Path) -> dict[str, Any]:
    """Return the row of what is not read; the hook of this model warns of it and deletes it."""
    return {
        "system": "raw",
        "entity": "",
        "is_part": False,
        "delimiter": ",",
        "heading": "[]",
        "envelope": "",
        "mapping": "",
        "table_name": "",
        "file": str(path.relative_to(raw_dir)),
        "path": str(path),
        "format": "left out",
        "sha256": "",
        "columns": "[]",
        "types": "[]",
        "records": 0,
        "bytes": 0,
    }


def describe(session: Any, raw_dir: Path, path: Path) -> dict[str, Any]:
    """Return the row of one file. Raises an error if the file cannot be read as a whole."""
    if not path.name.endswith(SUFFIXES) or path.is_dir():
        return left_out(raw_dir, path)
    is_parquet = path.name.endswith(".parquet")
    look_into = partial(look_into_parquet, session) if is_parquet else look_into_csv
    columns, types, records = look_into(path)
    for name in columns:
        if columns.count(name) > 1:
            raise ValueError(f"the heading names the column {name} twice; rename one of them")
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return {
        "system": "raw",
        "entity": path.parent.name,
        "is_part": False,
        "delimiter": ",",
        "heading": json.dumps(columns),
        "envelope": "",
        "mapping": "",
        "table_name": path.parent.name,
        "file": str(path.relative_to(raw_dir)),
        "path": str(path),
        "format": "parquet" if is_parquet else "csv",
        "sha256": sha256,
        "columns": json.dumps(columns),
        "types": json.dumps(types),
        "records": records,
        "bytes": path.stat().st_size,
    }


def look_into_parquet(session: Any, path: Path) -> tuple[list[str], list[str], int]:
    """Return the names of a Parquet file's columns, their types, and its number of records.

    Files of other types must not share a scan: the engine would cast all to those of the first.
    """
    file = "'" + str(path).replace("'", "''") + "'"
    columns = session.sql(f"select * from read_parquet({file}) limit 0")
    [(records,)] = session.sql(f"select num_rows from parquet_file_metadata({file})").fetchall()
    return [name.lower() for name in columns.columns], [str(t) for t in columns.types], records


def look_into_csv(path: Path) -> tuple[list[str], list[str], int]:
    """Return the names in a CSV file's heading, no types, and its number of records.

    Raises ValueError or csv.Error, with the line, unless the file is UTF-8 throughout, has one
    kind of line end, and closes every quote.
    """
    has_quotes = check_encoding(path)
    with io.TextIOWrapper(open_csv(path), encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        columns = [name.strip().lower() for name in next(reader, [])]
        if not columns:
            raise ValueError("the file is empty, without even a heading; deliver it again")
        if "" in columns:
            raise ValueError(f"column {columns.index('') + 1} has no name in the heading; name it")
        if has_quotes:
            return columns, [], count_quoted(reader)
        # a blank line is no record
        return columns, [], sum(line not in ("\n", "\r\n") for line in lines)


def open_csv(path: Path) -> Any:
    """Open a CSV file, gzipped or not, for reading bytes."""
    return gzip.open(path) if path.name.endswith(".gz") else path.open("rb")


def count_quoted(reader: Any) -> int:
    """Return the number of records that are left, reading every quote as the standard says."""
    records = 0
    started_on = reader.line_num
    try:
        for fields in reader:
            records += bool(fields)
            started_on = reader.line_num
    except csv.Error as error:
        raise ValueError(
            f"line {started_on + 1}: a quote is not closed or not doubled ({error}), so what"
            " follows cannot be told apart; mend the line"
        ) from error
    return records


def check_encoding(path: Path) -> bool:
    """Return whether a CSV file has quotes.

    Raises ValueError, with the line, unless it is UTF-8 with one kind of line end.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, ends_in_crlf, ends_in_lf, ends_in_cr, quotes = 1, 0, 0, 0, 0
    last = b""
    with open_csv(path) as stream:
        while chunk := stream.read(CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                raise ValueError(f"line {line}: not UTF-8; save the file as UTF-8") from error
            # a line end may lie across two chunks
            crlf, lf = (last + chunk).count(b"\r\n"), chunk.count(b"\n")
            ends_in_crlf += crlf
            ends_in_lf += lf - crlf
            ends_in_cr += chunk.count(b"\r") - crlf
            line += lf
            quotes += chunk.count(b'"')
            last = chunk[-1:]
    if ends_in_cr or (ends_in_crlf and ends_in_lf):
        check_line_ends(path)
    return quotes > 0


def check_line_ends(path: Path) -> None:
    """Raise ValueError, with the line, if records do not all end in LF or all in CRLF.

    A quoted field may hold line ends of its own, so only what lies outside of quotes counts.
    """
    with open_csv(path) as stream:
        parts = stream.read().split(b'"')
    line, first_end = 1, b""
    for number, part in enumerate(parts):
        if number % 2:
            line += part.count(b"\n")
            continue
        *ended, rest = part.split(b"\n")
        for text in ended:
            end = b"\r\n" if text.endswith(b"\r") else b"\n"
            first_end = first_end or end
            if end != first_end or b"\r" in text[:-1]:
                break
            line += 1
        else:
            if b"\r" not in rest:
                continue
        raise ValueError(
            f"line {line}: another kind of line end than LF or CRLF throughout;"
            " write the file with one kind"
        )
