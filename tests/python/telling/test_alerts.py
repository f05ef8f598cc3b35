"""Alerts, sent to a server of the test: what is said once, and how a broken server does no harm."""

import fcntl
import http.server
import json
import logging
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration import nightly, paths
from orchestration.defs.resources import BuildResource
from orchestration.telling import alerts, webhook
from orchestration.telling.failures import Failure

LOG = Path("/logs/dbt.log")
BROKEN = Failure("model", "stg_orders", "orders/2024.csv: required column amount is missing")
WRONG = Failure("test", "rpt_mrr__rolls_forward", "Got 36 results", 36, sample="month=2025-01-01")
SHRUNK = Failure("guard", "volume", "orders: 10 rows read, 8,743 in the published build")
SECRET = "T0SECRET"


class Sink(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted, if its mood is well."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        getattr(self, self.server.mood)(body)

    def well(self, body):
        assert self.headers["Content-Type"].startswith("application/json")
        self.server.texts.append(json.loads(body)["text"])
        self.answer(200)

    def fails(self, body):
        # The answer of a server may quote the address.
        self.answer(500, self.path)

    def moves(self, body):
        self.answer(302, Location=f"http://127.0.0.1:{self.server.server_port}/elsewhere")

    def points_at_a_file(self, body):
        self.answer(301, Location="file:///etc/hostname")

    def closes(self, body):
        self.close_connection = True

    def is_slow(self, body):
        self.server.release.wait(30)

    def drips(self, body):
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        while not self.server.release.wait(0.05):
            self.wfile.write(b"X")

    def do_GET(self):
        self.answer(200)

    def answer(self, status, reason=None, **headers):
        self.send_response(status, reason)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def sink(home, monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        server.texts, server.mood, server.release = [], "well", threading.Event()
        server.handle_error = lambda *_: None
        server.url = f"http://127.0.0.1:{server.server_port}/services/{SECRET}"
        monkeypatch.setenv("TENURE_ALERT_WEBHOOK", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="orchestration")
    return lambda: [record.getMessage() for record in caplog.records]


def fail(*failures, **variables):
    alerts.failed(failures or [BROKEN], LOG, variables)


def publish(build_id="20261122T020000Z-ab12cd"):
    alerts.published(build_id, datetime.now(UTC))


def serve(home, build_id):
    (home / "serve").mkdir(parents=True, exist_ok=True)
    link = home / "serve/current"
    link.unlink(missing_ok=True)
    link.symlink_to(f"versions/{build_id}")


def state_file(home):
    return home / "alerts/incidents.json"


def test_a_failure_says_where_what_how_many_which_and_what_to_do(sink, home):
    serve(home, "20261121T020000Z-aaaaaa")
    fail(BROKEN, WRONG, past_due_pays=False)
    [text] = sink.texts
    first, verdict, *_ = text.splitlines()
    assert first.startswith(f"Tenure on {os.uname().nodename}:{paths.ROOT}, 20")
    assert verdict == "Failed, nothing was published:"
    for part in (
        "model stg_orders",
        "orders/2024.csv: required column amount is missing",
        "test rpt_mrr__rolls_forward: 36 failing rows, such as month=2025-01-01",
        f"Log: {LOG}",
        "Still served: 20261121T020000Z-aaaaaa, as before.",
        "make build",
        f"TENURE_RAW_DIR={paths.raw_dir()}",
        f"TENURE_HOME={home}",
        """VARS='{"past_due_pays": false}'""",
    ):
        assert part in text, part


def test_a_guard_that_refuses_to_publish_is_told_as_blocked(sink):
    fail(SHRUNK)
    [text] = sink.texts
    assert "Blocked, nothing was published:" in text
    assert "orders: 10 rows read" in text


def test_an_incident_is_told_once_however_many_nights_it_lasts(sink):
    for _ in range(3):
        fail(BROKEN)
    assert len(sink.texts) == 1


def test_the_order_in_which_things_failed_makes_no_new_incident(sink):
    fail(BROKEN, WRONG)
    fail(WRONG, BROKEN)
    assert len(sink.texts) == 1


def test_another_failure_is_told_and_the_first_one_not_again(sink):
    fail(BROKEN)
    fail(WRONG)
    fail(BROKEN)
    fail(BROKEN, WRONG)
    assert len(sink.texts) == 3


def test_publishing_tells_what_it_was_how_long_it_lasted_and_the_build(sink, home):
    fail(BROKEN)
    fail(SHRUNK)
    state = json.loads(state_file(home).read_text())
    began = datetime.now(UTC) - timedelta(days=2, hours=3, seconds=1)
    state["incidents"][0]["since"] = began.isoformat()
    state_file(home).write_text(json.dumps(state))
    publish("20261122T020000Z-bbbbbb")
    *_, text = sink.texts
    assert text.splitlines()[1:] == [
        "Recovered after 2d 3h, 20261122T020000Z-bbbbbb is published. It was:",
        "  failed: model stg_orders",
        "  blocked: guard volume",
    ]


def test_after_a_recovery_nothing_is_told_until_it_fails_again(sink):
    fail(BROKEN)
    publish()
    publish()
    assert len(sink.texts) == 2
    fail(BROKEN)
    assert len(sink.texts) == 3


def test_a_build_that_was_finished_before_an_incident_does_not_end_it(sink):
    fail(BROKEN)
    alerts.published("older", datetime.now(UTC) - timedelta(hours=20))
    fail(BROKEN)
    assert len(sink.texts) == 1


def test_an_incident_of_a_clock_that_was_ahead_ends_with_the_next_publication(sink, home):
    def in_the_future():
        state = json.loads(state_file(home).read_text())
        state["incidents"][0]["since"] = "2041-01-01T02:00:00+00:00"
        state_file(home).write_text(json.dumps(state))

    fail(BROKEN)
    in_the_future()
    alerts.published("older", datetime.now(UTC) - timedelta(hours=20))
    assert len(sink.texts) == 1
    in_the_future()
    alerts.published("20261122T020000Z-ab12cd")
    assert "Recovered after" in sink.texts[1]
    fail(BROKEN)
    assert "Failed, nothing was published" in sink.texts[2]


def test_nothing_published_for_too_long_is_an_incident_of_its_own(sink):
    fail(BROKEN)
    for _ in range(2):
        alerts.unpublished("too old", "Nothing published since b, 1d 3h ago, allowed 1d 2h")
        fail(BROKEN)
    assert len(sink.texts) == 2
    assert "Nothing published since b, 1d 3h ago" in sink.texts[1]
    assert f"TENURE_HOME={paths.home()}" in sink.texts[1]
    publish()
    assert "  unpublished: too old" in sink.texts[2]
    assert len(sink.texts) == 3


def test_many_long_failures_stay_within_what_chats_take(sink):
    fail(*(Failure("model", f"m{n}", ("x" * 500 + "\n") * 50) for n in range(200)))
    publish()
    assert len(sink.texts) == 2
    assert all(len(text) < 10_000 for text in sink.texts)
    assert "195 more failures" in sink.texts[0]
    assert "195 more" in sink.texts[1]


def test_data_cannot_become_a_link_or_a_mention(sink):
    fail(BROKEN._replace(message="a & b <!channel> <http://x|y>"))
    assert "a &amp; b &lt;!channel&gt; &lt;http://x|y&gt;" in sink.texts[0]


def test_an_email_that_dbt_quotes_goes_nowhere(sink, home):
    fail(BROKEN._replace(message="Could not convert string 'ann@example.com' to INT32"))
    [text] = sink.texts
    assert "Could not convert string '(hidden)' to INT32" in text
    assert "ann" not in state_file(home).read_text()


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("fails", "127.0.0.1 answered with status 500"),
        ("moves", "127.0.0.1 answered with status 302"),
        ("points_at_a_file", "127.0.0.1 answered with status 301"),
        ("closes", "RemoteDisconnected"),
        ("is_slow", "no answer within 10 seconds"),
        ("drips", "no answer within 10 seconds"),
    ],
)
def test_a_sink_in_a_bad_mood_is_one_line_and_is_told_at_the_next_occasion(
    sink, lines, monkeypatch, mood, said, reliability
):
    monkeypatch.setattr(webhook, "SECONDS", 0.5)
    sink.mood = mood
    began = time.monotonic()
    fail(BROKEN)
    assert time.monotonic() - began < 5
    assert lines() == [f"Alert not sent, it will be tried again: {said}"]
    assert not sink.texts
    monkeypatch.setattr(webhook, "SECONDS", 10)
    sink.mood = "well"
    fail(BROKEN)
    fail(BROKEN)
    assert len(sink.texts) == 1 and "stg_orders" in sink.texts[0]
    reliability(
        "alerts",
        "the webhook answers with an error, elsewhere, too slowly or not at all",
        "a real server on loopback in that mood, then well again: told at the next occasion, once",
        tried=1,
        lost="nothing",
    )


