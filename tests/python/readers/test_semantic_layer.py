"""MetricFlow answers every metric with the number of the marts, to the digit.

`make metrics` sets MetricFlow up in a fresh .venv, and its own command asks the published file.
Each expected number is one SQL statement over the marts: it gives a month, a member of the split,
and the value. Decimals and counts must be equal, and rates equal to the last bit. Only where a
report rounds to the cent, the answer is rounded in the same way first.
"""

import csv
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, SAMPLE, run_build

pytestmark = pytest.mark.torture

# Where the published number stands: a column of a report that is split by segment and month.
OF_RPT_MRR = {
    "mrr": "closing_mrr",
    "arr": "arr",
    "paying_customers": "customers_at_end",
    "arpa": "arpa",
    "mrr_at_risk": "opening_mrr",
    "payers_at_risk": "customers_at_start",
    "new_mrr": "new_mrr",
    "reactivation_mrr": "reactivation_mrr",
    "expansion_mrr": "expansion_mrr",
    "contraction_mrr": "contraction_mrr",
    "churned_mrr": "churned_mrr",
    "churned_customers": "churned_customers",
    "net_new_mrr": "closing_mrr - opening_mrr",
    "nrr": "nrr",
    "grr": "grr",
    "quick_ratio": "quick_ratio",
    "revenue_churn_rate": "revenue_churn_rate",
    "logo_churn_rate": "logo_churn_rate",
}
OF_RPT_MRR_IN_TOTAL = {
    "committed_mrr": "committed_mrr",
    "nrr_trailing_12m": "nrr_trailing_12m",
    "grr_trailing_12m": "grr_trailing_12m",
}
OF_RPT_CLV_BY_COHORT = {
    "new_customers": "customers",
    "lifetime_value": "{value}",
    "unscored_customers": "unscored_customers",
    "clv": "clv_per_customer",
}
OF_SPEND = {
    "marketing_spend": "marketing_spend",
    "acquired_customers": "customers",
    "acquired_unscored": "unscored_customers",
    "acquired_value": "{value}",
    "cac": "cac",
    "clv_to_cac": "clv_to_cac",
}
VALUE = "(historic_net_revenue + historic_recurring_revenue) * {margin} + predicted_clv"
OF_RPT_RETENTION_RATES = {
    "active_customers": "customers_at_end",
    "customers_at_risk": "customers_at_start",
    "lost_customers": "lost_customers",
    "customer_churn_rate": "churn_rate",
}
OF_RPT_ORDER_COHORTS = {
    "orders": "sum(orders)",
    "buyers": "sum(active_customers)",
    "purchase_frequency": "sum(orders)::double / nullif(sum(active_customers), 0)::double",
}
OF_FCT_ORDERS = {
    "order_revenue": "sum(net_amount)",
    "purchase_revenue": "sum(net_amount) filter (order_number is not null)",
    "average_order_value": (
        "sum(net_amount) filter (order_number is not null)::double"
        " / nullif(count(order_number), 0)::double"
    ),
}
WHOLE_CENTS = {"arpa", "clv", "cac"}
# Where nobody was, a rate is NULL, and a report leaves the row out or has NULL.
RATES = {
    *("arpa", "nrr", "grr", "quick_ratio", "revenue_churn_rate", "logo_churn_rate"),
    *("customer_churn_rate", "repeat_rate", "purchase_frequency", "average_order_value"),
    *("clv", "cac", "clv_to_cac"),
}


