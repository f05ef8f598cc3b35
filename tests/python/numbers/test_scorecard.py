"""The scorecard of the sample, a second time in plain Python from the reports that it names."""

import csv
from datetime import date, timedelta

from conftest import ROOT

# KPI: its report, the report's first day of the period, and the ends of the interval.
REPORTS = {
    "retention_rate": (
        *("churn.rpt_retention_rates", "period_start"),
        *("retention_ci_low", "retention_ci_high"),
    ),
    "monthly_equivalent_churn_rate": (
        *("churn.rpt_retention_rates", "period_start"),
        *("monthly_equivalent_ci_low", "monthly_equivalent_ci_high"),
    ),
    "net_revenue_churn_rate": ("churn.rpt_mrr", "month"),
    "nrr_trailing_12m": ("churn.rpt_mrr", "month"),
    "grr_trailing_12m": ("churn.rpt_mrr", "month"),
    "repeat_rate_90d": (
        *("cohorts.rpt_repeat_purchase", "cohort_start"),
        *("repeat_ci_low_90d", "repeat_ci_high_90d"),
    ),
    "purchase_frequency": ("cohorts.rpt_repeat_purchase", "cohort_start"),
    "average_order_value": ("cohorts.rpt_repeat_purchase", "cohort_start"),
    "top_decile_spend_multiple": ("cohorts.rpt_repeat_purchase", "cohort_start"),
    "reached_rate_7d": (
        *("journey.rpt_onboarding", "cohort_start"),
        *("reached_ci_low_7d", "reached_ci_high_7d"),
    ),
    "clv_per_customer": ("clv.rpt_clv_by_cohort", "cohort_start"),
    "clv_to_cac": ("clv.rpt_clv_by_cohort", "cohort_start"),
    "payback_months": ("clv.rpt_clv_by_cohort", "cohort_start"),
    "nps": ("plays.rpt_feedback", "period_start", "nps_ci_low", "nps_ci_high"),
    "median_first_response_hours": ("plays.rpt_support", "period_start"),
    "win_back_lift": ("plays.rpt_play_results", "month", "lift_ci_low", "lift_ci_high"),
}
# The rows of a report that are of the KPI, where the report has more.
OF_THE_KPI = {"milestone": "any", "channel": "all", "play_id": "win_back_buyers"}
# The column of a KPI, where it has another name.
COLUMNS = {"win_back_lift": "lift"}
UNITS = {
    "purchase_frequency": "orders",
    "average_order_value": "amount",
    "clv_per_customer": "amount",
    "top_decile_spend_multiple": "times",
    "clv_to_cac": "times",
    "payback_months": "months",
    "nps": "points",
    "median_first_response_hours": "hours",
    "win_back_lift": "difference",
}
# Values of younger cohorts are less for want of time.
GROWS_WITH_AGE = ("clv_per_customer", "clv_to_cac")
# Of fewer answers, tickets or customers in an arm nothing is concluded.
ENOUGH = 10
TOTAL = ("all", "all")
# What this module notes of a row beside its columns.
OWN_FACTS = ("is_missing", "is_unsure", "is_small")