def test_a_sink_that_is_down_is_one_line_and_all_is_told_in_order_later(sink, lines, monkeypatch):
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", f"http://127.0.0.1:9/services/{SECRET}")
    fail(BROKEN)
    fail(WRONG)
    assert lines() == ["Alert not sent, it will be tried again: Connection refused"] * 2
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", sink.url)
    # A build of yesterday ends no incident, but it is an occasion to try again.
    alerts.published("older", datetime.now(UTC) - timedelta(hours=20))
    assert ["stg_orders" in text for text in sink.texts] == [True, False]


def test_an_answer_that_does_not_come_is_said_as_such(sink, monkeypatch):
    monkeypatch.setattr(webhook, "SECONDS", 0.2)
    sink.mood = "is_slow"
    assert webhook._post(sink.url, "text") == "no answer within 10 seconds"


def test_a_recovery_that_could_not_be_told_is_told_before_what_failed_next(sink, lines):
    fail(BROKEN)
    sink.mood = "fails"
    publish()
    fail(WRONG)
    # A broken server is tried once at each occasion.
    assert len(lines()) == 2
    sink.mood = "well"
    fail(WRONG)
    assert ["Recovered" in text for text in sink.texts] == [False, True, False]


def test_what_is_told_late_is_what_is_so_that_night(sink):
    sink.mood = "fails"
    fail(WRONG._replace(rows=1))
    sink.mood = "well"
    fail(WRONG._replace(rows=2))
    [text] = sink.texts
    assert "2 failing rows" in text


