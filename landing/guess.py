"""A first guess of _mapping.yml for a folder that nobody knows.

What the file does not say is put as a question in a comment, and never decided silently. A column
that was not found is named ???, which the build refuses by name.
"""

import csv
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import duckdb

from landing.files import FORMATS, kind_of
from landing.formats import (
    clean,
    look_into_csv,
    look_into_json,
    look_into_parquet,
    without_repetitions,
)
from landing.forms import (
    EPOCH,
    ISO,
    are_amounts,
    currency_signs,
    has_clock,
    has_decimal_comma,
    times_of,
)
from landing.inventory import FAULTS, FEW, Found
from landing.layouts import Layouts, Table
from landing.mapping import NOT_FOUND
from landing.names import LEAST, is_named, likeness
from landing.places import Place
from landing.recognition import DELIMITERS
from landing.sample import Sample, take_sample
from landing.texts import ENCODINGS, TextFile, check_encoding, heading
from landing.words import nearest

_REFUND = re.compile("refund|credit.?note|erstattung|erstattet|gutschrift", re.IGNORECASE)
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}


class Guess(NamedTuple):
    """A _mapping.yml for the files of a folder with the same heading; or why there is none."""

    text: str
    why_none: str = ""


def guess_mapping(
    folder: Path,
    files: Sequence[Path],
    layouts: Layouts,
    session: duckdb.DuckDBPyConnection,
) -> Guess:
    """Return a first guess for the files of a folder."""
    readable = [file for file in files if kind_of(file).format in FORMATS.values()]
    if not readable:
        return Guess("", "no file of it is a .csv, .tsv, .txt, .jsonl, .json or .parquet file")
    samples, faults = [], []
    for file in readable[:20]:
        try:
            samples.append(_sample(folder, file, session))
        except FAULTS as fault:
            faults.append(f"{file.name}: {fault}")
    if not samples:
        return Guess("", faults[0])
    if known := _known(samples[0].found.content.columns, layouts):
        first, *_ = known[0].split(" ")
        return Guess("", f"its files look like {' or '.join(known)}; call the folder {first}")
    headings: dict[tuple[str, ...], list[Sample]] = {}
    for sample in samples:
        headings.setdefault(tuple(sample.found.content.columns), []).append(sample)
    chosen = max(headings.values(), key=len)
    others = [sample.found.path.name for sample in samples if sample not in chosen]
    return Guess(_text(folder, chosen[0], others, layouts.tables))


def _known(columns: list[str], layouts: Layouts) -> list[str]:
    """Return the tables and systems that read a file with these columns."""
    tables = [name for name, table in layouts.tables.items() if set(table.required) <= set(columns)]
    # customers, of which only the id is required, are everywhere
    tables = [name for name in tables if len(layouts.tables[name].required) > 1]
    entities = [
        f"{entity.system} ({entity.name})"
        for system in layouts.systems.values()
        for entity in system
        if entity.fits(columns)
    ]
    return tables + entities


def _sample(folder: Path, path: Path, session: duckdb.DuckDBPyConnection) -> Sample:
    kind = kind_of(path)
    source = TextFile(path, session, kind.compression)
    delimiter = ""
    if kind.format == "parquet":
        content = look_into_parquet(source, FEW)
    elif kind.format == "json":
        content = look_into_json(source, FEW)
    else:
        source = _with_encoding(source)
        headings = _headings(source)
        delimiter = max(headings, key=lambda sign: len(headings[sign]))
        names = headings[delimiter]
        content = look_into_csv(source, without_repetitions(names), delimiter, FEW)
    place = Place(folder.name, folder.name, folder, [])
    return take_sample(
        Found(place, path, path.name, "", "", False, content, source, delimiter), FEW
    )


def _headings(source: TextFile) -> dict[str, list[str]]:
    """Return the heading under each delimiter under which its quotes are right."""
    headings = {}
    for sign in DELIMITERS:
        with suppress(csv.Error):
            headings[sign] = heading(source, sign)
    if not headings:
        raise ValueError("the heading has a quote that is not closed")
    return headings


