import pytest
import yaml

from orchestration.paths import ROOT
from orchestration.settings.variables import (
    RULES,
    RefusedVariablesError,
    project_defaults,
    read_variables,
    validate,
)


def test_every_var_of_the_project_has_a_rule_and_the_other_way_round():
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text())
    assert set(project["vars"]) == set(RULES)


def test_the_values_in_the_project_are_allowed():
    assert project_defaults()["as_of_date"] == ""


@pytest.mark.parametrize("text", ["", "{}", "  "])
def test_no_vars(text):
    assert read_variables(text) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{as_of_date: 1997-10-01}", {"as_of_date": "1997-10-01"}),
        ("{as_of_date: '1997-10-01'}", {"as_of_date": "1997-10-01"}),
        ("as_of_date: 2024-02-29", {"as_of_date": "2024-02-29"}),
        ("{as_of_date: }", {"as_of_date": ""}),
        ("{reporting_timezone: America/New_York}", {"reporting_timezone": "America/New_York"}),
        ("{reporting_currency: EUR}", {"reporting_currency": "EUR"}),
        ("{order_lapse_days: 1}", {"order_lapse_days": 1}),
        ("{reactivation_gap_days: 0}", {"reactivation_gap_days": 0}),
        ("{segments: [country, device]}", {"segments": ["country", "device"]}),
        ("{switch_gap_hours: 0}", {"switch_gap_hours": 0}),
        ("{switch_gap_hours: 168}", {"switch_gap_hours": 168}),
        ("{date_only_ends: last_day_of_service}", {"date_only_ends": "last_day_of_service"}),
        ("{gross_margin: 1}", {"gross_margin": 1}),
        ("{gross_margin: 0.35}", {"gross_margin": 0.35}),
        ("{churn_dated_on: cancel_request}", {"churn_dated_on": "cancel_request"}),
        ('{"past_due_pays": false}', {"past_due_pays": False}),
        ("{merges_apply: to_all_history}", {"merges_apply": "to_all_history"}),
        ("{merges_apply: from_the_merge_on}", {"merges_apply": "from_the_merge_on"}),
    ],
)
def test_allowed(text, expected):
    assert read_variables(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{as_of_date: 1997-02-30}",
        "{as_of_date: 1997-10-01 12:00:00}",
        "{as_of_date: 19971001}",
        "{as_of_date: '19971001'}",
        "{as_of_date: yesterday}",
        '{as_of_date: "2024-01-01\' or true --"}',
        "{segments: [country, country]}",
        "{switch_gap_hours: 169}",
        "{switch_gap_hours: -1}",
        "{date_only_ends: sometimes}",
        "{merges_apply: from_today_on}",
        "{reporting_timezone: Mars/Olympus}",
        "{reporting_timezone: ../../etc/passwd}",
        "{reporting_timezone: [UTC]}",
        "{reporting_currency: usd}",
        "{reporting_currency: US1}",
        '{reporting_currency: "US\'"}',
        "{order_lapse_days: 0}",
        "{order_lapse_days: 1.5}",
        "{order_lapse_days: true}",
        "{order_lapse_days: '90'}",
        "{reactivation_gap_days: -1}",
        "{gross_margin: 1.01}",
        "{gross_margin: .nan}",
        "{gross_margin: true}",
        "{churn_dated_on: never}",
        "{past_due_pays: 1}",
        "{past_due_pays: 'false'}",
        "{past_due_pays: }",
    ],
)
def test_refused_with_what_is_allowed(text):
    with pytest.raises(RefusedVariablesError, match=r"is not allowed; give .+"):
        read_variables(text)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(
        RefusedVariablesError,
        match=r"asof: unknown; the vars are annual_discount_rate, as_of_date, ",
    ):
        read_variables("{asof: 2024-01-01}")


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(RefusedVariablesError) as refused:
        validate({"gross_margin": 7, "nonsense": 1, "past_due_pays": True})
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["as_of_date", "[1, 2]", "{", "'", "a: b: c"])
def test_what_is_no_mapping_is_refused(text):
    with pytest.raises(RefusedVariablesError, match="not a YAML mapping"):
        read_variables(text)


def test_a_bad_value_that_someone_wrote_into_the_project_file_is_refused(tmp_path):
    file = tmp_path / "dbt_project.yml"
    file.write_text("vars:\n  order_lapse_days: ninety\n")
    with pytest.raises(RefusedVariablesError, match="order_lapse_days: 'ninety'"):
        project_defaults(file)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("{at_risk_days: 91}", ["at_risk_days: 91 is more than order_lapse_days, which is 90"]),
        (
            "{new_customer_days: 61}",
            ["new_customer_days: 61 is more than at_risk_days, which is 60"],
        ),
        ("{lost_days: 89}", ["lost_days: 89 is less than order_lapse_days, which is 90"]),
        (
            "{order_lapse_days: 20, at_risk_days: 30, new_customer_days: 40}",
            [
                "new_customer_days: 40 is more than at_risk_days, which is 30",
                "at_risk_days: 30 is more than order_lapse_days, which is 20",
            ],
        ),
    ],
)
def test_limits_of_stages_that_contradict_another_limit_are_refused_by_name(text, reasons):
    with pytest.raises(RefusedVariablesError) as refused:
        read_variables(text)
    assert str(refused.value).splitlines() == [f"{reason}; give both" for reason in reasons]


@pytest.mark.parametrize(
    "text",
    [
        # Who sets this one alone means retention. A default yields, and nobody is at risk.
        "{order_lapse_days: 20}",
        "{order_lapse_days: 400}",
        "{order_lapse_days: 120, at_risk_days: 120, new_customer_days: 120, lost_days: 120}",
        "{at_risk_days: 20}",
    ],
)
def test_a_default_limit_of_stages_yields(text):
    assert read_variables(text) == yaml.safe_load(text)
