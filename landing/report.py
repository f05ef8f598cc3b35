"""The lines of make check-raw: what was found, and what is wrong."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from landing.forms import label_of
from landing.inventory import Found
from landing.judging import Judged, Rejection
from landing.layouts import CONTRACT, Layouts
from landing.recognition import DELIMITERS
from landing.sample import Sample, each_column
from landing.words import nearest

# Columns that loaders add for themselves.
LOADERS = ("_dlt_", "_airbyte_", "_sdc_", "_fivetran_")
_SHOWN = 40
_WIDTH = 600
# In so many records of a file, forms of times are looked for.
_FOR_TIMES = 50


def places(samples: Iterable[Sample], whole: Collection[Path]) -> list[str]:
    """Return a line for each table of the contract, each entity of a system and each mapping.

    The number of records has a plus if one of its files is not in `whole`, so not read to its end.
    """
    by_place: dict[str, list[Sample]] = {}
    for sample in samples:
        by_place.setdefault(_place(sample.found), []).append(sample)
    width = max(map(len, by_place), default=0)
    return [
        f"  {place:<{width}} {len(ones):>4} {'files' if len(ones) > 1 else 'file '}"
        f" {_records(ones, whole):>12} records  {_formats(ones)}{_times(ones)}"
        for place, ones in by_place.items()
    ]


def titled(title: str, lines: Sequence[str]) -> list[str]:
    """Return lines below their title, the first of many; nothing without lines."""
    if not lines:
        return []
    shown = [f"  {line[:_WIDTH]}" for line in lines[:_SHOWN]]
    more = [f"  ... {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [title, *shown, *more]


def shared(faults: Sequence[str]) -> list[str]:
    """Return faults of files; one that several files of a folder share is one line."""
    groups: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        file, _, message = fault.partition(": ")
        groups.setdefault((file.rpartition("/")[0], message), []).append(file)
    return [
        files[0]
        + (f" and {len(files) - 1} more files of its folder" if len(files) > 1 else "")
        + (f": {message}" if message else "")
        for (_, message), files in groups.items()
    ]


def hopeless(samples: Iterable[Sample], judged: Judged) -> dict[str, str]:
    """Return, by file, a line for each file of which all records in the sample are rejected.

    Lines that belong to other records are not counted, unless the file has nothing else.
    """
    rejected: dict[str, list[Rejection]] = {}
    for one in judged.rejections:
        rejected.setdefault(one.file, []).append(one)
    lines = {}
    for sample in samples:
        file = sample.found.file
        own = judged.own.get(file)
        records = (own or {number for number, _ in sample.rows}) | sample.broken.keys()
        ones = [one for one in rejected.get(file, []) if one.is_own or not own]
        if ones and records <= {one.record for one in ones}:
            lines[file] = f"{file}: {ones[0].reason}{_said(ones[0].word)}"
    return lines


def rejected(rejections: Iterable[Rejection], others: Mapping[str, str]) -> list[str]:
    """Return a line for each file, but for `others`, and reason: how often, first record, text."""
    groups: dict[tuple[str, str], list[Rejection]] = {}
    for one in rejections:
        if one.file not in others:
            groups.setdefault((one.file, one.reason), []).append(one)
    lines = []
    for (file, reason), ones in groups.items():
        times = f": {len(ones):,} records, the first is" if len(ones) > 1 else ":"
        lines.append(f"{file}{times} record {ones[0].record}: {reason}{_said(ones[0].word)}")
    return lines


def unknown_columns(samples: Iterable[Sample], layouts: Layouts) -> list[str]:
    """Return the columns that the contract does not know, with the nearest that no file has."""
    unknown: dict[str, list[str]] = {}
    lacking: dict[str, set[str]] = {}
    for sample in samples:
        if sample.found.place.system != CONTRACT:
            continue
        table = layouts.tables[sample.found.table]
        columns = sample.found.content.columns
        lacking.setdefault(table.name, set(table.columns)).difference_update(columns)
        known = unknown.setdefault(table.name, [])
        known += [
            name
            for name in columns
            if name.split("__v_")[0] not in table.columns
            and name not in known
            and not name.startswith(LOADERS)
        ]
    return [
        f"{table}: columns that the contract does not know are left out: "
        + ", ".join(
            f"{name} (is it {like}?)" if (like := nearest(name, lacking[table])) else name
            for name in names
        )
        for table, names in unknown.items()
        if names
    ]


def empty(samples: Iterable[Sample]) -> list[str]:
    """Return the files that have a heading and no records."""
    return shared(
        [
            f"{one.found.file}: a heading without records"
            for one in samples
            if not one.rows and not one.broken
        ]
    )


def _place(found: Found) -> str:
    if found.place.system == CONTRACT:
        return found.table
    if found.place.mapping:
        return f"{found.place.name}, mapped to {found.table}"
    return f"{found.place.system}: {found.entity}"


def _records(samples: Sequence[Sample], whole: Collection[Path]) -> str:
    records = sum(
        max(one.found.content.records, len(one.rows) + len(one.broken)) for one in samples
    )
    is_all = all(
        one.found.path in whole or one.found.content.format == "parquet" for one in samples
    )
    return f"{records:,}" + ("" if is_all else "+")


def _formats(samples: Sequence[Sample]) -> str:
    return "; ".join(sorted({_format(sample.found) for sample in samples}))


def _format(found: Found) -> str:
    names = {"json": "JSON lines", "json_array": "JSON array", "parquet": "Parquet", "csv": "CSV"}
    name = names[found.content.format]
    if found.delimiter:
        name = f"{name} ({DELIMITERS[found.delimiter]}, {found.source.encoding})"
    return name + (f" {found.source.compression}" if found.source.compression else "")


def _times(samples: Sequence[Sample]) -> str:
    """Return the forms of times that were seen."""
    labels: set[str] = set()
    for sample in samples:
        place = sample.found.place
        types = place.table.types if place.table and not place.mapping else {}
        for column, texts in each_column(sample, _FOR_TIMES):
            seen = {label_of(text) for text in texts}
            if types.get(column) in ("timestamp", "date"):
                labels |= {label or "other" for label in seen}
            # a number is a time only where the contract says so
            elif "" not in seen and "seconds since 1970" not in seen:
                labels |= seen
    return f"; times: {', '.join(sorted(labels))}" if labels else ""


def _said(word: str) -> str:
    return f": {' '.join(word.split())[:60]}" if word else ""
