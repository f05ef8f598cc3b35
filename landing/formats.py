"""What a file holds: its columns, their types and its number of records.

Airbyte keeps a record as JSON in one column, the envelope. The columns of such a file are the keys
in there, and Airbyte's own columns around it.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import duckdb

from landing.texts import TextFile, quoted

ENVELOPE = "_airbyte_data"
_AIRBYTE = "_airbyte_"
# Above this number of digits a decimal is not exact in the engine.
_MOST_DIGITS = 38
_BYTES = (
    "is stored as bytes, which are neither a text nor a number; write it as text or as a whole"
    " number of 64 bits (polars writes Int128 as bytes: cast it to Int64 or String)"
)
# How the formats of JSON are called by the engine.
_JSON_FORMATS = {"json": "newline_delimited", "json_array": "array"}


@dataclass(frozen=True)
class Content:
    """What a file holds. `names` are the columns as they stand there, `columns` in lower case.

    With an envelope, these are the keys in it, and `heading` has the columns of the file itself.
    """

    format: str
    names: list[str]
    records: int
    types: list[str] = field(default_factory=list)
    envelope: str = ""
    heading: list[str] = field(default_factory=list)
    # by column: why the engine cannot read it rightly
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The names in lower case, without blanks around them."""
        return [clean(name) for name in self.names]


def clean(name: str) -> str:
    """Return the name of a column in lower case, without blanks around it."""
    return name.strip().lower()


def without_repetitions(names: Sequence[str]) -> list[str]:
    """Return the names of a heading, with each empty or repeated one made different."""
    made: list[str] = []
    for number, name in enumerate(names, 1):
        name = name if name.strip() else f"column {number}"
        taken = [clean(one) for one in made]
        repeats = 2
        unique = name
        while clean(unique) in taken:
            unique = f"{name.strip()} ({repeats})"
            repeats += 1
        made.append(unique)
    return made


def refuse_odd_names(names: Sequence[str], read: Collection[str] | None = None) -> None:
    """Raise ValueError if a column has no name, or if two have the same one.

    With `read`, only the names of columns that are read matter.
    """
    columns = [clean(name) for name in names]
    if read is None and "" in columns:
        raise ValueError(f"column {columns.index('') + 1} has no name in the heading; name it")
    for name, times in Counter(columns).items():
        if times > 1 and (read is None or name in read):
            raise ValueError(f"the heading names the column {name} twice; rename one of them")


def look_into_parquet(file: TextFile, most: int | None = None) -> Content:
    """Return what a Parquet file holds. `most` looks only into the first envelopes.

    Files of other types must not share a scan: the engine would cast all to those of the first.
    """
    scan = f"read_parquet({quoted(file.path)}, hive_partitioning = false)"
    with closing(file.session.cursor()) as cursor:
        columns = cursor.execute(f"describe select * from {scan}").fetchall()
        heading, types = [row[0] for row in columns], [row[1] for row in columns]
        names = heading
        [(records,)] = cursor.execute(
            f"select num_rows from parquet_file_metadata({quoted(file.path)})"
        ).fetchall()
        digits = _digits(cursor, file)
        unreadable = {
            clean(name): _BYTES for name, kind in zip(names, types, strict=True) if kind == "BLOB"
        } | {
            name: _too_many_digits(count) for name, count in digits.items() if count > _MOST_DIGITS
        }
        envelope = _name_of_envelope(names)
        if envelope:
            kind = types[names.index(envelope)]
            is_text = kind in ("VARCHAR", "JSON")
            column = _identifier(envelope)
            text = column if is_text else f"to_json({column})"
            names = _unpacked(cursor, f"select {text} from {scan}{_limit(most)}", heading)
            types = []
    return Content(
        "parquet", names, records, types, ENVELOPE if envelope else "", heading, unreadable
    )


def look_into_json(file: TextFile, most: int | None = None) -> Content:
    """Return what a file of JSON objects holds: one object a line, or one array of them.

    `most` looks at the first records only. Raises ValueError, with the line, for what is no object.
    """
    kind = _kind_of_json(file)
    scan = json_scan(file, kind)
    few = _limit(most)
    with closing(file.session.cursor()) as cursor:
        try:
            records, objects = cursor.execute(
                "select count(*), count(*) filter (json_type(json) = 'OBJECT')"
                f" from (select json from {scan}{few})"
            ).fetchone() or (0, 0)
            if objects < records:
                raise ValueError(_fault_of_json(file, kind))
            if kind == "json_array" and most is None and _last_sign(file) != b"]":
                # the engine does not notice when a file is cut off behind a comma
                raise ValueError("the array is not closed; deliver the file again")
            names = _keys(cursor, f"select json from {scan}{few}")
        except duckdb.Error as error:
            raise ValueError(_fault_of_json(file, kind, str(error))) from error
        if not records:
            raise ValueError("the file is empty, without a single record; deliver it again")
        envelope = _name_of_envelope(names)
        if envelope:
            inside = f"select {_unwrapped(envelope)} from (select json from {scan}{few})"
            names = _unpacked(cursor, inside, names)
    return Content(kind, names, records, [], ENVELOPE if envelope else "")


def look_into_csv(
    file: TextFile, heading: list[str], delimiter: str, most: int | None = None
) -> Content:
    """Return what a CSV file with this heading holds; its records are not counted yet.

    `most` looks only into the first envelopes.
    """
    envelope = _name_of_envelope(heading)
    if not envelope:
        return Content("csv", heading, 0, heading=heading)
    scan = csv_scan(file, heading, delimiter)
    with closing(file.session.cursor()) as cursor:
        query = f"select {_identifier(envelope)} from {scan}{_limit(most)}"
        names = _unpacked(cursor, query, heading)
    return Content("csv", names, 0, [], ENVELOPE, heading)


