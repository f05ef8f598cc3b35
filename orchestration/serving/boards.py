"""The boards of a published version: pages with charts, beside its tables.

    serve/versions/<build_id>/boards/<board>.html, overview.png, and docs.html: what columns mean

They are rendered after the version was made current, so no reader waits for them. A board that
fails is missing; the tables stay as they are.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from orchestration import paths
from orchestration.runs.durable import flush_to_disk
from orchestration.serving.docs_page import write_docs_page
from orchestration.serving.published import FILE_NAME

# A sample takes seconds. A board that needs minutes is broken, and must not hold the build lock.
_MOST_SECONDS = 600
# How charts/render.py ends when some boards failed: a line on standard error for each of them.
_SOME_FAILED = 3


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


def renderer_environment() -> dict[str, str]:
    """Return the environment of dbt-charts: no usage statistics, and no secret of ours."""
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    environment.pop("TENURE_ALERT_WEBHOOK", None)
    return environment


def make_boards(version: Path) -> Boards:
    """Render all boards of the published `version`. The caller holds the build lock.

    A file of an earlier rendering is replaced in one step. A board that fails now keeps it, since
    it shows the same tables. Raises OSError if a file cannot be written.
    """
    folder = version / "boards"
    # A build that is killed here leaves this folder behind. The next build removes it by its name.
    partial = version.with_name(f".{version.name}.boards.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        faults = _render(version / FILE_NAME, partial)
        # After a rollback, the manifest at hand is that of other tables.
        if not (folder / "docs.html").exists():
            faults += _document(version / FILE_NAME, partial)
        folder.mkdir(exist_ok=True)
        # What is half written has a name that begins with a dot.
        files = sorted(file for file in partial.iterdir() if not file.name.startswith("."))
        for file in files:
            file.chmod(0o444)
            flush_to_disk(file)
            os.replace(file, folder / file.name)
        flush_to_disk(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    flush_to_disk(version)
    return Boards([folder / file.name for file in files], faults)


def _document(file: Path, folder: Path) -> list[str]:
    written = folder / ".docs.html"
    try:
        write_docs_page(paths.parsed() / "manifest.json", file, written)
        written.rename(folder / "docs.html")
    except Exception as error:
        # Whatever is wrong with this page, the boards are good.
        return [f"docs: {type(error).__name__}: {error}"]
    return []


def _render(file: Path, folder: Path) -> list[str]:
    """Render in a process of its own: it takes its 500 MB of memory with it when it ends."""
    # The process ends when its standard input does: at the latest when this process is killed.
    ends_with_us, held = os.pipe()
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "charts.render", str(file), str(folder), "--end-with-stdin"],
            cwd=paths.ROOT,
            env=renderer_environment(),
            stdin=ends_with_us,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"the boards were not done after {_MOST_SECONDS} seconds"]
    finally:
        os.close(ends_with_us)
        os.close(held)
    if ended.returncode == 0:
        return []
    lines = ended.stderr.strip().splitlines()
    if ended.returncode != _SOME_FAILED:
        # A traceback ends with the line that says what is wrong.
        lines = lines[-1:]
    return lines or [f"the renderer ended with exit code {ended.returncode}"]
