"""Before a build the free space is checked. The limit is low: a build that may fit is tried."""

import shutil
from collections import namedtuple

import pytest

from orchestration.warehouse.disk_space import lacking_space

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def lacking(tmp_path, monkeypatch):
    """Ask with so many bytes free, after making files of these sizes."""

    places = {
        "csv": "raw/orders/a.csv",
        "gz": "raw/orders/b.csv.gz",
        "warehouse": "warehouse",
        "version": "served/parquet/x",
    }

    def ask(free, **sizes):
        for name, size in sizes.items():
            path = tmp_path / places[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.truncate(size)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))
        return lacking_space(
            tmp_path, tmp_path / "raw", tmp_path / "warehouse", tmp_path / "served"
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


def test_without_raw_files_nothing_is_said_of_space(lacking):
    assert lacking(50_000_000) is None