def csv_scan(file: TextFile, names: Sequence[str], delimiter: str) -> str:
    """Return SQL that reads a CSV file as texts, without lines that are no records."""
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({quoted(file.path)}, auto_detect = false, header = false, skip = 1,"
        f" delim = {quoted(delimiter)}, quote = '\"', escape = '\"', ignore_errors = true,"
        f" compression = '{file.compression or 'none'}', encoding = '{file.encoding}',"
        f" hive_partitioning = false, columns = {{{columns}}})"
    )


def json_scan(file: TextFile, kind: str) -> str:
    """Return SQL that reads a file of JSON objects into the column json."""
    return (
        f"read_json_objects({quoted(file.path)}, format = '{_JSON_FORMATS[kind]}',"
        f" compression = '{file.compression or 'uncompressed'}', hive_partitioning = false)"
    )


def is_nested(data_type: str) -> bool:
    """Tell whether a type of the engine is a list, a struct or a map."""
    return data_type.startswith(("STRUCT", "MAP", "UNION")) or data_type.endswith("]")


def _limit(most: int | None) -> str:
    return "" if most is None else f" limit {most}"


def _name_of_envelope(names: Sequence[str]) -> str:
    return next((name for name in names if clean(name) == ENVELOPE), "")


def _unpacked(cursor: Any, query: str, outer: Sequence[str]) -> list[str]:  # noqa: ANN401
    """Return the keys in an envelope, and Airbyte's own columns around it."""
    inside = f"select try_cast(envelope as json) from ({query}) as rows_of_file (envelope)"
    refused = cursor.execute(
        f"select count(*) from ({inside}) as rows_of_file (json)"
        " where json is null or json_type(json) <> 'OBJECT'"
    ).fetchall()[0][0]
    if refused:
        raise ValueError(
            f"{refused} records have no JSON object in {ENVELOPE}; deliver the file again"
        )
    names = _keys(cursor, inside)
    known = {clean(name) for name in names}
    return names + [
        name for name in outer if clean(name).startswith(_AIRBYTE) and clean(name) not in known
    ]


def _keys(cursor: Any, query: str) -> list[str]:  # noqa: ANN401
    """Return all keys of the objects that a query gives, sorted."""
    rows = cursor.execute(
        "select distinct key from"
        f" (select unnest(json_keys(json)) as key from ({query}) as objects (json)) order by key"
    ).fetchall()
    return [key for (key,) in rows]


def _unwrapped(envelope: str) -> str:
    """Return SQL for the envelope in a JSON object, where it is an object or the text of one."""
    path = "'$.\"" + envelope + "\"'"
    return f"json_extract_string(json, {path})"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _digits(cursor: Any, file: TextFile) -> dict[str, int]:  # noqa: ANN401
    """Return the digits of each decimal column, which only Parquet's own schema tells."""
    rows = cursor.execute(
        f"select name, num_children, precision from parquet_schema({quoted(file.path)})"
    ).fetchall()
    digits: dict[str, int] = {}
    # the first row is the file itself; below it, children follow their parent
    deeper = 0
    for name, children, precision in rows[1:]:
        if not deeper and precision:
            digits[clean(name)] = precision
        deeper = max(deeper - 1, 0) + (children or 0)
    return digits


def _too_many_digits(digits: int) -> str:
    return (
        f"is a decimal of {digits} digits, and the engine reads at most {_MOST_DIGITS} rightly;"
        " write it as decimal(38, 9) or less"
    )


def _kind_of_json(file: TextFile) -> str:
    """Return json for one object a line, json_array for an array, by the first sign."""
    try:
        with closing(file.lines()) as lines:
            first = next((line.lstrip() for line in lines if line.strip()), "")
    except UnicodeDecodeError:
        first = ""
    if first.startswith("\ufeff"):
        first = first[1:]
    return "json_array" if first.startswith("[") else "json"


def _last_sign(file: TextFile) -> bytes:
    last = b""
    with closing(file.chunks()) as chunks:
        for chunk in chunks:
            last = chunk.rstrip()[-1:] or last
    return last


def _fault_of_json(file: TextFile, kind: str, message: str = "") -> str:
    """Return what is wrong with a file that is no JSON objects, with the line if it has lines."""
    advice = "write one JSON object a line, or one array of objects"
    line = 0
    try:
        with closing(file.lines()) as lines:
            if kind == "json_array":
                records = json.loads("".join(lines))
                odd = [n for n, one in enumerate(records, 1) if not isinstance(one, dict)]
                return f"record {odd[0]} is no JSON object; {advice}" if odd else message
            for line, text in enumerate(lines, 1):
                if text.strip() and not isinstance(json.loads(text), dict):
                    return f"line {line} is no JSON object; {advice}"
    except UnicodeDecodeError:
        return "not UTF-8; save the file as UTF-8"
    except json.JSONDecodeError as error:
        at = error.lineno if kind == "json_array" else line
        return (
            f"line {at} is no JSON object ({error.msg}); {advice}, or deliver it again, if it was"
            " cut off"
        )
    if "byte order mark" in message:
        return "the file starts with a byte order mark; save it as UTF-8 without one"
    return message.splitlines()[0] if message else f"not JSON; {advice}"