def reports(member: str, margin: float = 0.7) -> dict[str, str]:
    """A statement (month, member, value) per metric, of the segment `member` or of 'all'.

    Orders and fct_customer_months have no segments, so these join dim_customers.
    """
    of_segment = f"segment_name = '{member}'"
    joined = "left join core.dim_customers using (customer_id)"
    attribute = "'all'" if member == "all" else member
    value = VALUE.format(margin=margin)
    complete = "core.dim_dates on date_day = order_date and is_month_complete"
    statements = {
        metric: f"select month, segment_value, {column} from churn.rpt_mrr"
        f" where {of_segment} and is_complete"
        for metric, column in OF_RPT_MRR.items()
    }
    statements |= {
        metric: f"select cohort_start, segment_value, {column.format(value=value)}"
        f" from clv.rpt_clv_by_cohort where {of_segment} and period_grain = 'month' and is_complete"
        for metric, column in OF_RPT_CLV_BY_COHORT.items()
    }
    statements |= {
        metric: f"select period_start, segment_value, {column} from cohorts.rpt_order_cohorts"
        f" where {of_segment} and period_grain = 'month' and is_complete group by all"
        for metric, column in OF_RPT_ORDER_COHORTS.items()
    }
    statements |= {
        metric: f"select month_start, {attribute}, {column}"
        f" from core.fct_orders join {complete} {joined} group by all"
        for metric, column in OF_FCT_ORDERS.items()
    }
    statements["net_revenue"] = (
        f"select month, {attribute}, sum(net_revenue) from core.fct_customer_months {joined}"
        " where is_complete group by all"
    )
    statements["repeat_rate"] = (
        "select cohort_start, segment_value, repeat_rate from cohorts.rpt_repeat_purchase"
        f" where {of_segment} and period_grain = 'month' and is_complete"
    )
    if member in ("all", "acquisition_channel"):
        statements |= {
            metric: f"select cohort_start, segment_value, {column.format(value=value)}"
            f" from clv.rpt_clv_by_cohort"
            f" where {of_segment} and period_grain = 'month' and is_complete"
            for metric, column in OF_SPEND.items()
        }
    if member == "all":
        statements |= {
            metric: f"select month, segment_value, {column} from churn.rpt_mrr"
            f" where {of_segment} and is_complete"
            for metric, column in OF_RPT_MRR_IN_TOTAL.items()
        }
        statements |= {
            metric: f"select period_start, segment_value, {column} from churn.rpt_retention_rates"
            f" where {of_segment} and period_grain = 'month' and basis = 'any' and is_complete"
            for metric, column in OF_RPT_RETENTION_RATES.items()
        }
    return statements


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MetricFlow's command, in a .venv that only `make metrics` has filled."""
    venv = tmp_path_factory.mktemp("metrics") / "venv"
    made = make("metrics", f"VENV={venv}", f"PYTHON={sys.executable}")
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout.count("/bin/mf query ") == 2
    return venv / "bin" / "mf"


def make(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True)


