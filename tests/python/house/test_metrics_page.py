"""docs/metrics.md: a line for each published measure, and every name on the page exists.

A proof must be about its number. The worked example names the column in what it expects, and the
law reads the table and names the column.
"""

import ast
import itertools
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import HISTORY, MARTS, ROOT

PAGE = ROOT / "docs" / "metrics.md"

# Columns that are no measures, by reason. A name without a table holds for every table.
NOT_MEASURES = {
    "an id, a key, or a file": {
        "customer_id",
        "referred_by_customer_id",
        "order_id",
        "spell_id",
        "meta.source_files.table_name",
        "meta.source_files.system",
        "meta.source_files.entity",
        "meta.source_files.file",
        "meta.source_files.sha256",
        "meta.source_files.columns",
    },
    "names the row: its segment, its basis or its scenario": {
        "segment_name",
        "segment_value",
        "basis",
        "scenario",
        "clv.rpt_clv_parameters.trained_on",
        "clv.rpt_clv_parameters.model",
        "clv.rpt_clv_parameters.billing_interval",
        "clv.rpt_clv_parameters.parameter",
        "clv.rpt_clv_calibration.model",
        "clv.rpt_clv_deciles.model",
        "clv.rpt_clv_deciles.decile",
        "side",
        "journey.rpt_stages.stage",
        "journey.rpt_stage_flows.from_stage",
        "journey.rpt_stage_flows.to_stage",
        "play_id",
        "plays.audiences.step",
        "plays.audiences.channel",
        "plays.audiences.offer",
        "plays.rpt_play_contacts.step",
        "plays.rpt_play_balance.measure",
        "plays.fct_play_enrollments.goal",
        "journey.rpt_scorecard.kpi",
        "journey.rpt_scorecard.kpi_name",
        "journey.rpt_scorecard.kpi_number",
        "journey.rpt_scorecard.unit",
        "journey.rpt_scorecard.source",
        "journey.rpt_onboarding.milestone",
        "journey.rpt_onboarding_retention.milestone",
        "journey.rpt_loyalty_tiers.tier",
        "journey.rpt_loyalty_tiers.tier_rank",
        "journey.rpt_loyalty_members.is_member",
        "plays.rpt_support.channel",
        "plays.rpt_support_churn.speed_band",
        "meta.row_outcomes.table_name",
        "meta.row_outcomes.outcome",
        "meta.row_outcomes.reason",
    },
    "names the row: its time": {
        "month",
        "period_grain",
        "period_start",
        "periods_since",
        "cohort_start",
        "cohort_month",
        "cohort_quarter",
        "quarter",
        "months_since",
        "quarters_since",
        "months_since_start",
        "time_unit",
        "duration",
        "enrolled_at",
        "enrolled_on",
        "core.fct_orders.ordered_at",
        "core.fct_orders.order_date",
        "clv.fct_customer_value.acquired_on",
        "clv.fct_customer_value.first_order_date",
        "clv.fct_customer_value.as_of",
    },
    "an attribute of a customer or an order, which splits measures": {
        "acquisition_channel",
        "country",
        "first_plan_id",
        "first_billing_interval",
        "first_order_value_band",
        "core.fct_orders.status",
        "core.fct_orders.channel",
        "core.fct_orders.subscription_id",
        "core.fct_orders.original_currency",
    },
    "a calendar: all its columns name days and periods": {
        "core.dim_dates.date_day",
        "core.dim_dates.week_start",
        "core.dim_dates.month_start",
        "core.dim_dates.quarter_start",
        "core.dim_dates.year_start",
        "core.dim_dates.day_of_week",
        "core.dim_dates.is_week_complete",
        "core.dim_dates.is_month_complete",
        "core.dim_dates.is_quarter_complete",
        "core.dim_dates.is_year_complete",
    },
}