def test_an_address_that_is_set_later_hears_of_what_still_lasts(sink, lines, monkeypatch):
    monkeypatch.delenv("TENURE_ALERT_WEBHOOK")
    fail(BROKEN)
    publish()
    for number in range(9):
        fail(Failure("model", f"m{number}", "no such column"))
    assert not lines() and not sink.texts
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", sink.url)
    fail(Failure("model", "m8", "no such column"))
    told = [text.splitlines()[2].strip() for text in sink.texts]
    assert told == [f"model m{number}" for number in range(4, 9)]


@pytest.mark.parametrize(
    "url",
    [
        f"file:///etc/{SECRET}",
        Path(__file__).as_uri(),
        f"ftp://127.0.0.1/{SECRET}",
        SECRET,
        f"http:///{SECRET}",
        f"http://[{SECRET}",
        f"http://127.0.0.1:{SECRET}/",
        f"http://127.0.0.1:9/{SECRET} with a space",
        f"https://127.0.0.1:9/{SECRET}",
        f"http://user:{SECRET}@127.0.0.1:9/",
        f"http://{SECRET}é\u2100.invalid/{SECRET}",
    ],
)
def test_an_address_that_cannot_be_used_is_one_line_without_its_secret(
    home, lines, monkeypatch, url
):
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", url)
    fail(BROKEN)
    [line] = lines()
    assert line.startswith("Alert not sent, it will be tried again: ")
    assert SECRET.lower() not in line.lower()
    assert SECRET not in state_file(home).read_text()


