"""The structure of a CSV file: encoding, line ends, quotes, heading and number of records.

Records are counted here without the engine, which has been seen to lose a record behind an open
quote without a word.
"""

import codecs
import csv
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

CHUNK = 1 << 20
ENCODINGS = ("utf-8", "utf-16", "latin-1")
SPARK = "write the file with .option('escape', '\"')"

# A long text is no fault of the quotes; the engine has a limit of its own.
csv.field_size_limit((1 << 31) - 1)

_KINDS_OF_ENDS = "another kind of line end than LF or CRLF throughout; write the file with one kind"


def quoted(text: str | Path) -> str:
    """Return a text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


class TextFile(NamedTuple):
    """A text file in the landing zone. The engine's `session` unpacks zstd, which Python cannot."""

    path: Path
    session: duckdb.DuckDBPyConnection
    compression: str = ""
    encoding: str = "utf-8"

    def lines(self) -> Iterator[str]:
        """Yield the lines with their ends, without a byte order mark."""
        if self.compression == "zstd":
            yield from (line + "\n" for line in self._unpacked_lines())
            return
        encoding = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        with io.TextIOWrapper(self._open(), encoding=encoding, newline="") as lines:
            yield from lines

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the file, unpacked."""
        if self.compression == "zstd":
            lines = self._unpacked_lines()
            while part := list(islice(lines, 20_000)):
                yield ("\n".join(part) + "\n").encode()
            return
        with self._open() as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    def _open(self) -> Any:  # noqa: ANN401
        return gzip.open(self.path) if self.compression == "gzip" else self.path.open("rb")

    def _unpacked_lines(self) -> Iterator[str]:
        # A sign that no text holds as the delimiter, so that each line is one field.
        query = (
            f"select line from read_csv({quoted(self.path)}, compression = 'zstd', delim = chr(1),"
            " quote = '', escape = '', header = false, auto_detect = false,"
            f" encoding = '{self.encoding}', hive_partitioning = false,"
            " columns = {'line': 'VARCHAR'}, max_line_size = 100000000)"
        )
        with closing(self.session.cursor()) as cursor:
            try:
                cursor.execute(query)
                while rows := cursor.fetchmany(20_000):
                    yield from (line or "" for (line,) in rows)
            except duckdb.Error as error:
                raise ValueError(_fault_of_unpacking(str(error))) from error


def check_encoding(file: TextFile, *, whole: bool = True) -> bool:
    """Return whether a file has quotes; with `whole` false, look at its first megabyte only.

    Raises ValueError, with the line, unless it is of its encoding with one kind of line end.
    """
    decoder = codecs.getincrementaldecoder(file.encoding)()
    line, ends_in_crlf, ends_in_lf, ends_in_cr, quotes = 1, 0, 0, 0, 0
    last = b""
    with closing(file.chunks()) as chunks:
        for chunk in chunks:
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                raise ValueError(_fault_of_encoding(line, file.encoding, chunk)) from error
            if file.encoding == "latin-1" and (found := re.search("[\x80-\x9f]", text)):
                line += text.count("\n", 0, found.start())
                raise ValueError(
                    f"line {line}: a sign of windows-1252, which the engine cannot read;"
                    " save the file as UTF-8"
                )
            utf8 = chunk if file.encoding == "utf-8" else text.encode()
            # a line end may lie across two chunks
            crlf, lf = (last + utf8).count(b"\r\n"), utf8.count(b"\n")
            ends_in_crlf += crlf
            ends_in_lf += lf - crlf
            ends_in_cr += utf8.count(b"\r") - crlf
            line += lf
            quotes += utf8.count(b'"')
            last = utf8[-1:]
            if not whole:
                # half a line end
                ends_in_cr -= last == b"\r"
                break
    if ends_in_cr or (ends_in_crlf and ends_in_lf):
        check_line_ends(file, whole=whole)
    return quotes > 0


def check_line_ends(file: TextFile, *, whole: bool = True) -> None:
    """Raise ValueError, with the line, if records do not all end in LF or all in CRLF.

    A quoted field may hold line ends of its own, so only what lies outside of quotes counts.
    """
    with closing(file.chunks()) as chunks:
        content = b"".join(chunks if whole else islice(chunks, 1))
    if file.encoding != "utf-8":
        content = content.decode(file.encoding, errors="ignore").encode()
    line, first_end = 1, b""
    for number, part in enumerate(content.split(b'"')):
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
            if b"\r" not in rest.removesuffix(b"" if whole else b"\r"):
                continue
        raise ValueError(f"line {line}: {_KINDS_OF_ENDS}")


def heading(file: TextFile, delimiter: str) -> list[str]:
    """Return the names in the heading as they stand. Raises ValueError for an empty file."""
    with closing(file.lines()) as lines:
        names = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    if not names:
        raise ValueError("the file is empty, without even a heading; deliver it again")
    return [name.strip("\ufeff") for name in names]


def count_records(file: TextFile, delimiter: str, *, has_quotes: bool) -> int:
    """Return the number of records, without the heading and without blank lines.

    Raises ValueError, with the line, for a quote that is not closed or not doubled.
    """
    with closing(file.lines()) as lines:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        fields = len(next(reader, []))
        if not has_quotes:
            # a blank line is no record
            return sum(line not in ("\n", "\r\n") for line in lines)
        return _count_quoted(file, reader, delimiter, fields)


def _count_quoted(file: TextFile, reader: Any, delimiter: str, fields: int) -> int:  # noqa: ANN401
    """Return the number of records that are left, reading every quote as the standard says."""
    records, odd_records = 0, 0
    started_on = reader.line_num
    try:
        for record in reader:
            records += bool(record)
            odd_records += bool(record) and len(record) != fields
            started_on = reader.line_num
    except csv.Error as error:
        if is_of_spark(file, delimiter, fields):
            raise ValueError(_fault_of_spark(started_on + 1)) from error
        raise ValueError(
            f"line {started_on + 1}: a quote is not closed or not doubled ({error}), so what"
            " follows cannot be told apart; mend the line"
        ) from error
    if odd_records and is_of_spark(file, delimiter, fields):
        raise ValueError(_fault_of_spark(None))
    return records


def is_of_spark(file: TextFile, delimiter: str, fields: int) -> bool:
    r"""Tell whether every record has its fields only if \" stands for a quote, as Spark writes."""
    seen = False
    try:
        with closing(file.lines()) as lines:
            reader = csv.reader(
                lines, delimiter=delimiter, doublequote=False, escapechar="\\", strict=True
            )
            for record in reader:
                if record and len(record) != fields:
                    return False
                seen = seen or any('"' in field for field in record)
    except csv.Error:
        return False
    return seen


def _fault_of_spark(line: int | None) -> str:
    place = "" if line is None else f"line {line}: "
    return place + rf"the file has \" for a quote inside of a field, as Spark writes it; {SPARK}"


def _fault_of_encoding(line: int, encoding: str, chunk: bytes) -> str:
    if encoding != "utf-8":
        return f"line {line}: not {encoding}; name the right one of {', '.join(ENCODINGS)}"
    if chunk[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return f"line {line}: not UTF-8 but UTF-16; save the file as UTF-8"
    return f"line {line}: not UTF-8; save the file as UTF-8"


def _fault_of_unpacking(message: str) -> str:
    """Return in our words what the engine says of a zstd file."""
    line = re.search(r"Line: (\d+)", message)
    if "unicode" in message:
        return f"line {line[1] if line else '?'}: not UTF-8; save the file as UTF-8"
    if "invalid state" in message:
        return f"{_KINDS_OF_ENDS}, in a .zst file also inside of quotes"
    return message.splitlines()[0]