def _with_encoding(source: TextFile) -> TextFile:
    """Return the file with the encoding that reads its beginning, else raise ValueError."""
    for encoding in ENCODINGS:
        tried = source._replace(encoding=encoding)
        try:
            check_encoding(tried, whole=False)
            if encoding != "utf-16" or _has_mark(source.path):
                return tried
        except (ValueError, UnicodeError) as fault:
            if encoding == ENCODINGS[-1] or "line end" in str(fault):
                raise
    raise ValueError("of no known encoding; save the file as UTF-8")


def _has_mark(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) in (b"\xff\xfe", b"\xfe\xff")


def _fits(kind: str, texts: list[str]) -> bool:
    if not texts:
        return True
    if kind in ("timestamp", "date"):
        return times_of(texts) is not None
    if kind in ("decimal", "rate", "integer"):
        return are_amounts(texts)
    return True


def _matches(table: Table, sample: Sample) -> dict[str, str]:
    """Return the file's column for each column of a table that was found."""
    columns = [clean(name) for name in sample.found.content.columns if not name.startswith("_")]
    texts = {column: sample.texts(column)[:200] for column in columns}
    scores = []
    for wanted, kind in table.types.items():
        for number, column in enumerate(columns):
            score = likeness(wanted, column)
            is_required = wanted in table.required
            is_empty = bool(sample.rows) and not texts[column]
            if kind == "identifier" and not is_required and not is_named(wanted, column):
                continue
            if score >= LEAST and _fits(kind, texts[column]) and not (is_required and is_empty):
                # required ones choose first, and an empty column is chosen last
                score += 0.2 * is_required - 0.5 * is_empty
                scores.append((-score, number, wanted, column))
    matches: dict[str, str] = {}
    for _, _, wanted, column in sorted(scores):
        if wanted not in matches and column not in matches.values():
            matches[wanted] = column
    return {wanted: matches[wanted] for wanted in table.columns if wanted in matches}


def _table(folder: Path, sample: Sample, tables: dict[str, Table]) -> tuple[Table, dict[str, str]]:
    """Return the table whose required columns are found best, and the columns."""
    said = nearest(folder.name, tables)
    columns = sample.found.content.columns
    is_called_refund = bool(_REFUND.search(f"{folder.name} {sample.found.path.name}"))
    may_be_refund = is_called_refund or any(map(_REFUND.search, columns))
    named = {
        name
        for name in ("order_id", "subscription_id")
        if any(is_named(name, column) and sample.texts(column) for column in columns)
    }
    guesses = []
    for table in tables.values():
        if table.name == "refunds" and not may_be_refund:
            continue
        matches = _matches(table, sample)
        score = sum(
            likeness(name, matches[name]) if name in matches else -0.7 for name in table.required
        )
        score += table.name == said
        score += 0.5 * (table.name == "refunds" and is_called_refund)
        # an order names its subscription, too
        score += 1.5 * (table.name == "subscriptions" and named == {"subscription_id"})
        guesses.append((score, table, matches))
    # the first one of equals, which is orders
    _, table, matches = max(guesses, key=lambda guess: guess[0])
    return table, matches


def _text(folder: Path, sample: Sample, others: list[str], tables: dict[str, Table]) -> str:
    table, matches = _table(folder, sample, tables)
    found = sample.found
    lines = [
        f"# A first guess from {found.path.name}. Answer each question, then run make check-raw.",
        *(
            [f"# Other headings in this folder, for folders of their own: {', '.join(others)}"]
            if others
            else []
        ),
        f"table: {table.name}",
    ]
    if found.content.format == "csv":
        by_suffix = "\t" if kind_of(found.path).suffix in (".tsv", ".txt") else ","
        if found.delimiter != by_suffix:
            lines.append(f"delimiter: {_quoted(found.delimiter)}")
        if found.source.encoding != "utf-8":
            lines.append(f"encoding: {found.source.encoding}")
    lines += _of_amounts(table, matches, sample)
    lines += _of_times(table, matches, sample)
    lines += _of_rows(table, matches, sample)
    nullable = [node["name"] for node in table.nodes if node["config"]["meta"].get("nullable")]
    lines += [
        f'# values: {{{name}: ""}}  # if no column has it: write this, and delete {name} below'
        for name in nullable
        if name in table.required and name not in matches
    ]
    lines.append("columns:")
    for name in table.columns:
        if name in matches:
            lines.append(f"  {name}: {_quoted(matches[name])}")
        elif name in table.required and name != "currency":
            lines.append(f"  {name}: {_quoted(NOT_FOUND)}  # required; which column is it?")
    unused = [name for name in found.content.columns if name not in matches.values()]
    if unused:
        lines.append(f"# not used: {', '.join(unused)}")
    return "\n".join(lines) + "\n"