def test_a_sink_that_fails_does_not_bring_the_secret_into_the_log(sink, lines):
    sink.mood = "fails"
    fail(BROKEN)
    assert lines() and SECRET not in "".join(lines())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"incidents": [{"kind": "fai',
        b"\xff\x00",
        b"[]",
        b"null",
        b'{"incidents": null, "recovered": null}',
        b'{"incidents": [7], "recovered": null}',
        b'{"incidents": [{"kind": "failed"}], "recovered": null}',
        b'{"incidents": [{"kind": 1, "names": 2, "since": 3, "unsent": 4}], "recovered": 5}',
        b'{"incidents": [{"kind": 1, "names": [2], "since": "2026-01-01", "unsent": 4}],'
        b' "recovered": null}',
    ],
)
def test_a_damaged_state_costs_no_alert(sink, home, content):
    state_file(home).parent.mkdir(parents=True)
    state_file(home).write_bytes(content)
    fail(BROKEN)
    fail(BROKEN)
    publish()
    assert "stg_orders" in sink.texts[-2]
    assert "Recovered" in sink.texts[-1]
    assert json.loads(state_file(home).read_text()) == {
        "incidents": [],
        "unsent": [],
        "recovered": None,
    }


def test_restated_months_are_told_once_also_if_the_chat_was_down(sink, home, monkeypatch):
    address = os.environ["TENURE_ALERT_WEBHOOK"]
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", "http://127.0.0.1:9")
    alerts.published("20261122T020000Z-ab12cd", datetime.now(UTC), "Restated: churn.rpt_mrr")
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", address)
    publish()
    publish()
    [text] = sink.texts
    assert "20261122T020000Z-ab12cd is published.\nRestated: churn.rpt_mrr" in text


def test_what_was_published_while_the_chat_was_down_is_told_in_order(sink, home, monkeypatch):
    address = os.environ["TENURE_ALERT_WEBHOOK"]
    fail(BROKEN)
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", "http://127.0.0.1:9")
    alerts.published("night-1", datetime.now(UTC), "Restated: January")
    fail(WRONG)
    alerts.published("night-2", datetime.now(UTC), "Restated: February")
    alerts.published("night-3", datetime.now(UTC), "Restated: March")
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", address)
    publish("night-4")
    told = ["\n".join(text.splitlines()[1:]) for text in sink.texts[1:]]
    assert [text.partition(", ")[2].split(" ")[0] for text in told if "Recovered" in text] == [
        "night-1",
        "night-2",
    ]
    assert [text for text in told if "Recovered" not in text] == [
        "night-1 is published.\nRestated: January",
        "night-2 is published.\nRestated: February",
        "night-3 is published.\nRestated: March",
    ]
    assert ["night-1" in text for text in told[:2]] == [True, True]


def test_of_what_cannot_be_told_for_long_the_latest_is_kept(sink, monkeypatch):
    address = os.environ["TENURE_ALERT_WEBHOOK"]
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", "http://127.0.0.1:9")
    for night in range(10, 22):
        alerts.published(f"night-{night}", datetime.now(UTC), "Restated: January")
    monkeypatch.setenv("TENURE_ALERT_WEBHOOK", address)
    publish()
    assert [int(text.split("night-")[1][:2]) for text in sink.texts] == [*range(12, 22)]


def test_what_an_older_release_could_not_tell_is_told(sink, home):
    state_file(home).parent.mkdir(parents=True)
    state_file(home).write_text('{"incidents": [], "recovered": "over", "restated": "moved"}')
    publish()
    publish()
    assert sink.texts == ["over", "moved"]


