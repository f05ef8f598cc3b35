"""The first records of a file, as texts."""

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from landing.formats import ENVELOPE, clean, is_nested, json_scan
from landing.inventory import Found
from landing.texts import quoted


@dataclass
class Sample:
    """Records of one file: their numbers in it, from 1, and their texts in the file's columns.

    `broken` has what is wrong with lines that are no records, by record number.
    """

    found: Found
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)

    def texts(self, column: str) -> list[str]:
        """Return the texts in a column that are not empty."""
        if column not in self.found.content.columns:
            return []
        at = self.found.content.columns.index(column)
        return [row[at].strip() for _, row in self.rows if row[at].strip()]


def take_sample(found: Found, most: int) -> Sample:
    """Return the first records of a file, at most `most`. Raises what reading raises."""
    sample = Sample(found)
    if found.content.format == "csv":
        _from_csv(sample, most)
    else:
        query = _query(found)
        with closing(found.source.session.cursor()) as cursor:
            rows = cursor.execute(f"{query} limit {most}").fetchall()
        sample.rows = [(number, [text or "" for text in row]) for number, row in enumerate(rows, 1)]
    return sample


def _from_csv(sample: Sample, most: int) -> None:
    found = sample.found
    width = len(found.content.heading)
    with closing(found.source.lines()) as lines:
        reader = csv.reader(lines, delimiter=found.delimiter, strict=True)
        next(reader, None)
        records = islice((record for record in reader if record), most)
        for number, record in enumerate(records, 1):
            if len(record) < width:
                sample.broken[number] = f"line has too few fields: {len(record)} of {width}"
            elif any(record[width:]):
                sample.broken[number] = f"line has too many fields: {len(record)} for {width}"
            else:
                sample.rows.append((number, _texts(found, record[:width])))


def _texts(found: Found, record: list[str]) -> list[str]:
    """Return the texts of a CSV record in the file's columns, taken out of an envelope."""
    if not found.content.envelope:
        return record
    outer = dict(zip((clean(name) for name in found.content.heading), record, strict=True))
    inner = json.loads(outer[ENVELOPE])
    if not isinstance(inner, dict):
        raise ValueError(f"a record has no JSON object in {ENVELOPE}; deliver the file again")
    return [
        _text(inner.get(name, outer.get(column)))
        for name, column in zip(found.content.names, found.content.columns, strict=True)
    ]


def _text(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _query(found: Found) -> str:
    """Return SQL for all records of a file without delimiters, as texts in the file's columns."""
    content = found.content
    if content.format == "parquet":
        scan = f"read_parquet({quoted(found.path)}, hive_partitioning = false)"
        if not content.envelope:
            columns = [
                f"cast(to_json({name}) as varchar)"
                if is_nested(kind)
                else f"cast({name} as varchar)"
                for name, kind in zip(map(_identifier, content.names), content.types, strict=True)
            ]
            return f"select {', '.join(columns)} from {scan}"
        scan = f"(select to_json(record) as json from {scan} as record)"
    else:
        scan = json_scan(found.source, content.format)
    if content.envelope:
        path = quoted(f'$."{ENVELOPE}"')
        scan = (
            f"(select json as outer_json, cast(json_extract_string(json, {path}) as json) as json"
            f" from {scan})"
        )
        columns = [
            f"coalesce({_value('json', name)}, {_value('outer_json', name)})"
            for name in content.names
        ]
    else:
        columns = [_value("json", name) for name in content.names]
    return f"select {', '.join(columns)} from {scan}"


def _value(record: str, name: str) -> str:
    return f"json_extract_string({record}, {quoted(_path(name))})"


def _path(name: str) -> str:
    return '$."' + name.replace('"', '\\"') + '"'


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def each_column(sample: Sample, most: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each column of a file with its first texts, without empty ones."""
    for at, column in enumerate(sample.found.content.columns):
        texts = [row[at].strip() for _, row in sample.rows[:most]]
        yield column, [text for text in texts if text]
