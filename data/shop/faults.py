"""The faults of data/faults.yml: what a delivery looks like on a bad day."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import yaml

from shop.tables import Row, money

# A text in place of a whole number is one of the faults: the column is left empty.
WHOLE_NUMBERS = {"score", "transfers"}
FILE = Path(__file__).resolve().parents[1] / "faults.yml"


@dataclass(frozen=True)
class Fault:
    """One line of a faulty file, and the column at fault, if there is one.

    Either the line is rejected for the column, or the column is left empty.
    """

    line: str
    rejected_for: str | None = None
    left_empty: str | None = None


@dataclass(frozen=True)
class FaultyFile:
    """The faulty file of one table, with its lines word for word."""

    columns: str
    faults: list[Fault]

    def __post_init__(self) -> None:
        """Refuse a misspelt column at fault."""
        at_fault = self.rejected().keys() | self.emptied().keys()
        if unknown := at_fault - set(self.columns.split(",")):
            raise ValueError(f"faults.yml names unknown columns as faulty: {sorted(unknown)}")

    def content(self) -> bytes:
        """Return the file as it is delivered."""
        lines = [self.columns, *(fault.line for fault in self.faults)]
        return "".join(f"{line}\n" for line in lines).encode()

    def rejected(self) -> Counter[str]:
        """Return the number of rejected lines by the column at fault."""
        return Counter(fault.rejected_for for fault in self.faults if fault.rejected_for)

    def emptied(self) -> Counter[str]:
        """Return the number of accepted lines by the column that is left empty."""
        return Counter(fault.left_empty for fault in self.faults if fault.left_empty)

    def readable_rows(self) -> Iterable[Row]:
        """Yield the rows that are not rejected, with values like those of all other rows."""
        readable = [fault for fault in self.faults if not fault.rejected_for]
        lines = csv.DictReader([self.columns, *(fault.line for fault in readable)])
        for fault, texts in zip(readable, lines, strict=True):
            row: Row = {column: text or None for column, text in texts.items()}
            for column, text in texts.items():
                if column.endswith("_at") and text:
                    row[column] = datetime.fromisoformat(text.removesuffix("Z"))
                elif column == "birth_date" and text:
                    row[column] = None if fault.left_empty else date.fromisoformat(text)
                elif column == "amount":
                    row[column] = money(text)
                elif column in WHOLE_NUMBERS:
                    row[column] = int(text) if text.isdecimal() else None
            yield row


def faulty_files() -> dict[str, FaultyFile]:
    """Return the faulty file of each table."""
    tables = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        name: FaultyFile(table["columns"], [Fault(**fault) for fault in table["lines"]])
        for name, table in tables.items()
    }