def run(command: Path, home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess:
    """Run MetricFlow from a folder that is none of ours."""
    return subprocess.run(
        [command, *arguments],
        cwd=command.parent,
        env={**os.environ, "TENURE_HOME": str(home), **more},
        capture_output=True,
        text=True,
    )


def ask(command: Path, home: Path, file: Path, metrics: list[str], *split: str) -> dict:
    """The answers by (metric, month, member), as texts; '' is NULL."""
    by = ["metric_time__month", *split]
    asked = run(
        *(command, home, "query", "--quiet", "--csv", str(file)),
        *("--metrics", ",".join(metrics), "--group-by", ",".join(by)),
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {
        (metric, row["metric_time__month"][:10], row[split[0]] if split else "all"): row[metric]
        for row in rows
        for metric in metrics
    }


def published(home: Path, statements: dict[str, str]) -> dict:
    """The published numbers by (metric, month, member)."""
    file = home / "serve/current/tenure.duckdb"
    with duckdb.connect(file, read_only=True) as connection:
        return {
            (metric, str(month)[:10], member): value
            for metric, statement in statements.items()
            for month, member, value in connection.execute(statement).fetchall()
        }


def differences(answers: dict, numbers: dict) -> list[tuple]:
    """The keys with another answer than the published number."""
    return [
        (key, answers.get(key), numbers.get(key))
        for key in sorted(answers.keys() | numbers.keys(), key=str)
        if not is_same(key[0], answers.get(key) or None, numbers.get(key))
    ]


def is_same(metric: str, answer: str | None, number: Decimal | float | int | None) -> bool:
    if answer is None or number is None:
        # A count or an amount of a month without rows is 0 here, and missing or NULL there.
        empty = answer if number is None else number
        return empty is None or (metric not in RATES and Decimal(empty) == 0)
    if metric in WHOLE_CENTS:
        exact = Decimal(answer).quantize(Decimal("1e-8"), ROUND_HALF_UP)
        return exact.quantize(Decimal("0.01"), ROUND_HALF_UP) == number
    if isinstance(number, float):
        return float(answer) == number
    return Decimal(answer) == number


def complete_months(home: Path) -> list[str]:
    numbers = published(home, {"mrr": reports("all")["mrr"]})
    return sorted(month for _, month, _ in numbers)


@pytest.fixture(scope="module")
def answers(build, built_home, command, tmp_path_factory) -> dict:
    """Each metric by month, asked alone: a metric beside it could fill its gaps."""
    folder = tmp_path_factory.mktemp("answers")

    def of(metric: str) -> dict:
        return ask(command, built_home, folder / f"{metric}.csv", [metric])

    metrics = list(reports("all"))
    of(metrics[0])  # parses the project, once for all
    with ThreadPoolExecutor(2) as pool:
        return {key: value for found in pool.map(of, metrics) for key, value in found.items()}


def test_every_metric_is_compared(manifest):
    assert reports("all").keys() == {metric["name"] for metric in manifest["metrics"].values()}


@pytest.mark.parametrize("metric", reports("all"))
def test_the_last_twelve_months_are_those_of_the_marts(answers, built_home, metric):
    year = complete_months(built_home)[-12:]
    assert len(year) == 12
    found = {key: value for key, value in answers.items() if key[0] == metric and key[1] >= year[0]}
    numbers = published(built_home, {metric: reports("all")[metric]})
    assert {month for _, month, _ in found} == set(year)
    assert not differences(found, {key: numbers[key] for key in numbers if key[1] >= year[0]})


def test_all_months_are_those_of_the_marts(answers, built_home):
    numbers = published(built_home, reports("all"))
    assert len(numbers) > 1000
    assert not differences(answers, numbers)


@pytest.mark.parametrize(
    "dimension, member",
    [
        ("customer__country", "country"),
        ("customer__acquisition_channel", "acquisition_channel"),
        ("customer__first_plan_id", "first_plan_id"),
        ("customer__first_billing_interval", "first_billing_interval"),
        ("customer__first_order_value_band", "first_order_value_band"),
        ("acquisition__channel", "acquisition_channel"),
    ],
)
def test_a_split_is_that_of_the_marts(build, built_home, command, tmp_path, dimension, member):
    statements = {
        metric: statement
        for metric, statement in reports(member).items()
        if (metric in OF_SPEND) == (dimension == "acquisition__channel")
    }
    found = ask(command, built_home, tmp_path / "split.csv", list(statements), dimension)
    # Guests have no customer. The reports know no guests.
    found = {key: value for key, value in found.items() if key[2] or value not in ("", "0")}
    numbers = published(built_home, statements)
    numbers = {(*key[:2], key[2] or ""): number for key, number in numbers.items()}
    assert len(numbers) > 500
    assert not differences(found, numbers)


def test_a_longer_period_has_the_stock_of_its_last_month(built_home, answers, command, tmp_path):
    asked = run(
        *(command, built_home, "query", "--quiet", "--csv", str(tmp_path / "quarters.csv")),
        *("--metrics", "mrr,paying_customers,active_customers,new_mrr"),
        *("--group-by", "metric_time__quarter"),
        *("--where", "{{ Dimension('calendar__is_quarter_complete') }}"),
    )
    assert asked.returncode == 0, asked.stdout
    with (tmp_path / "quarters.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    months = complete_months(built_home)
    assert len(rows) == len([month for month in months if month[5:7] in ("03", "06", "09", "12")])
    for row in rows:
        year, month = row["metric_time__quarter"][:4], int(row["metric_time__quarter"][5:7])
        quarter = [f"{year}-{month + step:02}-01" for step in range(3)]
        for metric in ("mrr", "paying_customers", "active_customers"):
            assert row[metric] == answers[metric, quarter[-1], "all"]
        new = [Decimal(answers.get(("new_mrr", month, "all"), 0)) for month in quarter]
        assert Decimal(row["new_mrr"]) == sum(new)


def test_the_vars_of_the_published_build_hold(command, tmp_path):
    """Margin, reactivation and segments are choices of the build, not of the one who asks."""
    home = tmp_path / "home"
    choices = {
        "gross_margin": 0.5,
        "nrr_includes_reactivation": True,
        "segments": ["country"],
    }
    built = run_build(SAMPLE, home, choices)
    assert built.returncode == 0, built.stdout + built.stderr
    statements = reports("all", margin=0.5)
    metrics = ["nrr", "lifetime_value", "clv", *OF_SPEND]
    found = ask(command, home, tmp_path / "vars.csv", metrics)
    numbers = published(home, {metric: statements[metric] for metric in metrics})
    assert not differences(found, numbers)


def test_months_in_which_nobody_pays(command, tmp_path):
    """One subscriber pays in January and from May on. Nothing happens in March and April."""
    folder = tmp_path / "raw" / "subscriptions"
    folder.mkdir(parents=True)
    (folder / "all.csv").write_text(
        "subscription_id,customer_id,started_at,amount,billing_interval,ended_at,updated_at\n"
        "s1,ada,2025-01-10,10,month,2025-02-10,2025-02-10\n"
        "s2,ada,2025-05-10,20,month,,2025-07-20\n",
        encoding="utf-8",
    )
    home = tmp_path / "home"
    built = run_build(tmp_path / "raw", home)
    assert built.returncode == 0, built.stdout + built.stderr
    metrics = ["mrr", "new_mrr", "nrr", "logo_churn_rate"]
    found = ask(command, home, tmp_path / "gap.csv", metrics)
    by_month = {
        month: [
            float(value) if (value := found[metric, month, "all"]) else None for metric in metrics
        ]
        for _, month, _ in sorted(found)
    }
    # docs/semantic-layer.md says so: a stock is missing where no customer has a row.
    assert by_month == {
        "2025-01-01": [10, 10, None, None],
        "2025-02-01": [0, 0, 0, 1],
        "2025-03-01": [None, 0, None, None],
        "2025-05-01": [20, 0, None, None],
        "2025-06-01": [20, 0, 1, 0],
    }


# What a program opens and whom it asks, told by Python itself.
WATCHED = """
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("asked", arguments, file=sys.stderr)
    if event == "open" and "update_checker_cache" in str(arguments[0]):
        print("opened", arguments, file=sys.stderr)

sys.addaudithook(watch)
from orchestration.metrics import main
main()
"""


def test_a_reader_asks_nobody_and_is_not_in_the_way(build, built_home, command, tmp_path):
    """MetricFlow's own command asks the package index, and keeps a file in the common /tmp.

    Here a build has the private warehouse: nobody else can open it.
    """
    warehouse = duckdb.connect(built_home / "build/warehouse.duckdb")
    asked = subprocess.run(
        [command.with_name("python"), "-c", WATCHED, "query", "--metrics", "mrr", "--quiet"],
        cwd=tmp_path,
        env={**os.environ, "TENURE_HOME": str(built_home)},
        capture_output=True,
        text=True,
    )
    warehouse.close()
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert not [line for line in asked.stderr.splitlines() if line.startswith(("asked", "opened"))]


def test_a_reader_can_change_nothing(build, built_home, command):
    """Neither through a filter, in which SQL is free, nor in any other way that dbt knows."""
    env = {**os.environ, "TENURE_HOME": str(built_home), "DBT_TARGET_PATH": str(built_home / "t")}
    for statement, refusal in [
        ("create table core.mine as select 1", "read-only mode"),
        ("select * from read_text('/etc/hostname')", "file system operations are disabled"),
        ("set enable_external_access = true", "configuration has been locked"),
    ]:
        shown = subprocess.run(
            [
                *(command.with_name("dbt"), "run-operation", "run_query", "--target", "served"),
                *(
                    "--args",
                    f'{{sql: "{statement}"}}',
                    "--project-dir",
                    ROOT,
                    "--profiles-dir",
                    ROOT,
                ),
            ],
            env=env,
            capture_output=True,
            text=True,
        )
        assert shown.returncode != 0
        assert refusal in shown.stdout


def test_a_refusal_says_what_helps(command, tmp_path):
    refused = run(command, tmp_path, "query", "--metrics", "mrr")
    assert refused.returncode == 1
    assert refused.stderr == f"Nothing is published in {tmp_path}/serve. Run: make build\n"
    assert not list(tmp_path.iterdir())
