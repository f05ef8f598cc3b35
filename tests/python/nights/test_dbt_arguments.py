import json
from pathlib import Path

from orchestration import paths
from orchestration.paths import ROOT
from orchestration.warehouse.arguments import (
    build_arguments,
    parse_arguments,
    semantic_arguments,
)
from orchestration.warehouse.manifest import left_out_tests
from orchestration.warehouse.process import dbt_events

TARGET, LOGS = Path("/x/target"), Path("/x/logs")


def value_after(arguments, flag):
    return arguments[arguments.index(flag) + 1]


def test_the_night_builds_everything_but_unit_tests():
    arguments = build_arguments({}, TARGET, LOGS)
    assert arguments[0] == "build"
    assert value_after(arguments, "--exclude-resource-type") == "unit_test"
    assert "--select" not in arguments


def test_dbt_writes_where_it_is_told_to():
    arguments = build_arguments({}, TARGET, LOGS)
    assert value_after(arguments, "--target-path") == "/x/target"
    assert value_after(arguments, "--log-path") == "/x/logs"
    assert value_after(arguments, "--project-dir") == str(ROOT)


def test_vars_are_one_argument_of_json():
    variables = {"as_of_date": "1997-10-01", "past_due_pays": False}
    assert json.loads(value_after(build_arguments(variables, TARGET, LOGS), "--vars")) == variables


def test_without_vars_dbt_need_not_parse_again():
    assert "--vars" not in build_arguments({}, TARGET, LOGS)


def test_parsing_writes_into_its_own_folder():
    arguments = parse_arguments(TARGET)
    assert arguments[0] == "parse"
    assert value_after(arguments, "--target-path") == "/x/target"
    assert value_after(arguments, "--log-path") == "/x/target"


def test_metrics_are_those_of_the_published_file_with_its_vars():
    variables = {"gross_margin": 0.5, "segments": ["country"]}
    arguments = semantic_arguments(variables, TARGET)
    assert arguments[0] == "parse"
    assert value_after(arguments, "--target") == "served"
    assert json.loads(value_after(arguments, "--vars")) == variables
    assert value_after(arguments, "--target-path") == "/x/target"


def test_options_that_a_person_has_set_for_dbt_do_not_reach_the_night(monkeypatch, tmp_path):
    child = tmp_path / "child_that_says_what_it_got.py"
    child.write_text(
        "import json, os\n"
        "info = {'name': 'x', 'level': 'info', 'msg': 'x'}\n"
        "print(json.dumps({'info': info, 'data': dict(os.environ)}))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(
        "orchestration.warehouse.process._CHILDREN", {"duckdb": child.stem, "spark": child.stem}
    )
    for name in (
        *("DBT_RESOURCE_TYPES", "DBT_EXCLUDE_RESOURCE_TYPES", "DBT_ENGINE_RESOURCE_TYPES"),
        *("DBT_INDIRECT_SELECTION", "DBT_EMPTY", "DBT_SAMPLE", "DBT_DEFER", "DBT_FAIL_FAST"),
        *("DBT_STORE_FAILURES", "DBT_WARN_ERROR", "DBT_WRITE_JSON", "DBT_PROFILE"),
        *("DBT_ENV_SECRET_KEY", "DBT_SEND_ANONYMOUS_USAGE_STATS"),
    ):
        monkeypatch.setenv(name, "of a person")
    [event] = dbt_events([])
    got = {name: value for name, value in event["data"].items() if name.startswith("DBT_")}
    assert got == {"DBT_ENV_SECRET_KEY": "of a person", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    assert event["data"]["TENURE_HOME"] == str(paths.home())


def test_a_data_test_without_a_result_is_named():
    def node(kind, enabled=True):
        return {"resource_type": kind, "name": f"the {kind}", "config": {"enabled": enabled}}

    nodes = {"model.a": node("model"), "test.a": node("test"), "test.b": node("test")}
    manifest = {"nodes": {**nodes, "test.off": node("test", enabled=False)}}
    assert left_out_tests(manifest, [{"unique_id": "test.a"}, {"unique_id": "test.b"}]) == []
    assert left_out_tests(manifest, [{"unique_id": "test.a"}]) == ["the test"]
