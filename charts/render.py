"""Render all boards of this folder from one published file: `python -m charts.render FILE FOLDER`.

FOLDER gets NAME.html for each board, and overview.png. A board that cannot be rendered gets no
file; standard error has a line that says why, and the exit code is 3. With --end-with-stdin the
process ends with its standard input, so that it never outlives the build. One process renders all
boards, because most of the time of a first board goes into imports.

This is the only module that imports dbt-charts.
"""

import gc
import os
import sys
import threading
from pathlib import Path
from typing import Any, Literal

from dbt_charts.agent_api import BoardRenderResult, ProjectSession
from dbt_charts.cli.filesystem_project import FilesystemProject
from dbt_charts.core.compile.migrations import migrations

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
        document["sources"]["tenure"] |= {
            "path": str(self._file),
            "settings": {"memory_limit": os.environ.get("TENURE_MEMORY_LIMIT") or "4GB"},
        }
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
    with ProjectSession.from_project(_PublishedProject(file)) as session:
        for board in board_files():
            outputs: dict[Path, str | bytes] = {}
            try:
                outputs[folder / f"{board.stem}.html"] = _rendered(session, board, "html")
                if board.stem in PICTURED:
                    outputs[folder / f"{board.stem}.png"] = _rendered(session, board, "png")
                for output, content in outputs.items():
                    _write(output, content)
            except Exception as error:
                faults[board.stem] = str(error).splitlines() or [type(error).__name__]
    return faults


def _write(output: Path, content: str | bytes) -> None:
    # On a full disk, half a page stays under a name with a dot, and nobody takes it for a page.
    partial = output.with_name(f".{output.name}")
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    partial.rename(output)


def _end_with_stdin() -> None:
    # os.read and not sys.stdin: a thread that waits in sys.stdin blocks the normal exit.
    os.read(0, 1)
    os._exit(1)


def _rendered(session: ProjectSession, board: Path, form: Literal["html", "png"]) -> str | bytes:
    """Return the board in one form. Raises ValueError with a line for each fault of a chart."""
    path = session.project.path(board.relative_to(PROJECT).as_posix())
    # A standalone page carries its fonts.
    result = session.render_board(path.read_board(), format=form, standalone=True, scale=1.5)
    if faults := _faults(result):
        raise ValueError("\n".join(faults))
    if not isinstance(result.data, str | bytes):
        raise ValueError("dbt-charts returned no page")
    return result.data


def _faults(result: BoardRenderResult) -> list[str]:
    board_error = [result.board_error] if result.board_error else []
    diagnostics = [*result.validation_errors, *board_error, *result.chart_errors]
    return [" ".join(diagnostic.message.split()) for diagnostic in diagnostics]


def main() -> int:
    """Render all boards; return the exit code."""
    if "--end-with-stdin" in sys.argv[3:]:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    # The next two lines save a sixth of the CPU time. This process ends soon, so it need not look
    # for garbage. And no board has a theme with an old name: the list of old names is costly.
    gc.disable()
    assert hasattr(migrations, "retired_theme_renames")
    migrations.retired_theme_renames = dict
    file, folder = map(Path, sys.argv[1:3])
    faults = render(file, folder)
    for board, messages in faults.items():
        print(f"{board}: {'; '.join(messages)}", file=sys.stderr)
    return SOME_FAILED if faults else 0


if __name__ == "__main__":
    sys.exit(main())
