"""The versions on disk: which one readers get, how many stay, and the way back."""

import os
import subprocess
import sys
import time
from datetime import date, datetime

import duckdb
import pytest
from conftest import ROOT

from orchestration.serving import versions
from orchestration.serving.published import compare_with_served, published_build
from orchestration.serving.versions import (
    DEFAULT_KEPT,
    UnknownVersionError,
    complete_versions,
    current_build,
    kept_versions,
    new_version,
    serve_version,
)


@pytest.fixture
def serve(tmp_path):
    return tmp_path / "serve"


@pytest.fixture
def publish(serve):
    """Publish a version with a file that names its build: `make rollback` reads that name."""

    def publish_build(name):
        with (
            new_version(serve, name) as folder,
            duckdb.connect(folder / "tenure.duckdb") as connection,
        ):
            connection.execute(
                "create schema meta; create table meta.builds as select"
                " $name as build_id, $day as as_of, $moment as finished_at, true as is_current",
                {"name": name, "day": date(2026, 11, 21), "moment": datetime(2026, 11, 21, 2, 5)},
            )

    return publish_build


def names(serve):
    return [path.name for path in complete_versions(serve)]


def test_before_the_first_build_nothing_is_served(serve):
    assert current_build(serve) is None
    assert complete_versions(serve) == []


def test_the_newest_seven_versions_are_kept(serve, publish):
    for night in range(DEFAULT_KEPT + 2):
        publish(f"night-{night}")
    assert names(serve) == [f"night-{night}" for night in range(2, DEFAULT_KEPT + 2)]
    assert current_build(serve) == names(serve)[-1]


def test_fewer_versions_are_kept_where_room_is_short(serve, publish, monkeypatch):
    monkeypatch.setenv("TENURE_KEEP_VERSIONS", "1")
    for night in range(3):
        publish(f"night-{night}")
    assert names(serve) == ["night-2"]


@pytest.mark.parametrize("text", ["0", "-1", "some", "1.5"])
def test_a_number_of_versions_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("TENURE_KEEP_VERSIONS", text)
    with pytest.raises(ValueError, match=f"TENURE_KEEP_VERSIONS: '{text}'"):
        kept_versions()


def test_the_current_version_is_never_pruned_even_if_the_clock_was_set_back(serve, publish):
    for night in range(DEFAULT_KEPT):
        publish(f"night-{night}")
    publish("an-earlier-name")
    assert current_build(serve) == "an-earlier-name"
    assert (serve / "current" / "tenure.duckdb").exists()


def test_a_build_is_compared_with_the_newest_version_that_can_be_read(serve, publish, caplog):
    def compared():
        caplog.clear()
        return compare_with_served(serve, lambda file: file and published_build(file).build_id)

    assert compared() is None and not caplog.messages
    for night in range(3):
        publish(f"night-{night}")
    assert compared() == "night-2" and not caplog.messages
    file = serve / "versions/night-2/tenure.duckdb"
    damage(file)
    assert compared() == "night-1"
    [warning] = caplog.messages
    assert f"{file} cannot be read" in warning
    (serve / "versions/night-1/tenure.duckdb").unlink()
    damage(serve / "versions/night-0/tenure.duckdb")
    assert compared() is None
    assert len(caplog.messages) == 4 and "compared with nothing" in caplog.messages[-1]


def test_after_a_rollback_a_build_is_compared_with_what_readers_have(serve, publish):
    for night in range(3):
        publish(f"night-{night}")
    serve_version(serve, "night-0")
    assert compare_with_served(serve, lambda file: file.parent.name) == "night-0"
    damage(serve / "versions/night-0/tenure.duckdb")
    assert compare_with_served(serve, lambda file: published_build(file).build_id) == "night-2"


def test_an_error_that_is_not_of_the_file_is_not_taken_for_damage(serve, publish):
    publish("night-0")
    publish("night-1")

    def fall(_):
        raise duckdb.OutOfMemoryException("too little memory")

    with pytest.raises(duckdb.OutOfMemoryException):
        compare_with_served(serve, fall)


def damage(file):
    file.chmod(0o644)
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size // 2)


def test_a_version_that_cannot_be_removed_is_no_reason_to_fail(serve, publish, monkeypatch, caplog):
    for night in range(DEFAULT_KEPT):
        publish(f"night-{night}")
    with monkeypatch.context() as patch:
        patch.setattr(versions.shutil, "rmtree", fails)
        publish("night-7")
    assert current_build(serve) == "night-7"
    assert "cannot remove" in caplog.text and "busy" in caplog.text
    publish("night-8")
    assert len(list((serve / "versions").iterdir())) == DEFAULT_KEPT


def test_a_version_that_cannot_be_hidden_is_no_reason_to_fail(serve, publish, monkeypatch, caplog):
    for night in range(DEFAULT_KEPT):
        publish(f"night-{night}")
    with monkeypatch.context() as patch:
        patch.setattr(versions, "_remove", fails)
        publish("night-7")
    assert current_build(serve) == "night-7"
    assert "cannot remove" in caplog.text
    publish("night-8")
    assert len(list((serve / "versions").iterdir())) == DEFAULT_KEPT


def fails(*_):
    raise OSError("busy")


def test_a_version_that_is_not_complete_is_removed_by_the_next_build(serve, publish):
    with pytest.raises(OSError, match="busy"), new_version(serve, "night-0"):
        fails()
    assert names(serve) == [] and current_build(serve) is None
    publish("night-1")
    assert [path.name for path in (serve / "versions").iterdir()] == ["night-1"]


