"""Before a build the free space is checked. The limit is low: a build that may fit is tried."""

import shutil
from collections import namedtuple
from functools import partial

import pytest

from orchestration.serving.versions import complete_versions, make_room
from orchestration.warehouse.disk_space import lacking_space
from orchestration.warehouse.fresh_folders import removed_at_start, start_afresh

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def lacking(tmp_path, monkeypatch):
    """Ask with so many bytes free, after making files of these sizes."""

    places = {
        "csv": "raw/orders/a.csv",
        "gz": "raw/orders/b.csv.gz",
        "warehouse": "warehouse",
        "temporary": "tmp/duckdb_temp_block-0.block",
        "version": "serve/versions/night-3/parquet/x",
        "earlier": "serve/versions/night-2/parquet/x",
        "earliest": "serve/versions/night-1/parquet/x",
        "partial": "serve/versions/.night-4.partial/tenure.duckdb",
    }

    def ask(free, **sizes):
        for name, size in sizes.items():
            path = tmp_path / places[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.truncate(size)
        if "version" in sizes:
            (tmp_path / "serve/current").unlink(missing_ok=True)
            (tmp_path / "serve/current").symlink_to("versions/night-3")

        def on_disk():
            return sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())

        # What is removed is free from then on.
        total = free + on_disk()
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, total - on_disk()))
        warehouse = tmp_path / "warehouse"
        removed = [warehouse, tmp_path / "tmp"]
        serve = tmp_path / "serve"
        room = partial(make_room, serve)
        return lacking_space(
            tmp_path, tmp_path / "raw", warehouse, serve / "current", removed, room
        )

    return ask


def test_a_first_build_needs_a_multiple_of_the_raw_files(lacking):
    sizes = {"csv": 100_000_000, "gz": 10_000_000}
    needed = round(1.1 * 5 * 150_000_000) + 50_000_000
    assert lacking(needed, **sizes) is None
    assert lacking(needed - 1, **sizes).startswith(f"{needed - 1:,} bytes are free under")
    assert f"about {needed:,} are needed" in lacking(needed - 1, **sizes)


def test_later_builds_go_by_what_the_last_one_took_and_take_its_place(lacking):
    sizes = {"csv": 900_000_000, "warehouse": 400_000_000, "version": 100_000_000}
    needed = round(1.1 * 500_000_000) + 50_000_000 - 400_000_000
    assert lacking(needed, **sizes) is None
    assert "are free" in lacking(needed - 1, **sizes)


SIZES = {"warehouse": 400_000_000, "version": 100_000_000}
NEEDED = round(1.1 * 500_000_000) + 50_000_000 - 400_000_000


@pytest.mark.parametrize("left", ["temporary", "partial"])
def test_what_a_killed_night_left_makes_room_for_the_next_one(lacking, left):
    sizes = {**SIZES, left: 90_000_000}
    assert lacking(NEEDED - 90_000_000, **sizes) is None


def test_what_a_killed_night_left_is_no_more_room_than_it_takes(lacking):
    sizes = {**SIZES, "temporary": 90_000_000}
    assert "are free" in lacking(NEEDED - 90_000_001, **sizes)


def test_fewer_kept_versions_make_room_before_a_night_is_refused(lacking, monkeypatch, tmp_path):
    sizes = {**SIZES, "earlier": 100_000_000, "earliest": 100_000_000}
    kept = lambda: [version.name for version in complete_versions(tmp_path / "serve")]  # noqa: E731
    assert "TENURE_KEEP_VERSIONS" in lacking(NEEDED - 1, **sizes)
    assert kept() == ["night-1", "night-2", "night-3"]
    monkeypatch.setenv("TENURE_KEEP_VERSIONS", "2")
    # A night that fits removes nothing before it is published.
    assert lacking(NEEDED, **sizes) is None
    assert len(kept()) == 3
    assert lacking(NEEDED - 100_000_000, **sizes) is None
    assert kept() == ["night-2", "night-3"]
    assert "are free" in lacking(NEEDED - 1)
    assert kept() == ["night-2", "night-3"]


def test_every_folder_that_is_counted_is_removed_at_the_start(monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    files = [tmp_path / "build/warehouse.duckdb", tmp_path / "build/warehouse.duckdb.wal"]
    for path in removed_at_start():
        file = path if path in files else path / "a/b"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    start_afresh("tonight")
    assert [path for path in removed_at_start() if path.is_file() or any(path.glob("*"))] == []


def test_without_raw_files_nothing_is_said_of_space(lacking):
    assert lacking(50_000_000) is None