def records(connection, query):
    """The rows of a query, each as a dict."""
    cursor = connection.execute(query)
    names = [name for name, *_ in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def months_earlier(day, months):
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def number(text):
    return float(text) if text else None


class Scorecard:
    """What journey.rpt_scorecard must say, from the other tables of the same file.

    The seed's rows are by month, or of all time.
    """

    def __init__(self, connection):
        names = {report for report, *_ in REPORTS.values()}
        self.reports = {name: records(connection, f"from {name}") for name in names}
        [(self.last_day,)] = connection.execute(
            "select max(date_day) from core.dim_dates"
        ).fetchall()
        self.months = [
            day
            for (day,) in connection.execute(
                "select distinct month_start from core.dim_dates order by 1"
            ).fetchall()
        ]

    def rows(self):
        """Each row of the scorecard by its key."""
        with (ROOT / "seeds/kpi_targets.csv").open() as file:
            return {
                (wanted["kpi"], wanted["basis"], start, *segment): row
                for wanted in csv.DictReader(file)
                for (start, segment), row in self.rows_of(wanted).items()
            }

    def rows_of(self, wanted):
        """The rows of one KPI, by period and segment."""
        found = self.reported(wanted)
        starts = [None] if wanted["period_grain"] == "all" else self.months
        for start in starts:
            if (start, TOTAL) not in found:
                found[start, TOTAL] = {
                    **{"value": None, "ci_low": None, "ci_high": None, "is_left_truncated": False},
                    "is_complete": start is None or self.has_ended(start),
                    **{"is_missing": True, "is_unsure": False, "is_small": False},
                }
        of_total = [start for start, segment in found if segment == TOTAL and start]
        finished = [start for start in of_total if found[start, TOTAL]["is_complete"]]
        in_report = [start for start in finished if "is_missing" not in found[start, TOTAL]]
        latest = max(in_report or finished, default=None)
        return {
            (start, segment): {
                **{name: fact for name, fact in row.items() if name not in OWN_FACTS},
                "unit": UNITS.get(wanted["kpi"], "share"),
                "target": number(wanted["target"]),
                "direction": wanted["direction"] or None,
                "watch": number(wanted["watch"]),
                "status": self.status(row, number(wanted["target"]), wanted["direction"]),
                "is_latest": start == latest or start is None,
                **self.compared(found, start, segment, wanted["kpi"] in GROWS_WITH_AGE),
            }
            for (start, segment), row in found.items()
        }

    def has_ended(self, month):
        return months_earlier(month, -1) <= self.last_day + timedelta(days=1)

    def reported(self, wanted):
        """What the report has of the KPI, by period and segment."""
        kpi = wanted["kpi"]
        report, start_column, *ends = REPORTS[kpi]
        column = COLUMNS.get(kpi, kpi)
        found = {}
        for row in self.reports[report]:
            if row.get("basis", wanted["basis"]) != wanted["basis"]:
                continue
            if row.get("period_grain", "month") != wanted["period_grain"]:
                continue
            if any(row.get(name, text) != text for name, text in OF_THE_KPI.items()):
                continue
            low, high = (row[end] for end in ends) if ends else (None, None)
            is_complete = row["is_complete_7d" if kpi == "reached_rate_7d" else "is_complete"]
            is_complete = is_complete or wanted["period_grain"] == "all"
            if kpi == "repeat_rate_90d":
                is_complete = is_complete and row["mature_customers_90d"] == row["customers"]
            is_won_for_money = (
                kpi == "payback_months" and row["customers"] and row["marketing_spend"]
            )
            if is_won_for_money and row["marketing_spend"] > 0 and row[kpi] is None:
                age = self.last_day.year * 12 + self.last_day.month
                low = age - row["cohort_start"].year * 12 - row["cohort_start"].month + 1
            segment = row.get("segment_name", "all"), row.get("segment_value", "all")
            found[row[start_column], segment] = {
                "value": None if row[column] is None else float(row[column]),
                "ci_low": low,
                "ci_high": high,
                "is_unsure": bool(ends) and low is None,
                "is_small": (
                    (kpi == "median_first_response_hours" and row["tickets"] < ENOUGH)
                    or (kpi == "nps" and 0 < row["nps_answers"] < ENOUGH)
                    or (kpi == "win_back_lift" and min(row["treated"], row["held_out"]) < ENOUGH)
                ),
                "is_complete": is_complete,
                "is_left_truncated": row.get("is_left_truncated", False),
            }
        return found

    @staticmethod
    def status(row, target, direction):
        """Judge the least and the most that the value may be."""
        if target is None:
            return None
        value, low, high = row["value"], row["ci_low"], row["ci_high"]
        if row["is_small"]:
            return "too_early"
        if value is None and low is None:
            return "no_data"
        if not row["is_complete"] or row["is_left_truncated"] or row["is_unsure"]:
            return "too_early"
        if value is None:
            high = float("inf")
        least, most = (value if end is None else end for end in (low, high))
        worst, best = (least, most) if direction == "at_least" else (-most, -least)
        goal = target if direction == "at_least" else -target
        if worst >= goal:
            return "met"
        return "missed" if best < goal else "too_early"

    @staticmethod
    def compared(found, start, segment, grows_with_age):
        """The values before, and the changes of comparable ones."""

        def is_comparable(row):
            return row["is_complete"] and not row["is_left_truncated"] and row["value"] is not None

        compared = {}
        for months, value_name, change_name in [
            (1, "previous_value", "change_from_previous"),
            (12, "value_a_year_before", "change_in_a_year"),
        ]:
            row, before = found[start, segment], None
            if start is not None:
                before = found.get((months_earlier(start, months), segment))
            compared[value_name] = before and before["value"]
            compared[change_name] = (
                row["value"] - before["value"]
                if before and is_comparable(row) and is_comparable(before) and not grows_with_age
                else None
            )
        return compared


def test_the_scorecard_is_what_the_reports_say(served):
    published = {
        (
            row["kpi"],
            row["basis"],
            row["period_start"],
            row["segment_name"],
            row["segment_value"],
        ): row
        for row in records(served, "from journey.rpt_scorecard")
    }
    expected = Scorecard(served).rows()
    assert published.keys() == expected.keys()
    different = {
        key: (name, published[key][name], fact)
        for key, row in expected.items()
        for name, fact in row.items()
        if published[key][name] != fact
    }
    assert not different


def test_every_status_and_every_unit_is_in_the_sample(served):
    """Else the comparison above would prove less than it seems to."""
    found = served.sql("select distinct status, direction from journey.rpt_scorecard").fetchall()
    statuses = {"met", "missed", "too_early", "no_data"}
    assert {(status, side) for status in statuses for side in ("at_least", "at_most")} <= {*found}
    assert (None, None) in found


def test_the_source_leads_to_the_value(served):
    """A reader who runs the source of a row finds its value there."""
    rows = served.sql(
        "select kpi, source, period_start, value from journey.rpt_scorecard"
        " where segment_name = 'all' and value is not null"
    ).fetchall()
    assert len(rows) > 400
    values = {}
    for kpi, source in {(kpi, source) for kpi, source, *_ in rows}:
        place, _, where = source.partition(" where ")
        table, _, column = place.rpartition(".")
        start = REPORTS[kpi][1]
        values[source] = dict(
            served.execute(
                f"select {start}, {column} from {table} where {where or 'true'}"
                + (" and segment_name = 'all'" if "channel" not in where else "")
            ).fetchall()
        )
    assert not [row for row in rows if float(values[row[1]][row[2]]) != row[3]]
