"""Settings of the environment that are refused before anything starts."""

import sys

import dagster as dg
import duckdb
import pytest
import yaml
from conftest import ROOT
from jinja2.nativetypes import NativeEnvironment

from orchestration import nightly
from orchestration.defs.resources import BuildResource
from orchestration.settings.duckdb_settings import duckdb_settings

REFUSED = [
    ("TENURE_MEMORY_LIMIT", "lots", "TENURE_MEMORY_LIMIT: 'lots' is not allowed; give a size"),
    ("TENURE_MEMORY_LIMIT", "4", "TENURE_MEMORY_LIMIT: '4' is not allowed; give a size such as"),
    ("TENURE_DUCKDB_THREADS", "0", "TENURE_DUCKDB_THREADS: '0' is not allowed; give a number"),
    ("TENURE_DBT_THREADS", "two", "TENURE_DBT_THREADS: 'two' is not allowed; give a number from 1"),
    ("TENURE_KEEP_VERSIONS", "0", "TENURE_KEEP_VERSIONS: '0'"),
    ("TENURE_BOARDS", "maybe", "TENURE_BOARDS: 'maybe'"),
    ("TENURE_ENGINE", "oxen", "TENURE_ENGINE: 'oxen'"),
    ("TENURE_AUDIENCE_COLUMNS", "phone", "TENURE_AUDIENCE_COLUMNS: 'phone'"),
]
EMPTY = ("TENURE_MEMORY_LIMIT", "TENURE_DUCKDB_THREADS", "TENURE_DBT_THREADS")


@pytest.fixture
def make_build(monkeypatch, tmp_path, capsys):
    """Run the nightly build up to where it would start: its exit code, and what it says."""
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.setattr(nightly, "_build_or_explain", lambda *_: nightly.PUBLISHED)
    monkeypatch.setattr(nightly, "_show_progress", lambda: None)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["nightly", *arguments])
        return nightly.main(), capsys.readouterr().out

    return run


@pytest.mark.parametrize(("name", "text", "said"), REFUSED)
def test_make_build_names_the_setting_and_says_what_is_allowed(
    make_build, monkeypatch, tmp_path, name, text, said
):
    monkeypatch.setenv(name, text)
    code, printed = make_build()
    assert code == nightly.REFUSED and said in printed
    assert list(tmp_path.iterdir()) == []


def test_a_wait_is_named_and_its_units_too(make_build):
    code, printed = make_build("--wait=2 hours")
    assert code == nightly.REFUSED
    assert "WAIT (--wait): not a duration such as 90m, 26h or 2d: '2 hours'" in printed
    assert "d, h, m or s" in printed
    assert make_build("--wait=90s")[0] == nightly.PUBLISHED


@pytest.mark.parametrize(("name", "text", "said"), [*REFUSED, ("wait", "2 hours", "wait: not a")])
def test_a_run_of_dagster_refuses_the_same(monkeypatch, tmp_path, name, text, said):
    ran = []

    @dg.asset
    def any_step(build: BuildResource):
        ran.append(build.build_id)

    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    config = {"wait": text} if name == "wait" else {}
    if not config:
        monkeypatch.setenv(name, text)
    result = dg.materialize(
        [any_step], resources={"build": BuildResource(**config)}, raise_on_error=False
    )
    assert not result.success and not ran
    [failure] = [event for event in result.all_events if event.is_failure]
    assert said in failure.event_specific_data.error.to_string()


def test_a_setting_that_is_set_but_empty_is_the_default(make_build, monkeypatch, tmp_path):
    for name in EMPTY:
        monkeypatch.setenv(name, "")
    assert make_build()[0] == nightly.PUBLISHED
    settings = duckdb_settings(tmp_path)
    assert (settings["memory_limit"], settings["threads"]) == ("4GB", "2")
    duckdb.connect(config=settings).close()


@pytest.mark.parametrize(("given", "expected"), [("", ("4GB", 2, 2)), ("3", ("3", 3, 3))])
def test_dbt_takes_what_is_empty_for_the_default_too(given, expected):
    """The same as in duckdb_settings."""
    environment = NativeEnvironment()
    environment.filters["as_number"] = int
    target = yaml.safe_load((ROOT / "profiles.yml").read_text())["tenure"]["outputs"]["private"]

    def rendered(text):
        found = environment.from_string(text).render(
            env_var=lambda name, default: given if name in EMPTY else default
        )
        return str(found) if text.find("as_number") < 0 else found

    options = target["config_options"]
    assert (
        rendered(options["memory_limit"]),
        rendered(options["threads"]),
        rendered(target["threads"]),
    ) == expected
