"""Render the boards of the served version again: `python -m orchestration.boards [--serve PORT]`.

Prints the path of each page. With --serve, dbt-charts serves the boards with their filters on
127.0.0.1 instead, until Ctrl-C. Exit code 0: done. 1: a board failed, or nothing was published.
75: a build is running.
"""

import argparse
import os
import sys
from pathlib import Path

from orchestration import paths
from orchestration.runs.lock import BuildRunningError, build_lock
from orchestration.serving.boards import make_boards, renderer_environment
from orchestration.serving.published import served_file

DONE, FAILED, RUNNING = 0, 1, 75


def main() -> int:
    """Render or serve the boards; return the exit code."""
    parser = argparse.ArgumentParser(prog="orchestration.boards", description="Make the boards.")
    parser.add_argument("--serve", metavar="PORT", type=int, help="serve them on this port instead")
    arguments = parser.parse_args()
    file = served_file(paths.serve())
    if not file.exists():
        print(f"Nothing has been published under {paths.serve()}. First: make build")
        return FAILED
    if arguments.serve is not None:
        _serve(file, arguments.serve)
    try:
        with build_lock(paths.lock_file()):
            made = make_boards(file.parent.resolve())
    except BuildRunningError as error:
        print(f"Refused: {error}. The build renders the boards too.")
        return RUNNING
    except OSError as error:
        print(f"The boards were not written: {error}")
        return FAILED
    for page in made.files:
        print(paths.serve() / "current" / "boards" / page.name)
    for fault in made.faults:
        print(f"A board is missing: {fault}")
    return FAILED if made.faults else DONE


def _serve(file: Path, port: int) -> None:
    """Replace this process by the server of dbt-charts over the published `file`.

    The path leads over `current`, and each query opens it anew. So the boards follow each build.
    """
    server = str(Path(sys.executable).with_name("dct"))
    os.execve(
        server,
        [server, "serve", "--project-dir", str(paths.ROOT), "--host", "127.0.0.1",
         "--port", str(port), "--no-cache"],
        {**renderer_environment(), "TENURE_SERVED_FILE": str(file)},
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
