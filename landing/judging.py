"""Which records of a sample the contract would reject, and why: by the build's own casts."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import jinja2

from landing.inventory import Found
from landing.layouts import CONTRACT, Layouts, Table
from landing.macros import Macros
from landing.sample import Sample
from landing.texts import quoted

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# What can go wrong where SQL is rendered without dbt; the build itself will say more.
_NOT_HERE = (duckdb.Error, jinja2.TemplateError, ValueError, KeyError, TypeError)


class Rejection(NamedTuple):
    """A record that would be rejected: its file, its number there, the reason and the text.

    `is_own` is false for a line that belongs to another record, and for a record that is made of
    one of another table.
    """

    file: str
    record: int
    reason: str
    word: str = ""
    is_own: bool = True


class Judged(NamedTuple):
    """The records that would be rejected, and why some files could not be judged.

    `own` has, by file, the numbers of the records that count in the file's own table. It lacks
    files of which every record does, or of which nobody knows.
    """

    rejections: list[Rejection]
    unjudged: list[str]
    own: Mapping[str, set[int]]


@dataclass(frozen=True)
class Judge:
    """Judges samples. Texts go through files in `folder`, since the engine reads these fastest."""

    layouts: Layouts
    macros: Macros
    session: duckdb.DuckDBPyConnection
    folder: Path

    def judge(self, samples: Sequence[Sample]) -> Judged:
        """Judge the records of samples by the contract, mapped to it where they must be."""
        rejections = [
            Rejection(sample.found.file, number, reason)
            for sample in samples
            for number, reason in sample.broken.items()
        ]
        unjudged = []
        own: dict[str, set[int]] = {}
        for name, table in self.layouts.tables.items():
            ones = [one for one in samples if _is_own(one) and one.found.table == name]
            if ones:
                rejections += self._contract(table, ones)
        for system, ones in _by(samples, lambda found: found.place.entities and found.place.system):
            try:
                for table in self.layouts.tables.values():
                    rejections += self._system(system, table, ones, own)
            except _NOT_HERE as error:
                unjudged.append(_unjudged(system, error))
        for _, ones in _by(samples, lambda found: found.place.mapping and _alike(found)):
            try:
                rejections += self._mapped(ones, own)
            except _NOT_HERE as error:
                unjudged.append(_unjudged(ones[0].found.place.name, error))
        return Judged(rejections, unjudged, own)

    def _contract(self, table: Table, samples: Sequence[Sample]) -> list[Rejection]:
        relation = self._relation(table.columns, samples)
        nothing = "cast(null as varchar)"
        added = ("record_role", "mapping_fault", "remark")
        query = f"(select *, {', '.join(f'{nothing} as {name}' for name in added)} from {relation})"
        return self._rejected(table, query, "true")

    def _system(
        self, system: str, table: Table, samples: Sequence[Sample], own: dict[str, set[int]]
    ) -> list[Rejection]:
        def relation(source: str, entity: str) -> str:
            [declared] = [one for one in self.layouts.systems[source] if one.name == entity]
            # a family of systems shares models, which read the others' entities as well
            files = [one for one in samples if (source, one.found.entity) == (system, entity)]
            return self._relation(declared.columns, files)

        mapping = self.macros.mapping(system, table.name, relation)
        if mapping is None:
            return []
        rejections = self._of_mapping(table, mapping)
        of_table = {one.found.file for one in samples if one.found.table == table.name}
        for file, record in self._own_records():
            if file in of_table:
                own.setdefault(file, set()).add(record)
        return [one if one.file in of_table else one._replace(is_own=False) for one in rejections]

    def _mapped(self, samples: Sequence[Sample], own: dict[str, set[int]]) -> list[Rejection]:
        """Judge the files of one folder with a _mapping.yml that have the same columns."""
        first = samples[0].found
        table, mapping = first.place.table, first.place.mapping
        assert table is not None and mapping is not None
        columns = first.content.columns
        texts = self._relation(columns, samples, clean=False)
        reader = f"(select *, file as filename from {texts} order by place)"
        mapped = self.macros.mapped(table.nodes, mapping.to_json(), columns, reader)
        # the mapping counts the records of all files, this one those of each
        numbers = [number for sample in samples for number, _ in sample.rows]
        rejections = self._of_mapping(table, mapped)
        for file, record in self._own_records():
            own.setdefault(file, set()).add(numbers[record - 1])
        return [one._replace(record=numbers[one.record - 1]) for one in rejections]

    def _own_records(self) -> list[tuple[str, int]]:
        """Return file and number of the records that were mapped last, but for parts of others."""
        return self.session.execute(
            "select file, scan_position from mapped_records where record_role is null"
        ).fetchall()

    def _of_mapping(self, table: Table, mapping: str) -> list[Rejection]:
        columns = [*table.columns, "file", "record_role", "mapping_fault", "remark"]
        query = (
            f"select {', '.join(f'cast(null as varchar) as {name}' for name in columns)},"
            " cast(null as bigint) as scan_position where false"
            f" union all by name select * from {mapping}"
        )
        # kept first: the engine would work out a mapping again in every cast that looks at it
        self.session.execute(f"create or replace temp table mapped_records as {query}")
        judged = "(record_role is distinct from 'part' or mapping_fault is not null)"
        return self._rejected(table, "mapped_records", judged)

    def _rejected(self, table: Table, relation: str, condition: str) -> list[Rejection]:
        others = ["file", "scan_position", "record_role"]
        judged = self.macros.judged(table.nodes, relation, others)
        texts = ", ".join(f"{name}_text" for name in table.columns)
        rows = self.session.execute(
            f"select file, scan_position, record_role is null, faults, {texts} from ({judged})"
            f" where faults <> '' and {condition} order by file, scan_position"
        ).fetchall()
        return [
            Rejection(file, number, fault, _word(fault, table, row), is_own)
            for file, number, is_own, faults, *row in rows
            for fault in faults.split("; ")
        ]

    def _relation(
        self, columns: Iterable[str], samples: Sequence[Sample], *, clean: bool = True
    ) -> str:
        """Return SQL for the texts of samples in these columns, as the macro read_texts gives.

        `clean` makes names of the columns as read_texts does. `place` counts all rows from 1.
        """
        columns = list(columns)
        names = [clean_name(column) for column in columns] if clean else columns
        file = self.folder / f"{len(list(self.folder.iterdir()))}.csv"
        place = 0
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            for sample in samples:
                pick = _picker(columns, sample.found.content.columns)
                day = _DATE.search(sample.found.file)
                for number, row in sample.rows:
                    place += 1
                    writer.writerow([*pick(row), sample.found.file, day and day[0], number, place])
        typed = {**dict.fromkeys(names, "VARCHAR"), "file": "VARCHAR", "file_date": "DATE"}
        typed |= {"scan_position": "BIGINT", "place": "BIGINT"}
        schema = ", ".join(f"{quoted(column)}: '{kind}'" for column, kind in typed.items())
        return (
            f"read_csv({quoted(file)}, auto_detect = false, header = false, delim = ',',"
            f" quote = '\"', escape = '\"', columns = {{{schema}}})"
        )


def _by(samples: Iterable[Sample], key: Callable[[Found], Any]) -> list[tuple[Any, list[Sample]]]:
    """Return the samples of which the key is something, by it."""
    groups: dict[Any, list[Sample]] = {}
    for sample in samples:
        if of := key(sample.found):
            groups.setdefault(of, []).append(sample)
    return sorted(groups.items(), key=lambda group: str(group[0]))


def _alike(found: Found) -> tuple[str, ...]:
    return (found.place.name, *found.content.columns)


def _unjudged(name: str, error: Exception) -> str:
    return f"{name}: records not judged here: {str(error).splitlines()[0]}"


def clean_name(name: str) -> str:
    """Return the name of a column as the macro clean_name gives it."""
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")


def _is_own(sample: Sample) -> bool:
    return sample.found.place.system == CONTRACT


def _picker(columns: list[str], given: list[str]) -> Callable[[list[str]], list[str]]:
    """Return a function that picks the texts of `columns` from a row of a file with `given`.

    dlt keeps a value of another type beside its column, as in amount__v_double.
    """
    places = [
        [
            place
            for place, one in enumerate(given)
            if one == name.lower() or one.startswith(f"{name.lower()}__v_")
        ]
        for name in columns
    ]
    return lambda row: [
        next((text for place in one if (text := row[place].strip())), "") for one in places
    ]


def _word(fault: str, table: Table, texts: Sequence[str | None]) -> str:
    """Return the text that a fault is about; a fault opens with the name of its column."""
    column = fault.split(" ", 1)[0]
    return (texts[table.columns.index(column)] or "") if column in table.columns else ""