# No law looks at these columns.
WITHOUT_LAW = {
    # Laws trust the calendar. The oracles recompute the flag.
    "core.fct_customer_months.is_complete",
    "cohorts.rpt_order_cohorts.is_complete",
    "cohorts.rpt_order_cohorts.is_rolling_complete",
    "cohorts.rpt_subscription_cohorts.is_complete",
    "cohorts.rpt_subscription_cohorts.is_left_truncated",
    "cohorts.rpt_repeat_purchase.is_complete",
    "churn.rpt_retention_rates.is_complete",
    "churn.rpt_mrr.is_complete",
    "churn.fct_mrr_movements.is_complete",
    "churn.rpt_churn_reasons.is_complete",
    "churn.rpt_trials.is_complete",
    "journey.rpt_stages.is_complete",
    "journey.rpt_stage_flows.is_complete",
    "clv.rpt_clv_by_cohort.is_complete",
    "journey.rpt_onboarding.is_complete_{1d,7d,14d,30d}",
    "journey.rpt_onboarding.is_left_truncated",
    "journey.rpt_referrals.is_complete",
    "journey.rpt_loyalty_tiers.is_complete",
    "journey.rpt_loyalty_tiers.is_left_truncated",
    "journey.rpt_loyalty_members.is_complete",
    "plays.rpt_support.is_complete",
    "churn.rpt_mrr.is_left_truncated",
    "bi.retention_by_month.is_left_truncated",
    "bi.subscription_cohorts_by_month.is_left_truncated",
    # Statistics that no other table adds up to.
    "clv.rpt_clv_deciles.mean_p_alive",
    "plays.rpt_support.mean_transfers",
    # Counts that no other table repeats.
    "journey.rpt_referrals.referrers",
    "churn.rpt_churn_reasons.unmapped_customers",
    "churn.fct_mrr_movements.{quantity_before,quantity_after}",
    "clv.rpt_clv_deciles.buyers",
    "clv.rpt_clv_parameters.customers",
    # Facts of one order, one customer or one spell.
    "core.fct_orders.{discount_amount,tax_amount,shipping_amount}",
    "core.fct_subscription_spells.start_mrr",
    "core.dim_customers.signed_up_on",
    # Classes and labels that rows carry along.
    "churn.rpt_churn_reasons.reason",
    "churn.rpt_churn_reasons.is_voluntary",
    "clv.rpt_clv_calibration.horizon_days",
    "clv.rpt_clv_deciles.is_champion",
    "clv.rpt_clv_parameters.fitted_through",
}

# No second implementation counts these columns.
WITHOUT_ORACLE = {
    # The worth of an audience is made of clv and of survival, which have oracles of their own.
    "plays.audiences.{rank_in_play,expected_worth}",
    "plays.audiences.p_alive",
    "plays.audiences.{predicted_clv,current_mrr}",
    # The oracles begin behind the orders, the customers and the customer months.
    "core.dim_customers.status",
    "core.dim_customers.is_active_orders",
    "core.dim_customers.is_active_subscriptions",
    "core.dim_customers.lifetime_orders",
    "core.dim_customers.{first_order_date,last_order_date,first_paid_on}",
    "core.dim_customers.signed_up_on",
    "core.fct_orders.order_number",
    "core.fct_orders.days_since_previous_order",
    "core.fct_orders.refunded_amount",
    "core.fct_orders.original_amount",
    "core.fct_orders.exchange_rate",
    "core.fct_customer_months.mrr",
    "core.fct_customer_months.is_active_orders",
    "core.fct_customer_months.is_active_subscriptions",
    "core.fct_customer_months.is_complete",
    # Flags, days and the status are handed on from the report.
    "bi.retention_by_month.is_left_truncated",
    "bi.subscription_cohorts_by_month.is_left_truncated",
    "bi.customers.stage",
    "bi.customers.{status,is_active_buyer,is_subscriber,signed_up_on,acquired_on,acquired_month,first_order_date,last_order_date,first_paid_on}",
    # The laws of these columns scan the raw files a second time.
    "meta.source_files.{rows_read,rows_superseded,rows_rejected}",
    "meta.source_files.{rows_part_of,rows_derived}",
    "meta.source_files.{amount_read,amount_accepted,amount_superseded,amount_part_of,amount_rejected}",
    "meta.source_files.latest_event_at",
    "meta.row_outcomes.amount",
}

