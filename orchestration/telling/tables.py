"""Results of queries as text: neat on a terminal, whole in a pipe."""

import csv
import io
import shutil
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_GAP = 2


def width_of_terminal() -> int | None:
    """Return the width of the terminal that is printed to, in signs; None if it is a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def as_table(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    width: int | None = None,
    *,
    is_turned: bool = True,
) -> list[str]:
    """Return the lines of a table with columns of these `names`.

    `width` is that of the terminal, in signs. A wider table is turned: a line shows one column, for
    as many rows as fit, and the other rows follow below. If it may not be turned, long texts go on
    below. On a terminal doubles have six significant digits. Without a `width` each row is one
    line of any length, with every digit.
    """
    is_short = width is not None
    cells = [[_cell(value, is_short=is_short) for value in row] for row in rows]
    headings = [Text(_printable(name)) for name in names]
    if width is None or not is_turned or _width([headings, *cells]) <= width:
        return _rendered(headings, cells, width)
    return _turned(headings, cells, width)


def as_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return the lines of a CSV text: a heading, every digit, and nothing for NULL."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(["" if value is None else _text(value) for value in row] for row in rows)
    return text.getvalue().removesuffix("\n").split("\n")


def _turned(headings: Sequence[Text], cells: Sequence[Sequence[Text]], width: int) -> list[str]:
    # A long text goes on below, so that two rows still fit.
    most = max(width // 3, 10)
    names = _width([[heading] for heading in headings])
    lines: list[str] = []
    start = 0
    while start < len(cells):
        end, used = start, names
        while end < len(cells):
            used += _GAP + min(_width([[cell] for cell in cells[end]]), most)
            if used > width and end > start:
                break
            end += 1
        heading = [Text("row"), *(Text(str(number + 1)) for number in range(start, end))]
        turned = [[name, *(row[i] for row in cells[start:end])] for i, name in enumerate(headings)]
        lines += [*([""] if lines else []), *_rendered(heading, turned, width)]
        start = end
    return lines


def _rendered(
    headings: Sequence[Text], cells: Sequence[Sequence[Text]], width: int | None
) -> list[str]:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for i, heading in enumerate(headings):
        is_right = bool(cells) and all(row[i].justify == "right" for row in cells)
        table.add_column(heading, justify="right" if is_right else "left", overflow="fold")
    for row in cells:
        table.add_row(*row)
    console = Console(
        width=width or _width([headings, *cells]) + _GAP, color_system=None, force_terminal=False
    )
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().splitlines()]


def _width(cells: Sequence[Sequence[Text]]) -> int:
    columns = zip(*cells, strict=True)
    widths = [max(cell_len(cell.plain) for cell in column) for column in columns]
    return sum(widths) + _GAP * (len(widths) - 1)


def _cell(value: Any, *, is_short: bool) -> Text:  # noqa: ANN401
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if value is None:
        # On the side of the numbers: most NULLs are numbers that nobody can know.
        return Text("NULL", justify="right")
    text = f"{value:.6g}" if is_short and _may_be_short(value) else _text(value)
    return Text(_printable(text), justify="right" if is_number else "left")


def _may_be_short(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, float) and 1e-4 <= abs(value) < 1e6


def _text(value: Any) -> str:  # noqa: ANN401
    """Return a value as SQL writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _printable(text: str) -> str:
    """Return `text` with a code for each sign that would steer the terminal, or end the line."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
