"""Which records of a sample the contract would reject, and why: by the build's own casts."""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import jinja2

from landing.layouts import CONTRACT, Layouts, Table
from landing.macros import Macros
from landing.sample import Sample
from landing.texts import quoted

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# What can go wrong where SQL is rendered without dbt; the build itself will say more.
_NOT_HERE = (duckdb.Error, jinja2.TemplateError, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Rejection:
    """A record that would be rejected: its file, its number there, the reason and the text."""

    file: str
    record: int
    reason: str
    word: str = ""


@dataclass(frozen=True)
class Judge:
    """Judges samples. Texts go through files in `folder`, since the engine reads these fastest."""

    layouts: Layouts
    macros: Macros
    session: duckdb.DuckDBPyConnection
    folder: Path

    def judge(self, samples: Sequence[Sample]) -> tuple[list[Rejection], list[str]]:
        """Return the records that would be rejected, and why some files could not be judged."""
        rejections = [
            Rejection(sample.found.file, number, reason)
            for sample in samples
            for number, reason in sample.broken.items()
        ]
        unjudged = []
        for name, table in self.layouts.tables.items():
            own = [one for one in samples if _is_own(one) and one.found.table == name]
            if own:
                rejections += self._contract(table, own)
        for system in sorted({sample.found.place.system for sample in samples} - {CONTRACT}):
            entities = [
                one
                for one in samples
                if one.found.place.system == system and one.found.place.entities
            ]
            if not entities:
                continue
            try:
                for table in self.layouts.tables.values():
                    rejections += self._system(system, table, entities)
            except _NOT_HERE as error:
                unjudged.append(f"{system}: records not judged here: {str(error).splitlines()[0]}")
        return rejections, unjudged

    def _contract(self, table: Table, samples: Sequence[Sample]) -> list[Rejection]:
        relation = self._relation(table.name, table.columns, samples)
        nothing = "cast(null as varchar)"
        query = f"(select *, {nothing} as mapping_fault, {nothing} as remark from {relation})"
        return self._rejected(table, query, "true")

    def _system(self, system: str, table: Table, samples: Sequence[Sample]) -> list[Rejection]:
        def relation(source: str, entity: str) -> str:
            [declared] = [one for one in self.layouts.systems[source] if one.name == entity]
            files = [one for one in samples if one.found.entity == entity]
            return self._relation(f"{source}__{entity}", declared.columns, files)

        mapping = self.macros.mapping(system, table.name, relation)
        if mapping is None:
            return []
        columns = [*table.columns, "file", "record_role", "mapping_fault", "remark"]
        query = (
            f"(select {', '.join(f'cast(null as varchar) as {name}' for name in columns)},"
            " cast(null as bigint) as scan_position where false"
            f" union all by name select * from {mapping})"
        )
        judged = "(record_role is distinct from 'part' or mapping_fault is not null)"
        return self._rejected(table, query, judged, ["record_role"])

    def _rejected(
        self, table: Table, relation: str, condition: str, others: Sequence[str] = ()
    ) -> list[Rejection]:
        judged = self.macros.judged(table.nodes, relation, ["file", "scan_position", *others])
        texts = ", ".join(f"{name}_text" for name in table.columns)
        rows = self.session.execute(
            f"select file, scan_position, faults, {texts} from ({judged})"
            f" where faults <> '' and {condition} order by file, scan_position"
        ).fetchall()
        return [
            Rejection(file, number, fault, _word(fault, table, row))
            for file, number, faults, *row in rows
            for fault in faults.split("; ")
        ]

    def _relation(self, name: str, columns: Iterable[str], samples: Sequence[Sample]) -> str:
        """Return SQL for the texts of samples in these columns, as the macro read_texts gives."""
        columns = list(columns)
        file = self.folder / f"{name}.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            for sample in samples:
                pick = _picker(columns, sample.found.content.columns)
                day = _DATE.search(sample.found.file)
                for number, row in sample.rows:
                    writer.writerow([*pick(row), sample.found.file, day and day[0], number])
        typed = {**dict.fromkeys(map(clean_name, columns), "VARCHAR"), "file": "VARCHAR"}
        typed |= {"file_date": "DATE", "scan_position": "BIGINT"}
        schema = ", ".join(f"{quoted(column)}: '{kind}'" for column, kind in typed.items())
        return (
            f"read_csv({quoted(file)}, auto_detect = false, header = false, delim = ',',"
            f" quote = '\"', escape = '\"', columns = {{{schema}}})"
        )


def clean_name(name: str) -> str:
    """Return the name of a column as the macro clean_name gives it."""
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")


def _is_own(sample: Sample) -> bool:
    return sample.found.place.system == CONTRACT


def _picker(columns: list[str], given: list[str]) -> Callable[[list[str]], list[str]]:
    """Return a function that picks the texts of `columns` from a row of a file with `given`."""
    names = [name.lower() for name in columns]
    places = [given.index(name) if name in given else -1 for name in names]
    return lambda row: ["" if place < 0 else row[place].strip() for place in places]


def _word(fault: str, table: Table, texts: Sequence[str | None]) -> str:
    """Return the text that a fault is about; a fault opens with the name of its column."""
    column = fault.split(" ", 1)[0]
    return (texts[table.columns.index(column)] or "") if column in table.columns else ""
