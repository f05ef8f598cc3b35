"""The sensor that runs the job when raw files arrive."""

import json

import dagster as dg
import pytest

from orchestration.guarding.landing_zone import fingerprint
from orchestration.settings.durations import read_duration


@pytest.fixture
def raw(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_RAW_DIR", str(tmp_path))
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "a.csv").write_text("order_id\n1\n")
    return tmp_path


@pytest.fixture
def tick(manifest, raw):
    """Look once, with the cursor of the last look; return the requests for runs."""
    from orchestration.defs.sensors import new_raw_files

    cursor = None

    def look():
        nonlocal cursor
        with dg.build_sensor_context(cursor=cursor) as context:
            result = new_raw_files.evaluate_tick(context)
        cursor = result.cursor
        assert bool(result.run_requests) != bool(result.skip_message)
        return result.run_requests

    return look


def test_files_that_have_arrived_and_lie_still_are_built_once(tick, raw):
    assert not tick() and not tick()
    (raw / "orders" / "b.csv").write_text("order_id\n2\n")
    assert not tick()
    with (raw / "orders" / "b.csv").open("a") as file:
        file.write("3\n")
    assert not tick()
    [request] = tick()
    assert read_duration(request.run_config["resources"]["build"]["config"]["wait"])
    assert not tick()


def test_each_change_is_a_run_of_its_own(tick, raw):
    tick()
    keys = []
    for number in range(3):
        (raw / "orders" / f"{number}.csv").write_text("order_id\n2\n")
        assert not tick()
        keys += [request.run_key for request in tick()]
    assert len(set(keys)) == 3


def test_files_that_go_back_and_come_again_are_runs_of_their_own(tick, raw):
    tick()
    keys = []
    for number in (2, 1, 2):
        (raw / "orders" / "a.csv").write_text(f"order_id\n{number}\n")
        assert not tick()
        keys += [request.run_key for request in tick()]
    assert len(set(keys)) == 3


def test_a_cursor_of_an_older_release_goes_on(manifest, raw):
    from orchestration.defs.sensors import new_raw_files

    now = fingerprint(raw)
    cursor = json.dumps({"seen": now, "requested": "earlier"})
    with dg.build_sensor_context(cursor=cursor) as context:
        result = new_raw_files.evaluate_tick(context)
    assert [request.run_key for request in result.run_requests] == [f"1-earlier-{now[:12]}"]


def test_a_landing_zone_that_is_not_there_yet_is_empty(tmp_path):
    assert fingerprint(tmp_path / "nothing") == fingerprint(tmp_path)


def test_markers_and_hidden_files_are_no_raw_files(raw):
    before = fingerprint(raw)
    (raw / "orders" / "_SUCCESS").write_text("")
    (raw / "orders" / ".b.csv.part").write_text("")
    assert fingerprint(raw) == before
    (raw / "orders" / "b.csv").write_text("")
    assert fingerprint(raw) != before


def test_the_cursor_is_readable(tick, raw, manifest):
    from orchestration.defs.sensors import new_raw_files

    with dg.build_sensor_context() as context:
        cursor = json.loads(new_raw_files.evaluate_tick(context).cursor)
    assert cursor == {"seen": fingerprint(raw), "requested": fingerprint(raw), "number": 0}
