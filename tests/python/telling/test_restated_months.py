"""How far closed months may move: the check, the line that readers get, and the way through."""

import copy
from datetime import date

import duckdb
import pytest

from orchestration.guarding.restatements import (
    accept,
    blocking_failures,
    evaluate_limits,
    summary,
)
from orchestration.restating.ledger import COLUMNS
from orchestration.restating.watched import RefusedRestatementsError, watched_reports

LIMITS = {"warn_above": 0.02, "error_above": 0.5}


def with_setting(manifest, **meta):
    edited = copy.deepcopy(manifest)
    edited["nodes"]["model.tenure.rpt_mrr"]["config"]["meta"] |= meta
    return edited


def results(manifest, tmp_path, share, cause="late", limits=LIMITS):
    """The results of a ledger in which MRR of September moved by this share."""
    ledger = tmp_path / "ledger.duckdb"
    ledger.unlink(missing_ok=True)
    with duckdb.connect(str(ledger)) as connection:
        typed = ", ".join(f"{name} {type_}" for name, (type_, _) in COLUMNS.items())
        connection.execute(f"create table restatements ({typed})")
        connection.execute(
            "create table moved_shares (report varchar, measure varchar, period_grain varchar,"
            " period_start date, moved decimal(38, 10), share double)"
        )
        if share:
            connection.execute(
                "insert into restatements (schema_name, table_name, cause)"
                " values ('churn', 'rpt_mrr', ?)",
                [cause],
            )
            connection.execute(
                "insert into moved_shares values ('churn.rpt_mrr', 'new_mrr', 'month', ?, 12.5, ?)",
                [date(2025, 9, 1), share],
            )
    reports = watched_reports(with_setting(manifest, restatement_limit=limits))
    return evaluate_limits(reports, ledger)


def of_mrr(found):
    [result] = [result for result in found if result.report == "churn.rpt_mrr"]
    return result


@pytest.mark.parametrize(
    "share, severity",
    [(0, None), (0.02, None), (0.021, "warn"), (0.5, "warn"), (0.51, "error")],
)
def test_a_month_beyond_a_limit_warns_or_blocks(manifest, tmp_path, share, severity):
    found = results(manifest, tmp_path, share)
    assert of_mrr(found).severity == severity
    assert bool(blocking_failures(found)) == (severity == "error")
    assert {result.severity for result in found if result.report != "churn.rpt_mrr"} == {None}


def test_a_report_without_a_limit_never_warns(manifest, tmp_path):
    found = results(manifest, tmp_path, 0.9, limits="off")
    assert of_mrr(found).severity is None and summary(found) is None


def test_readers_get_one_line(manifest, tmp_path):
    assert summary(results(manifest, tmp_path, 0.01)) is None
    assert summary(results(manifest, tmp_path, 0.1)) == (
        "Restated: churn.rpt_mrr: new_mrr of the month from 2025-09-01 moved by 12.50, 10.0% of"
        " what was published (late); the limit is 2.0%. See meta.restatements"
    )


def test_a_blocked_build_says_how_to_let_it_through_once(manifest, tmp_path, monkeypatch):
    found = results(manifest, tmp_path, 0.9)
    [failure] = blocking_failures(found)
    assert "make build RESTATEMENT_REASON='...'" in failure.message
    assert "new_mrr of the month from 2025-09-01" in failure.message
    monkeypatch.setenv("TENURE_ENGINE", "spark")
    [failure] = blocking_failures(found)
    assert "make spark RESTATEMENT_REASON='...'" in failure.message
    accepted = accept(found, "the till was off")
    assert blocking_failures(accepted) == []
    assert of_mrr(accepted).severity == "warn"
    assert of_mrr(accepted).message.endswith("accepted: the till was off")


@pytest.mark.parametrize(
    "meta, words",
    [
        ({"restatement_limit": {"warn_over": 0.1}}, "warn_above or error_above or both"),
        ({"restatement_limit": {"warn_above": "much"}}, "warn_above or error_above or both"),
        ({"restated_by": ["order"]}, "a list of orders, refunds, subscriptions"),
        ({"restated_limit": "off"}, "unknown; the settings are restated_by, restatement_limit"),
    ],
)
def test_a_setting_that_is_not_allowed_is_refused_by_name(manifest, meta, words):
    with pytest.raises(RefusedRestatementsError, match=r"^rpt_mrr: ") as refused:
        watched_reports(with_setting(manifest, **meta))
    assert words in str(refused.value)


@pytest.mark.parametrize("meta", [{"watched": ""}, {"watched": 1}, {"noise_floor": 0}])
def test_a_setting_of_a_column_is_refused_too(manifest, meta):
    edited = copy.deepcopy(manifest)
    edited["nodes"]["model.tenure.rpt_mrr"]["columns"]["nrr"]["config"]["meta"] |= meta
    with pytest.raises(RefusedRestatementsError, match=r"^rpt_mrr\.nrr: "):
        watched_reports(edited)


def test_about_thirty_measures_of_seven_reports_are_watched(manifest):
    reports = watched_reports(manifest)
    assert len(reports) == 7
    assert sum(len(report.measures) for report in reports) == 34
    # A month, a cohort or nothing: what a row without a period is compared by must be known.
    assert [report.name for report in reports if report.period == "null"] == [
        "clv.rpt_clv_calibration"
    ]