# Every measure has a worked example.
WITHOUT_TEST = set()

LINK = r"\[([^\]]+)\]\(\.\./([^)]+)\)"


def expand(text):
    """`a_{x,y}_{1,2}` -> a_x_1, a_x_2, a_y_1, a_y_2."""
    parts = [part.split(",") for part in re.split(r"[{}]", text)]
    # The parts outside of braces have no comma.
    return ["".join(choice) for choice in itertools.product(*parts)]


class Line(NamedTuple):
    """A line of the page. The proofs are (name, path) by kind."""

    table: str
    number: str
    definition: str
    check: str
    made: str
    proof: str

    @property
    def columns(self):
        return expand(self.number.removeprefix(f"{self.table}."))

    def proofs(self, kind):
        for entry in self.proof.split("<br>"):
            its_kind, _, what = entry.partition(": ")
            if its_kind == kind and what != "none yet":
                yield re.fullmatch(LINK, what).groups()

    def has_none_yet(self, kind):
        return f"{kind}: none yet" in self.proof.split("<br>")


def read_lines():
    table = None
    for text in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"### (\w+\.\w+)", text):
            table = heading[1]
        elif text.startswith("#"):
            table = None
        elif table and text.startswith("| `"):
            number, *cells = [cell.strip() for cell in text.strip("|").split(" | ")]
            yield Line(table, number.strip("`"), *cells)


LINES = list(read_lines())


@cache
def names_in(path):
    """The functions of a Python file, also `Class.method`, and its classes."""
    names = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}.{inner.name}"
                for inner in node.body
                if isinstance(inner, ast.FunctionDef)
            }
    return names


@cache
def ctes_in(path):
    return set(re.findall(r"^(\w+) as \($", (ROOT / path).read_text(encoding="utf-8"), re.M))


