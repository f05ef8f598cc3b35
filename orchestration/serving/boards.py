"""The boards of a published version: pages with charts, beside its tables.

    serve/versions/<build_id>/boards/<board>.html, overview.png, and docs.html: what columns mean

They are rendered after the version was made current, so no reader waits for them. A board that
fails is missing; the version stays as it is.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import duckdb

from orchestration import paths
from orchestration.runs.durable import flush_to_disk
from orchestration.serving.docs_page import write_docs_page
from orchestration.serving.published import FILE_NAME

# A sample takes seconds. A board that needs minutes is broken, and must not hold the build lock.
_MOST_SECONDS = 600
_SHOWN_LINES = 5


class Boards(NamedTuple):
    """The pages and pictures of a version, and a line for each fault of a board without them."""

    files: list[Path]
    faults: list[str]


def boards_wanted() -> bool:
    """Return whether $TENURE_BOARDS, on or off, asks for boards after a build; they are on.

    Raises ValueError for any other text.
    """
    text = os.environ.get("TENURE_BOARDS") or "on"
    if text not in ("on", "off"):
        raise ValueError(f"TENURE_BOARDS: {text!r} is not allowed; give on or off")
    return text == "on"


def overview(version: Path) -> Path | None:
    """Return the page that a person opens first, or None if `version` lacks it."""
    page = version / "boards" / "overview.html"
    return page if page.exists() else None


def make_boards(version: Path) -> Boards:
    """Render all boards of the published `version`. The caller holds the build lock.

    A file of an earlier rendering is replaced in one step, and a board that fails now is removed.
    Raises OSError if a file cannot be written.
    """
    folder = version / "boards"
    # A build that is killed here leaves this folder behind. The next build removes it by its name.
    partial = version.with_name(f".{version.name}.boards.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    faults = _render(version / FILE_NAME, partial) + _document(version / FILE_NAME, partial)
    folder.mkdir(exist_ok=True)
    rendered = sorted(partial.iterdir())
    for file in rendered:
        file.chmod(0o444)
        flush_to_disk(file)
        os.replace(file, folder / file.name)
    files = [folder / file.name for file in rendered]
    for file in folder.iterdir():
        if file not in files:
            file.unlink()
    flush_to_disk(folder)
    partial.rmdir()
    flush_to_disk(version)
    return Boards(files, faults)


def _document(file: Path, folder: Path) -> list[str]:
    try:
        write_docs_page(paths.parsed() / "manifest.json", file, folder / "docs.html")
    except (OSError, LookupError, duckdb.Error) as error:
        return [f"docs: {error}"]
    return []


def _render(file: Path, folder: Path) -> list[str]:
    """Render in a process of its own: it takes its 200 MB of libraries with it when it ends."""
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "charts.render", str(file), str(folder)],
            cwd=paths.ROOT,
            # The query cache of dbt-charts and its usage statistics stay off.
            env={**os.environ, "DO_NOT_TRACK": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"the boards were not done after {_MOST_SECONDS} seconds"]
    if ended.returncode == 0:
        return []
    # A traceback ends with the line that says what is wrong.
    lines = ended.stderr.strip().splitlines()[-_SHOWN_LINES:]
    return lines or [f"the renderer ended with exit code {ended.returncode}"]
