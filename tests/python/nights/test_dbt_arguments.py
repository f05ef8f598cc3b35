import json
from pathlib import Path

from orchestration.paths import ROOT
from orchestration.warehouse.arguments import (
    build_arguments,
    parse_arguments,
    semantic_arguments,
)

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