@pytest.fixture(scope="module")
def models(manifest):
    """The models, by path."""
    return {
        node["original_file_path"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


@pytest.fixture(scope="module")
def tables(models):
    """The published tables that dbt makes, by `schema.table`."""
    marts = [node for path, node in models.items() if path.startswith("models/marts/")]
    return {f"{node['schema']}.{node['name']}": node for node in marts}


@pytest.fixture(scope="module")
def laws(manifest):
    """The data tests by name: (ids of the tables, text in which the columns stand)."""
    laws = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test":
            generic = node.get("test_metadata")
            if generic:
                text = " ".join(str(value) for value in generic["kwargs"].values())
                found = generic["name"], {node["attached_node"]}, text
            else:
                text = re.sub(r"\{#.*?#\}", "", node["raw_code"], flags=re.S)
                found = node["name"], set(node["depends_on"]["nodes"]), text
            laws.setdefault(found[0], []).append(found[1:])
    return laws


def is_named(column, text):
    """Whether the text has the column, also as a Jinja loop over horizons: name_{{ days }}d."""
    pattern = re.sub(r"\\?_\d+d$", r"_(\\d+|\\{\\{ \\w+ \\}\\})d", re.escape(column))
    return re.search(rf"\b{pattern}\b", text) is not None


# --- Lines and columns ----------------------------------------------------------------------------


def full_names(tables):
    return {f"{table}.{column}" for table, node in tables.items() for column in node["columns"]}


def test_every_published_measure_has_one_line(tables):
    no_measures = set().union(*NOT_MEASURES.values())
    measures = {
        name
        for name in full_names(tables)
        if name not in no_measures and name.rsplit(".", 1)[1] not in no_measures
    }
    on_page = [f"{line.table}.{column}" for line in LINES for column in line.columns]
    assert sorted(measures - set(on_page)) == [], "no line on the page"
    assert sorted(set(on_page) - measures) == [], "no measure of the manifest"
    assert len(on_page) == len(set(on_page))
    assert not [line.number for line in LINES if not line.number.startswith(f"{line.table}.")]


def test_every_table_is_on_the_page(tables):
    # The publisher writes the tables of HISTORY: they say what was published before.
    assert {*tables} | HISTORY == MARTS
    assert {*tables} - {line.table for line in LINES} == {"core.dim_dates"}


def test_every_column_that_is_no_measure_exists(tables):
    columns = {column for node in tables.values() for column in node["columns"]}
    assert set().union(*NOT_MEASURES.values()) <= columns | full_names(tables)


def test_every_line_has_a_definition_and_a_worked_check():
    assert not [line.number for line in LINES if not line.definition or not line.check]


def test_synonyms_are_published_columns(tables):
    text = PAGE.read_text(encoding="utf-8")
    synonyms = re.findall(r"((?:`\w+`(?:, )?)+) \((\w+\.\w+)\)", text)
    assert len(synonyms) >= 12
    for columns, table in synonyms:
        assert set(re.findall(r"`(\w+)`", columns)) <= set(tables[table]["columns"])


# --- Where a number is made -----------------------------------------------------------------------


def test_the_model_and_the_cte_of_every_number_exist(models):
    wrong = []
    for line in LINES:
        for entry in line.made.split("<br>"):
            link, _, parts = entry.partition(": ")
            name, path = re.fullmatch(LINK, link).groups()
            is_known = path in models or path.startswith("estimation/")
            if not is_known or Path(path).stem != name:
                wrong.append(f"{line.number}: no model {name} in {path}")
                continue
            known = names_in(path) if path.endswith(".py") else {*ctes_in(path), "last select"}
            for part in {part.strip("`") for part in parts.split(", ")} - known:
                wrong.append(f"{line.number}: no {part} in {path}")
    assert not wrong, "\n".join(wrong)


def test_every_link_leads_to_a_file():
    text = PAGE.read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w -]", "", heading).replace(" ", "-").lower()
        for heading in re.findall(r"^#+ (.+)$", text, re.M)
    }
    assert not [
        link
        for link in re.findall(r"\]\(([^)]+)\)", text)
        if link.removeprefix("#") not in anchors and not (PAGE.parent / link).is_file()
    ]


# --- Proofs ---------------------------------------------------------------------------------------


def test_a_worked_example_expects_every_number(manifest):
    tests = {(test["name"], test["model"]): test for test in manifest["unit_tests"].values()}
    wrong = []
    for line in LINES:
        expected = set()
        for name, path in line.proofs("test"):
            model = Path(path).name.removesuffix("__unit_tests.yml")
            test = tests.get((name, model))
            if test is None or test["original_file_path"] != path:
                wrong.append(f"{line.number}: no unit test {name} in {path}")
                continue
            rows = test["expect"]["rows"]
            if isinstance(rows, str):
                expected.update(rows.split("\n", 1)[0].strip().split(","))
            else:
                expected.update(column for row in rows for column in row)
        if not line.has_none_yet("test") and not set(line.columns) <= expected:
            wrong.append(f"{line.number}: its unit tests do not expect it")
    assert not wrong, "\n".join(wrong)


def test_a_law_reads_every_number(tables, laws):
    wrong = []
    for line in LINES:
        node = tables[line.table]
        # A number that is computed from other columns quotes them in its definition.
        parts = set(re.findall(r"`(\w+)`", line.definition)) & set(node["columns"])
        found = False
        for kind, columns, enough in [
            ("law", line.columns, all),
            ("law of the parts", parts, any),
        ]:
            for name, path in line.proofs(kind):
                found = True
                texts = [text for ids, text in laws.get(name, []) if node["unique_id"] in ids]
                if Path(path).stem not in (name, node["name"]) or not texts:
                    wrong.append(f"{line.number}: {name} is no law of {line.table}")
                elif not enough(is_named(column, " ".join(texts)) for column in columns):
                    wrong.append(f"{line.number}: {name} does not name it")
        if found == line.has_none_yet("law"):
            wrong.append(f"{line.number}: neither a law nor none yet, or both")
    assert not wrong, "\n".join(wrong)