def test_a_state_that_cannot_be_written_costs_no_alert(sink, home, lines):
    home.mkdir()
    (home / "alerts").write_text("a file in the way")
    fail(BROKEN)
    assert "stg_orders" in sink.texts[0]
    assert lines() and all("state of alerts was not kept" in line for line in lines())


def test_the_state_is_replaced_in_one_step(sink, home, monkeypatch):
    fail(BROKEN)
    before = state_file(home).read_text()

    def killed(*_):
        raise OSError

    monkeypatch.setattr(os, "replace", killed)
    fail(WRONG)
    assert state_file(home).read_text() == before
    assert len(sink.texts) == 2


def test_an_incident_is_kept_though_the_machine_goes_down_while_it_is_told(sink, home, monkeypatch):
    monkeypatch.setattr(alerts, "send", lambda *_: sys.exit())
    with pytest.raises(SystemExit):
        fail(BROKEN)
    [incident] = json.loads(state_file(home).read_text())["incidents"]
    assert incident["names"] == ["model stg_orders"] and incident["unsent"]


# The end of a run of Dagster, with the real resource around a tiny asset.


def run(asset, **config):
    return dg.materialize(
        [asset], resources={"build": BuildResource(**config)}, raise_on_error=False
    )


@dg.asset
def publishes(build: BuildResource):
    serve(paths.home(), build.build_id)


@dg.asset
def fails_a_test(build: BuildResource):
    from orchestration.defs.step_failures import failure_of

    raise failure_of([WRONG], LOG)


@dg.asset
def breaks(build: BuildResource):
    raise ValueError("no such luck")


@dg.asset
def is_interrupted(build: BuildResource):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)


@dg.asset
def refuses(build: BuildResource):
    raise dg.Failure("launch the job nightly")


@pytest.mark.parametrize(
    ("asset", "said"),
    [
        (fails_a_test, "test rpt_mrr__rolls_forward: 36 failing rows, such as month=2025-01-01"),
        (breaks, "no such luck"),
        (is_interrupted, "interrupted by a signal"),
    ],
)
def test_a_run_that_fails_is_told_once_and_the_next_good_one_ends_it(manifest, sink, asset, said):
    assert not run(asset, variables={"past_due_pays": False}).success
    [text] = sink.texts
    assert said in text
    assert """VARS='{"past_due_pays": false}'""" in text
    assert not run(asset).success
    assert run(publishes).success
    assert len(sink.texts) == 2
    assert f"{os.readlink(paths.serve() / 'current').split('/')[-1]} is publ" in sink.texts[1]


@dg.asset(deps=[publishes])
def stops_after_it(build: BuildResource):
    raise ValueError("ann@example.com: no space left on device")


def test_a_build_that_fails_after_it_was_published_is_told_as_published(manifest, sink):
    def night(*assets):
        return dg.materialize(
            assets, resources={"build": BuildResource()}, raise_on_error=False
        ).success

    fail(BROKEN)
    assert not night(publishes, stops_after_it)
    _, recovered, told = sink.texts
    build_id = os.readlink(paths.serve() / "current").split("/")[-1]
    assert f"{build_id} is published. It was:\n  failed: model stg_orders" in recovered
    assert told.splitlines()[1:4] == [
        f"Published {build_id}, but what follows failed:",
        "  step stops_after_it",
        "    ValueError: (hidden) no space left on device",
    ]
    assert "nothing was published" not in told
    # It lasts as long as each night ends so, and is over with the first one that does not.
    assert not night(publishes, stops_after_it)
    assert len(sink.texts) == 3
    assert night(publishes)
    assert len(sink.texts) == 4
    assert "  unfinished: step stops_after_it" in sink.texts[3]