def _texts_of(
    kinds: tuple[str, ...], table: Table, matches: dict[str, str], sample: Sample
) -> dict:
    return {
        name: texts
        for name, column in matches.items()
        if table.types[name] in kinds and (texts := sample.texts(column))
    }


def _of_amounts(table: Table, matches: dict[str, str], sample: Sample) -> list[str]:
    amounts = _texts_of(("decimal", "rate"), table, matches, sample)
    texts = [text for one in amounts.values() for text in one]
    lines = []
    if has_decimal_comma(texts):
        example = next(text for text in texts if re.search(r",\d{1,2}\b", text))
        lines.append(f'decimal: ","  # such as {example}')
    main = amounts.get("amount", [])
    if len(main) >= 5 and all(re.fullmatch(r"-?\d+", text) for text in main):
        mean = sum(abs(int(text)) for text in main) / len(main)
        if mean >= 100:
            lines.append(
                f"# minor_units: true  # all amounts are whole numbers, {mean:,.0f} on average:"
                " are they cents?"
            )
    if "currency" in table.columns and "currency" not in matches:
        signs = currency_signs(texts)
        codes = sorted({_CURRENCIES.get(sign, sign) for sign in signs})
        if len(codes) == 1:
            lines.append(f"currency: {codes[0]}  # the amounts carry {signs.pop()}: is it that?")
        else:
            lines.append(
                "# currency: EUR  # no column names one: which is it? Without this, the reporting"
                " currency"
            )
    return lines


def _of_times(table: Table, matches: dict[str, str], sample: Sample) -> list[str]:
    lines = []
    for kind, key in (("timestamp", "timestamps"), ("date", "dates")):
        texts = [
            text for one in _texts_of((kind,), table, matches, sample).values() for text in one
        ]
        times = times_of(texts)
        if not times:
            continue
        forms = times.forms[0] if len(times.forms) == 1 else times.forms
        note = ""
        if times.undecided:
            other = re.sub("^%m(.)%d", r"%d\1%m", times.forms[0])
            note = f"  # or {_quoted(other)}? No day above 12 tells the day from the month."
        if kind == "date":
            if forms != ISO:
                lines.append(f"{key}: {_quoted(forms)}{note}")
            continue
        no_zone = has_clock(times) and any(
            not re.search(r"(Z|z|UTC|[+-]\d\d:?(\d\d)?)$", text) for text in texts
        )
        if forms == ISO:
            if no_zone:
                lines.append("# timestamps: {zone: Europe/Berlin}  # no time has one; is it UTC?")
            continue
        zone = "" if forms == EPOCH or not has_clock(times) else ", zone: UTC"
        if zone:
            note += ("" if note else "  #") + " Which timezone is it?"
        lines.append(f"{key}: {{form: {_quoted(forms)}{zone}}}{note}")
    return lines


def _of_rows(table: Table, matches: dict[str, str], sample: Sample) -> list[str]:
    lines = []
    key = table.columns[0]
    ids = sample.texts(matches[key]) if key in matches else []
    if table.types[key] == "identifier" and len(set(ids)) < len(ids):
        lines.append(
            f"# sum_by: {key}  # {len(ids) - len(set(ids))} of {len(ids)} rows repeat one: are they"
            " line items, to be added up? Else they are versions of it"
        )
    if "status" in matches:
        words = sorted(set(sample.texts(matches["status"])))
        if 1 < len(words) <= 12:
            lines.append(
                f"# only: {{{_quoted(matches['status'])}: {_quoted(words)}}}  # which of these"
                " count?"
            )
    return lines


def _quoted(value: object) -> str:
    """Return a value as YAML in one line; JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)
