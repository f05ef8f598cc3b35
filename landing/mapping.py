"""_mapping.yml: how the files of any other export become a table of the contract.

    table: orders                      # required; the table of the contract
    delimiter: ";"                     # , ; tab or |; else what the suffix says
    encoding: utf-8                    # utf-8, utf-16 or latin-1
    decimal: ","                       # the decimal sign of amounts; else a point
    timestamps: {form: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
    dates: "%d.%m.%Y"                  # of columns that are dates
    currency: EUR                      # of all rows, instead of a column
    minor_units: true                  # amounts are in cents or the like
    id_prefix: ""                      # before ids, instead of the folder's name
    columns: {order_id: number, ordered_at: bought on, amount: paid}
    words: {status: {storniert: cancelled}}  # the contract's word for a word of the file
    values: {billing_interval: month}  # the text where the file has none: no column, an empty field
    minus: {amount: discount}          # columns of the file to take off, whichever sign they have
    sum_by: order_id                   # rows with one order_id are one record: amounts are added up
    only: {state: [paid, sent]}        # other rows are left out; "*" is any text

A form is one of strptime, or a list of such; `iso` is ISO 8601, `epoch` is seconds since 1970.
Without timestamps and dates, both are ISO 8601 in UTC. Column names of the file are compared
without blanks around them, and upper and lower case mean the same.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from landing.formats import clean
from landing.forms import EPOCH, ISO
from landing.layouts import Table
from landing.texts import ENCODINGS
from landing.words import nearest, unknown

KEYS = (
    "table",
    "delimiter",
    "encoding",
    "decimal",
    "timestamps",
    "dates",
    "currency",
    "minor_units",
    "id_prefix",
    "columns",
    "words",
    "values",
    "minus",
    "sum_by",
    "only",
)
# Stands for a column that a first guess did not find.
NOT_FOUND = "???"
DELIMITERS = {",": ",", ";": ";", "|": "|", "\t": "\t", "tab": "\t"}
_SIGNS_OF_FORMS = set("aAbBdfgHIjmMnpSyYzZ%")


@dataclass(frozen=True)
class FileMapping:
    """A _mapping.yml that was found right, with all defaults filled in."""

    table: str
    delimiter: str = ""
    encoding: str = "utf-8"
    decimal: str = "."
    timestamps: dict[str, Any] = field(default_factory=lambda: {"form": [ISO], "zone": "UTC"})
    dates: list[str] = field(default_factory=lambda: [ISO])
    currency: str = ""
    minor_units: bool = False
    # None: the name of the folder, where several systems deliver
    id_prefix: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    words: dict[str, dict[str, str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    minus: dict[str, list[str]] = field(default_factory=dict)
    sum_by: str = ""
    only: dict[str, list[str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the mapping as JSON: every key of _mapping.yml, forms always as lists."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def columns_read(self) -> list[str]:
        """Return the columns of the file that the mapping reads."""
        return list(
            dict.fromkeys([*self.columns.values(), *chain(*self.minus.values()), *self.only])
        )


def read_mapping(file: Path, tables: Mapping[str, Table]) -> FileMapping:
    """Return the mapping in a file.

    Raises ValueError with a line for each fault: the key, the word, and what is allowed.
    """
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), yaml.BaseLoader)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = "" if place is None else f"line {place.line + 1}: "
        raise ValueError(f"{line}not YAML: {getattr(error, 'problem', error)}") from None
    faults: list[str] = []
    given = _plain(node, faults)
    if not isinstance(given, dict):
        raise ValueError("not a mapping such as `table: orders`, one key a line")
    if faults:
        raise ValueError("\n".join(faults))
    reader = _Reader(given, tables)
    mapping = reader.read()
    if reader.faults:
        raise ValueError("\n".join(reader.faults))
    return mapping


def check_heading(mapping: FileMapping, columns: list[str]) -> None:
    """Raise ValueError unless a file has all the columns that the mapping reads."""
    lacking = [name for name in mapping.columns_read() if name not in columns]
    if lacking and len(columns) == 1 and (sign := seems_separated_by(columns[0])):
        raise ValueError(
            f"the heading is one column, and looks separated by {sign!r}: put"
            f" `delimiter: {json.dumps(sign)}` into _mapping.yml"
        )
    if not lacking:
        return
    faults = []
    if NOT_FOUND in lacking:
        lacking.remove(NOT_FOUND)
        asked = [name for name, column in mapping.columns.items() if column == NOT_FOUND]
        faults.append(
            f"_mapping.yml still has {NOT_FOUND} for {', '.join(asked) or 'a column'}; name the"
            " file's column, or give a fixed text under values"
        )
    if lacking:
        told = ", ".join(
            f"{name} (nearest: {like})" if (like := nearest(name, columns)) else name
            for name in lacking
        )
        faults.append(f"the heading lacks what _mapping.yml names: {told}")
    raise ValueError(f"{'; '.join(faults)}; the file has: {', '.join(columns)}")


def seems_separated_by(heading: str) -> str:
    """Return the delimiter that a heading, taken for one name, holds most often; '' for none."""
    sign = max(",;\t|", key=heading.count)
    return sign if sign in heading else ""


def _plain(node: Any, faults: list[str]) -> Any:  # noqa: ANN401
    """Return YAML as dicts, lists and texts as typed; a key that comes twice is a fault."""
    if isinstance(node, yaml.MappingNode):
        given: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in given:
                faults.append(f"line {key.start_mark.line + 1}: {name} comes twice")
            given[name] = _plain(value, faults)
        return given
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, faults) for one in node.value]
    return None if node is None else node.value


class _Reader:
    """Reads the keys of one mapping, and collects all faults."""

    def __init__(self, given: dict[str, Any], tables: Mapping[str, Table]) -> None:
        self.given = given
        self.tables = tables
        self.faults: list[str] = []

    def read(self) -> FileMapping:
        self.faults += [unknown(key, "key", KEYS) for key in self.given if key not in KEYS]
        table = self.tables.get(self.word("table"))
        if table is None:
            given = self.word("table")
            self.faults.append(
                "table: " + unknown(given, "table of the contract", self.tables)
                if given
                else f"table is missing (allowed: {', '.join(self.tables)})"
            )
            return FileMapping("")
        columns = {name: clean(column) for name, column in self.texts("columns", table).items()}
        values = self.texts("values", table)
        mapping = FileMapping(
            table=table.name,
            delimiter=DELIMITERS.get(self.one_of("delimiter", DELIMITERS), ""),
            encoding=self.one_of("encoding", ENCODINGS, "utf-8"),
            decimal=self.one_of("decimal", (".", ","), "."),
            timestamps=self.timestamps(),
            dates=self.forms("dates", self.given.get("dates", ISO)),
            currency=self.currency(table, columns, values),
            minor_units=self.one_of("minor_units", ("true", "false"), "false") == "true",
            id_prefix=self.word("id_prefix") if "id_prefix" in self.given else None,
            columns=columns,
            words=self.words(table, columns),
            values=values,
            minus=self.minus(table, columns),
            sum_by=self.sum_by(table, columns),
            only=self.only(),
        )
        self.complete(table, mapping)
        return mapping

    def fault(self, key: str, word: object, allowed: str) -> None:
        self.faults.append(f"{key}: {word!r} is not allowed (allowed: {allowed})")

    def word(self, key: str) -> str:
        value = self.given.get(key, "")
        if isinstance(value, str):
            return value.strip() if key != "id_prefix" else value
        self.fault(key, value, "one word")
        return ""

    def one_of(self, key: str, allowed: Iterable[str], default: str = "") -> str:
        if key not in self.given:
            return default
        value = self.given[key]
        if isinstance(value, str) and value in allowed:
            return value
        self.fault(key, value, " ".join(map(repr, allowed)))
        return default

    def mapping_of(self, key: str) -> dict[str, Any]:
        value = self.given.get(key) or {}
        if isinstance(value, dict):
            return value
        self.fault(key, value, "a mapping such as {name: word}")
        return {}

    def texts(self, key: str, table: Table) -> dict[str, str]:
        """Return a mapping from columns of the contract to texts."""
        read = {}
        for name, text in self.mapping_of(key).items():
            if name not in table.columns:
                self.faults.append(
                    f"{key}: " + unknown(name, f"column of {table.name}", table.columns)
                )
            elif not isinstance(text, str) or (key == "columns" and not text.strip()):
                self.fault(f"{key}: {name}", text, "one text")
            else:
                read[name] = text
        return read

    def words(self, table: Table, columns: dict[str, str]) -> dict[str, dict[str, str]]:
        """Return the words that are translated, by column of the contract."""
        read = {}
        for name, words in self.mapping_of("words").items():
            if name not in columns:
                self.faults.append(
                    "words: " + unknown(name, "column of the contract that `columns` maps", columns)
                )
            elif table.types[name] not in ("text", "boolean", "identifier"):
                self.fault("words", name, "columns of texts, of ids, and of true and false")
            elif not isinstance(words, dict) or not all(isinstance(w, str) for w in words.values()):
                self.fault(f"words: {name}", words, "a mapping such as {storniert: cancelled}")
            else:
                read[name] = words
        return read

    def timestamps(self) -> dict[str, Any]:
        given = self.mapping_of("timestamps")
        for key in given:
            if key not in ("form", "zone"):
                self.faults.append("timestamps: " + unknown(key, "key", ("form", "zone")))
        zone = given.get("zone", "UTC")
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, TypeError, LookupError):
            self.fault("timestamps: zone", zone, "a name such as Europe/Berlin or UTC")
        return {"form": self.forms("timestamps: form", given.get("form", ISO)), "zone": zone}

    def forms(self, key: str, given: Any) -> list[str]:  # noqa: ANN401
        forms = given if isinstance(given, list) else [given]
        for form in forms:
            if form in (ISO, EPOCH):
                continue
            signs = re.findall("%-?(.?)", form) if isinstance(form, str) else []
            if not signs or not set(signs) <= _SIGNS_OF_FORMS:
                self.fault(key, form, f"{ISO}, {EPOCH}, or a form of strptime: %d.%m.%Y %H:%M")
        return forms

    def currency(self, table: Table, columns: dict[str, str], values: dict[str, str]) -> str:
        currency = self.word("currency")
        if not currency:
            return ""
        if not re.fullmatch("[A-Z]{3}", currency):
            self.fault("currency", currency, "three capital letters such as EUR")
        elif "currency" not in table.columns:
            self.faults.append(f"currency: {table.name} has no currency; leave it out")
        elif "currency" in columns or "currency" in values:
            self.faults.append("currency: a column or value of that name is given too; keep one")
        return currency

    def minus(self, table: Table, columns: dict[str, str]) -> dict[str, list[str]]:
        """Return the columns of the file that are taken off, by column of the contract."""
        read = {}
        amounts = [one for one in columns if table.types.get(one) == "decimal"]
        for name, given in self.mapping_of("minus").items():
            names = given if isinstance(given, list) else [given]
            if name not in amounts:
                self.faults.append(
                    "minus: " + unknown(name, "amount of the contract that `columns` maps", amounts)
                )
            elif not names or not all(isinstance(one, str) and one.strip() for one in names):
                self.fault(f"minus: {name}", given, "a column of the file, or a list of such")
            else:
                read[name] = [clean(one) for one in names]
        return read

    def sum_by(self, table: Table, columns: dict[str, str]) -> str:
        name = self.word("sum_by")
        if name and name not in columns:
            allowed = [one for one in columns if table.types.get(one) == "identifier"]
            self.faults.append(
                "sum_by: " + unknown(name, "column of the contract that `columns` maps", allowed)
            )
        return name

    def only(self) -> dict[str, list[str]]:
        read = {}
        for name, given in self.mapping_of("only").items():
            words = given if isinstance(given, list) else [given]
            if not words or not all(isinstance(word, str) for word in words):
                self.fault(f"only: {name}", given, "a list of texts such as [paid, sent]")
            else:
                read[clean(name)] = words
        return read

    def complete(self, table: Table, mapping: FileMapping) -> None:
        """Find required columns that have neither a column of the file nor a value."""
        given = {*mapping.columns, *mapping.values, *(["currency"] if mapping.currency else [])}
        lacking = [name for name in table.required if name not in given]
        if lacking:
            self.faults.append(
                f"columns: {', '.join(lacking)} of {table.name} missing; name the file's column for"
                " each, or a fixed text under values"
            )
