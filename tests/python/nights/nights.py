"""Builds of one home, good and killed ones in turn, and what must hold after each."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from conftest import ROOT, contents, fingerprint, published_builds, run_build
from killed_nightly import NAMED, NEW, OLD, Point

from orchestration.serving.published import FILE_NAME
from orchestration.serving.versions import DEFAULT_KEPT


def kill_build(
    point: str, raw_dir: Path, home: Path, *arguments: str
) -> subprocess.CompletedProcess:
    """Run a build that is killed at `point`; return the finished process."""
    return subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_nightly.py"), point, *arguments],
        cwd=ROOT,
        env=os.environ
        | {
            "TENURE_RAW_DIR": str(raw_dir),
            "TENURE_HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "TENURE_BOARDS": "on",
        },
        capture_output=True,
        text=True,
    )


class Nights:
    """The builds of one landing zone in one home, good and killed ones in turn."""

    def __init__(self, raw_dir: Path, home: Path) -> None:
        self.raw_dir, self.home, self.serve = raw_dir, home, home / "serve"
        self.file = self.serve / "current" / FILE_NAME
        self.unserved: set[str] = set()
        is_new = not self.file.exists()
        self.right = {} if is_new else contents(self.file)
        # The builds that meta.builds must list.
        self.builds = [] if is_new else list(published_builds(self.file))

    def current(self) -> str:
        return os.readlink(self.serve / "current").removeprefix("versions/")

    def good_build(self, *arguments: str) -> str:
        """Run a build as on any night: it publishes what is right, and leaves nothing behind.

        Return what it said.
        """
        before = self.names() - self.unserved
        build = run_build(self.raw_dir, self.home, None, ROOT, *arguments)
        assert build.returncode == 0, build.stdout + build.stderr
        assert self.current() in build.stdout
        self.builds.append(self.current())
        self.right = self.right or contents(self.file)
        self.check_current()
        versions = sorted(path.name for path in (self.serve / "versions").iterdir())
        assert versions == sorted(before | {self.current()})[-DEFAULT_KEPT:]
        assert sorted(path.name for path in self.serve.iterdir()) == [
            ".lock",
            "current",
            "versions",
        ]
        assert not [*self.home.rglob("*.wal"), *(self.home / "build/tmp").iterdir()]
        with closing(sqlite3.connect(self.home / "dagster/history/runs.db")) as history:
            runs = history.execute("select distinct status from runs").fetchall()
        assert {status for (status,) in runs} <= {"SUCCESS", "FAILURE"}
        return build.stdout

    def check_current(self) -> None:
        """Readers have a whole build: all tables right, and all builds up to it listed."""
        assert contents(self.file) == self.right
        assert list(published_builds(self.file).items()) == [
            (build, build == self.current()) for build in self.builds
        ]

    def kill_at(self, point: Point, *arguments: str) -> None:
        """Kill a build at `point`; readers must have what they had, or the whole new build."""
        before = self.current(), fingerprint(self.serve / "versions" / self.current())
        versions = self.names()
        killed = kill_build(point.name, self.raw_dir, self.home, *arguments)
        said = killed.stdout + killed.stderr
        assert killed.returncode == -signal.SIGKILL, f"{point.name} was not reached:\n{said}"
        named = self.names() - versions
        assert len(named) == (point.readers_get != OLD)
        if point.readers_get == NEW:
            assert {self.current()} == named
        else:
            assert (self.current(), fingerprint(self.serve / "versions" / self.current())) == before
        self.builds += named if point.readers_get == NEW else []
        self.check_current()
        # A version that was never served was never published: the next build removes it.
        self.unserved = named if point.readers_get == NAMED else set()

    def names(self) -> set[str]:
        if not self.serve.exists():
            return set()
        versions = self.serve / "versions"
        return {path.name for path in versions.iterdir() if not path.name.startswith(".")}
