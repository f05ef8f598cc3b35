"""Render all boards of this folder from one published file: `python -m charts.render FILE FOLDER`.

FOLDER gets NAME.html for each board, and overview.png. A board that cannot be rendered gets no
file; standard error has a line that says why, and the exit code is 3. With --end-with-stdin the
process ends with its standard input, so that it never outlives the build. One process renders all
boards, because most of the time of a first board goes into imports.

This is the only module that imports dbt-charts.
"""

import gc

if __name__ == "__main__":
    # This process ends soon, so it need not look for garbage: a tenth of its time, and most of
    # that while the modules below are imported.
    gc.disable()
    import sys


import copy
import os
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import duckdb
from dbt_charts.agent_api import BoardRenderResult, ProjectSession
from dbt_charts.cli.filesystem_project import FilesystemProject
from dbt_charts.core.compile.migrations import migrations
from dbt_charts.core.compile.resolve.style import board as board_style
from dbt_charts.core.compile.resolve.style import chart_context
from dbt_charts.core.render import layout_sizing
from dbt_charts.core.render.converters import chart as chart_converter
from dbt_charts.core.render.converters.html import to_html
from dbt_charts.core.render.converters.png import to_png
from dbt_charts.core.render.svg_utils import strip_pagination_chrome

PROJECT = Path(__file__).resolve().parents[1]
# Boards that get a picture too, for a chat, an e-mail or a README.
PICTURED = ("overview",)
SOME_FAILED = 3