def test_make_build_says_that_it_is_published_though_what_follows_failed(
    manifest, sink, monkeypatch, capsys
):
    from orchestration import definitions

    job = dg.define_asset_job("nightly", executor_def=dg.in_process_executor)
    defs = dg.Definitions(
        [publishes, stops_after_it], jobs=[job], resources={"build": BuildResource()}
    )
    monkeypatch.setattr(definitions, "defs", lambda: defs)
    monkeypatch.setattr("orchestration.warehouse.parsing.prepare_manifest", lambda: None)
    monkeypatch.setattr(nightly, "reads_landing_zone", lambda: False)
    assert nightly._build_or_explain({}, {}) == nightly.PUBLISHED
    build_id = os.readlink(paths.serve() / "current").split("/")[-1]
    said = capsys.readouterr().out
    assert f"Published {build_id}, but what follows failed:\n  step stops_after_it\n" in said
    assert "nothing was published" not in said
    [text] = sink.texts
    assert f"Published {build_id}, but" in text

    # A fault outside of all steps, such as a history of runs that cannot be written, is told too.
    def report(_):
        raise OSError("no space left on device")

    monkeypatch.setattr(
        definitions,
        "defs",
        lambda: dg.Definitions([publishes], jobs=[job], resources={"build": BuildResource()}),
    )
    monkeypatch.setattr(nightly, "_step_seconds", lambda *_: 0)
    monkeypatch.setattr(nightly, "_report_published", report)
    assert nightly._build_or_explain({}, {}) == nightly.PUBLISHED
    assert "Published " in capsys.readouterr().out
    assert "run nightly\n    no space left on device" in sink.texts[-1]


def test_another_version_that_a_rollback_serves_is_not_published_by_a_build_that_fails(
    manifest, sink, home, monkeypatch, capsys
):
    from orchestration import definitions

    @dg.asset
    def fails_while_somebody_goes_back(build: BuildResource):
        serve(home, "20261120T020000Z-bbbbbb")
        raise ValueError("no such luck")

    job = dg.define_asset_job("nightly", executor_def=dg.in_process_executor)
    defs = dg.Definitions(
        [fails_while_somebody_goes_back], jobs=[job], resources={"build": BuildResource()}
    )
    monkeypatch.setattr(definitions, "defs", lambda: defs)
    monkeypatch.setattr("orchestration.warehouse.parsing.prepare_manifest", lambda: None)
    monkeypatch.setattr(nightly, "reads_landing_zone", lambda: False)
    serve(home, "20261121T020000Z-aaaaaa")
    assert nightly._build_or_explain({}, {}) == nightly.FAILED
    assert "Failed, nothing was published" in capsys.readouterr().out


def test_what_is_refused_is_no_incident(sink, home):
    assert not run(refuses).success
    assert not run(publishes, variables={"gross_margin": 7}).success
    with paths.lock_file().open() as other_build:
        fcntl.flock(other_build, fcntl.LOCK_EX)
        assert not run(publishes).success
    assert not sink.texts and not state_file(home).exists()


@pytest.mark.parametrize("asset", [publishes, breaks])
def test_whatever_goes_wrong_in_an_alert_the_run_ends_as_it_would(sink, lines, monkeypatch, asset):
    def raises(*_):
        raise RuntimeError("the alert is broken")

    monkeypatch.setattr(alerts, "_update", raises)
    assert run(asset).success == (asset is publishes)
    assert lines() == ["No alert: RuntimeError: the alert is broken"]


def test_a_project_that_does_not_parse_is_told_too(sink, monkeypatch, capsys):
    from orchestration.warehouse import parsing
    from orchestration.warehouse.process import DbtFailedError

    def refuse():
        raise DbtFailedError("Compilation Error in model a (models/a.sql)\n  no such macro")

    monkeypatch.setattr(parsing, "prepare_manifest", refuse)
    for left_out in ("_show_progress", "prepare_dagster_home"):
        monkeypatch.setattr(nightly, left_out, lambda: None)
    assert nightly._build({}, {}, "") == nightly.FAILED
    [text] = sink.texts
    assert "dbt parse" in text and "no such macro" in text
    assert "no such macro" in capsys.readouterr().out