@pytest.mark.parametrize("step", ["_flip", "flush_to_disk"])
def test_a_version_that_never_became_current_counts_for_nothing(serve, publish, monkeypatch, step):
    publish("night-0")
    with monkeypatch.context() as patch:
        patch.setattr(versions, step, fails)
        with pytest.raises(OSError, match="busy"):
            publish("night-1")
    assert current_build(serve) == "night-0"
    publish("night-2")
    assert names(serve) == ["night-0", "night-2"]
    assert not list(serve.glob(".current*"))


def test_a_published_version_is_never_rewritten(publish):
    publish("night-0")
    with pytest.raises(FileExistsError, match="never rewritten"):
        publish("night-0")


def test_an_earlier_version_is_served_again(serve, publish):
    for night in range(3):
        publish(f"night-{night}")
    serve_version(serve, "night-0")
    assert current_build(serve) == "night-0"
    assert names(serve) == ["night-0", "night-1", "night-2"]
    publish("night-3")
    assert current_build(serve) == "night-3"


def test_what_a_killed_rollback_has_left_does_no_harm(serve, publish):
    publish("night-0")
    publish("night-1")
    (serve / ".current.back").symlink_to("versions/night-0")
    publish("night-2")
    assert names(serve) == ["night-0", "night-1", "night-2"]
    serve_version(serve, "night-1")
    assert current_build(serve) == "night-1"


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_version_that_a_rollback_serves_though_its_build_was_killed_stays(
    serve, publish, monkeypatch, is_killed
):
    publish("night-0")
    with monkeypatch.context() as patch:
        patch.setattr(versions, "_flip", fails)
        with pytest.raises(OSError, match="busy"):
            publish("night-1")
    mark = os.readlink(serve / ".current.next")
    serve_version(serve, "night-1")
    assert not (serve / ".current.next").is_symlink()
    if is_killed:
        # The rollback was killed just before the mark would go.
        (serve / ".current.next").symlink_to(mark)
    with pytest.raises(OSError, match="busy"), new_version(serve, "night-2"):
        assert current_build(serve) == "night-1"
        assert (serve / "current" / "tenure.duckdb").exists()
        fails()
    publish("night-3")
    assert names(serve) == ["night-0", "night-1", "night-3"]
    assert not list(serve.glob(".current*"))


@pytest.mark.parametrize("name", ["night-9", "", "../versions/night-0", ".night-0.partial"])
def test_a_version_that_is_not_there_is_not_served(serve, publish, name):
    publish("night-0")
    with pytest.raises(UnknownVersionError):
        serve_version(serve, name)
    assert current_build(serve) == "night-0"


def rollback(serve, *arguments):
    started = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "orchestration.rollback", *arguments],
        cwd=ROOT,
        env={**os.environ, "TENURE_HOME": str(serve.parent)},
        capture_output=True,
        text=True,
    )
    return process, time.perf_counter() - started


def test_make_rollback_goes_back_by_one_and_lists_what_there_is(serve, publish, reliability):
    for night in range(3):
        publish(f"night-{night}")
    listed, _ = rollback(serve, "--list")
    assert listed.stdout.splitlines()[1].startswith("-> night-2")
    seconds = []
    for expected in ("night-1", "night-0"):
        process, took = rollback(serve)
        assert process.returncode == 0, process.stderr
        assert current_build(serve) == expected
        [marked] = [line for line in process.stdout.splitlines() if line.startswith("->")]
        assert marked.split()[1:] == [expected, "2026-11-21", "2026-11-21", "02:05:00"]
        seconds.append(took)
    first, _ = rollback(serve)
    assert first.returncode == 1
    assert "there is no version before the current one" in first.stdout
    assert current_build(serve) == "night-0"
    forth, _ = rollback(serve, "--to", "night-2")
    assert forth.returncode == 0 and current_build(serve) == "night-2"
    unknown, _ = rollback(serve, "--to", "night-9")
    assert unknown.returncode == 1 and "there is no version night-9" in unknown.stdout
    reliability(
        "versions",
        "a build was published that should not have been",
        f"`make rollback`, {min(seconds):.1f} s, lists the versions and serves the one before",
        tried=3,
        lost="nothing",
    )


@pytest.mark.parametrize("damage", ["no database", None])
def test_a_version_that_cannot_be_read_is_listed_as_such(serve, publish, damage):
    for night in range(3):
        publish(f"night-{night}")
    file = serve / "versions/night-1/tenure.duckdb"
    file.unlink()
    if damage:
        file.write_text(damage)
    listed, _ = rollback(serve, "--list")
    assert listed.returncode == 0, listed.stderr
    assert [line.split()[:4] for line in listed.stdout.splitlines()[1:]] == [
        ["->", "night-2", "2026-11-21", "2026-11-21"],
        ["night-1", "cannot", "be", "read"],
        ["night-0", "2026-11-21", "2026-11-21", "02:05:00"],
    ]
    # Readers are not given a file that they cannot open.
    refused, _ = rollback(serve)
    assert refused.returncode == 1 and current_build(serve) == "night-2"
    assert "Nothing was changed: night-1 cannot be read." in refused.stdout
    back, _ = rollback(serve, "--to", "night-0")
    assert back.returncode == 0 and current_build(serve) == "night-0"


def test_make_rollback_without_any_version_says_so(serve):
    process, _ = rollback(serve)
    assert process.returncode == 1
    assert "Nothing has been published" in process.stdout