def test_the_oracle_of_every_number_exists():
    wrong = []
    for line in LINES:
        oracles = list(line.proofs("oracle"))
        for name, path in oracles:
            module, _, what = name.partition("::")
            is_oracle = path == f"tests/python/numbers/{module}.py" and (ROOT / path).is_file()
            if not is_oracle or what not in names_in(path):
                wrong.append(f"{line.number}: no {name}")
        if bool(oracles) == line.has_none_yet("oracle"):
            wrong.append(f"{line.number}: neither an oracle nor none yet, or both")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "kind, missing",
    [("test", WITHOUT_TEST), ("law", WITHOUT_LAW), ("oracle", WITHOUT_ORACLE)],
)
def test_a_proof_is_missing_only_where_this_file_says_so(kind, missing):
    assert {line.number for line in LINES if line.has_none_yet(kind)} == missing


# --- Sums -----------------------------------------------------------------------------------------

SUM = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.Constant,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Pow,
    ast.USub,
)


def work_out(text):
    tree = ast.parse(text.replace("^", "**"), mode="eval")
    assert all(isinstance(node, SUM) for node in ast.walk(tree)), f"no sum: {text}"
    return eval(compile(tree, str(PAGE), "eval"))


def test_the_sums_of_the_worked_checks_are_right():
    # Every second part of a text that is split at backticks is code.
    sums = [
        (line.number, *code.split(" = "))
        for line in LINES
        for code in line.check.split("`")[1::2]
        if " = " in code
    ]
    assert len(sums) >= 100
    # As many digits count as the page has. An exact half may go either way.
    assert not [
        f"{number}: {left} is {work_out(left)}, not {result}"
        for number, left, result in sums
        if abs(work_out(left) - float(result)) > 0.5 * 10 ** -len(result.partition(".")[2]) + 1e-9
    ]


# --- Trails ---------------------------------------------------------------------------------------


def read_trails():
    text = PAGE.read_text(encoding="utf-8")
    return dict(re.findall(r"^### Trail of (\S+)\n(.*?)(?=^##)", text, re.M | re.S))


TRAILS = read_trails()


def test_there_are_five_trails():
    assert set(TRAILS) == {
        "churn.rpt_mrr.nrr",
        "cohorts.rpt_order_cohorts.retention_rate",
        "cohorts.rpt_order_cohorts.rolling_retention_rate",
        "clv.fct_customer_value.p_alive",
        "clv.rpt_clv_by_cohort.payback_months",
    }


@pytest.mark.parametrize("column", TRAILS)
def test_a_trail_leads_up_in_at_most_three_files(column, manifest, models, tables):
    table, _, name = column.rpartition(".")
    assert name in tables[table]["columns"]
    steps = re.findall(rf"^\d\. {LINK}(.*?)(?=^\d\. |\n\n)", TRAILS[column], re.M | re.S)
    assert 2 <= len(steps) <= 3
    # From the table upwards, the trail names every model on the way: as a step, or below the steps.
    named = {path for _, path in re.findall(LINK, TRAILS[column])}
    waiting, reached = [tables[table]["unique_id"]], set()
    while waiting:
        reached.add(unique_id := waiting.pop())
        waiting += [
            parent
            for parent in manifest["parent_map"][unique_id]
            if parent not in reached
            and parent in manifest["nodes"]
            and manifest["nodes"][parent]["original_file_path"] in named
        ]
    for number, (_, path, remark) in enumerate(steps):
        text = (ROOT / path).read_text(encoding="utf-8")
        if path.startswith("estimation/"):
            before = (ROOT / steps[number - 1][1]).read_text(encoding="utf-8")
            assert f"estimation.{Path(path).stem}" in before
        else:
            assert models[path]["unique_id"] in reached, path
        # What the step speaks of stands in its file.
        for word in re.findall(r"`([\w.]+)`", remark):
            assert word.rsplit(".", 1)[-1] in text, (path, word)