class _PublishedProject(FilesystemProject):
    """The project with the path of the published file written out.

    dbt-charts loads dbt to fill in an environment variable: a fifth of the time of all boards.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(PROJECT)
        self._file = file

    def config_document(self) -> tuple[str, Any] | None:
        name, document = super().config_document() or ("", {})
        document["sources"]["tenure"]["path"] = str(self._file)
        return name, document


def board_files() -> list[Path]:
    """Return the YAML files of all boards. A name with an underscore is no board, nor is meta."""
    files = sorted((PROJECT / "charts").glob("*.yml"))
    return [file for file in files if not file.stem.startswith("_") and file.stem != "meta"]


def render(file: Path, folder: Path) -> dict[str, list[str]]:
    """Render each board from the published `file` into `folder`; return the faults by board.

    A board without a fault has its files in `folder`, and no entry in the result.
    """
    faults = {}
    with (
        _opened(file, folder) as opened,
        ProjectSession.from_project(_PublishedProject(opened)) as session,
    ):
        for board in board_files():
            outputs: dict[Path, str | bytes] = {}
            try:
                drawing = _drawn(session, board)
                outputs[folder / f"{board.stem}.html"] = to_html(drawing)
                if board.stem in PICTURED:
                    picture = to_png(strip_pagination_chrome(drawing))
                    outputs[folder / f"{board.stem}.png"] = picture
                for output, content in outputs.items():
                    _write(output, content)
            except Exception as error:
                faults[board.stem] = str(error).splitlines() or [type(error).__name__]
    return faults


@contextmanager
def _opened(file: Path, folder: Path) -> Iterator[Path]:
    """Hold the published `file` open, and yield another path of it, inside of `folder`.

    DuckDB writes what does not fit into memory beside its file, and takes no other place where it
    may read no other file. dbt-charts opens the file anew for each query. While it is open here
    too, that costs little, and the limit on memory is kept.
    """
    with TemporaryDirectory(dir=folder, prefix=".") as scratch:
        path = Path(scratch, file.name)
        try:
            # A hard link: DuckDB would follow another one to the published file.
            path.hardlink_to(file.resolve())
        except OSError:
            # This file system has no hard links.
            path = file
        # The options have to be those of dbt-charts.
        with duckdb.connect(path, read_only=True, config={"enable_external_access": False}) as held:
            held.execute(f"set memory_limit = '{os.environ.get('TENURE_MEMORY_LIMIT') or '4GB'}'")
            yield path


def _write(output: Path, content: str | bytes) -> None:
    # On a full disk, half a page stays under a name with a dot, and nobody takes it for a page.
    partial = output.with_name(f".{output.name}")
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    partial.rename(output)


def _end_with_stdin() -> None:
    # os.read and not sys.stdin: a thread that waits in sys.stdin blocks the normal exit.
    os.read(0, 1)
    os._exit(1)


def _drawn(session: ProjectSession, board: Path) -> str:
    """Return the board as SVG, with its fonts. Raises ValueError with a line for each fault.

    dbt-charts itself makes the page and the picture from this drawing. It would draw twice.
    """
    path = session.project.path(board.relative_to(PROJECT).as_posix())
    result = session.render_board(path.read_board(), format="svg", standalone=True)
    if faults := _faults(result):
        raise ValueError("\n".join(faults))
    if not isinstance(result.data, str):
        raise ValueError("dbt-charts returned no drawing")
    return result.data


def _faults(result: BoardRenderResult) -> list[str]:
    board_error = [result.board_error] if result.board_error else []
    diagnostics = [*result.validation_errors, *board_error, *result.chart_errors]
    return [" ".join(diagnostic.message.split()) for diagnostic in diagnostics]


def take_shortcuts() -> None:
    """Spare dbt-charts what it computes again and again: a fifth of the time of all boards.

    A page stays the same, byte for byte, but for one attribute; a test renders it both ways.
    Raises AttributeError if dbt-charts lacks a function that is replaced here.
    """
    # No board has a theme with an old name, and the list of old names is costly.
    _replace(migrations, "retired_theme_renames", lambda _: dict)
    # Nearly all boards and rows look alike. dbt-charts tells rows apart by the objects of their
    # styles, so each row gets a copy, which shares all its fields.
    _replace(board_style, "_finalize_style", lambda finalized: _copies(_once(finalized, _text)))
    # A chart is measured more than once before it is drawn, and looks the same each time.
    _replace(
        chart_context,
        "merge_chart_style",
        lambda merged: _once(
            merged, lambda context, chart: (_fields(context), chart.type, repr(chart.style))
        ),
    )
    # The text of a style is long, and asked for five times for each chart.
    text = _once(repr, _fields)
    _replace(
        layout_sizing,
        "canonical_resolved_key",
        lambda _: lambda chart, style, canvas: (chart, text(style), canvas),
    )
    # A chart is drawn again for the texts of its legend, which Vega may have cut short. The page
    # reads them off the drawing where no text was cut.
    _replace(
        chart_converter,
        "_stamp_legend_series_key",
        lambda stamped: lambda svg, *rest: stamped(svg, *rest) if "\u2026" in svg else svg,
    )


def _replace(module: ModuleType, name: str, by: Callable[[Any], Callable[..., Any]]) -> None:
    setattr(module, name, by(getattr(module, name)))


def _once(function: Callable[..., Any], key: Callable[..., Hashable]) -> Callable[..., Any]:
    """Return `function` with a memory: it runs once for all arguments of the same `key`."""
    known: dict[Hashable, tuple[object, object]] = {}

    def remembered(*arguments: object) -> object:
        of_arguments = key(*arguments)
        if of_arguments not in known:
            # The arguments are held, for Python may give the identity of a dead object away.
            known[of_arguments] = arguments, function(*arguments)
        return known[of_arguments][1]

    return remembered


def _copies(function: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    return lambda *arguments: tuple(map(copy.copy, function(*arguments)))


def _text(*arguments: object) -> str:
    return repr(arguments)


def _fields(value: object) -> tuple[int, ...]:
    # The identities of all fields: the same for a value and its copies.
    return tuple(map(id, vars(value).values()))


def main() -> int:
    """Render all boards; return the exit code."""
    if "--end-with-stdin" in sys.argv[3:]:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    take_shortcuts()
    file, folder = map(Path, sys.argv[1:3])
    faults = render(file, folder)
    for board, messages in faults.items():
        print(f"{board}: {'; '.join(messages)}", file=sys.stderr)
    return SOME_FAILED if faults else 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # All files are closed. To take half a gigabyte of objects apart takes another half a second.
    os._exit(code)
