"""The restatement ledger over many nights of a shop whose past changes on purpose.

Each night the two published files are compared once more, by pandas: every watched number of a
closed period that differs must be in meta.restatements with its cause, and nothing else.
"""

import copy
import random
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pandas as pd
import pytest
from shops.restated_shop import RestatedShop

from comparison.explain import CannotExplainError, explain
from orchestration import paths
from orchestration.restating.fingerprints import code_hashes, mapping_hashes, seed_hashes
from orchestration.restating.ledger import (
    Settings,
    as_of_taken_back,
    is_of_another_shop,
    write_ledger,
)
from orchestration.restating.watched import watched_reports
from orchestration.serving.history import Build
from orchestration.serving.publish import build_id, publish
from orchestration.serving.versions import serve_version
from orchestration.settings.variables import project_defaults

# What is watched, in words of its own: table, keys, measures.
SEGMENTS = ["segment_name", "segment_value"]
COHORT = [*SEGMENTS, "period_grain", "cohort_start"]
WATCHED = {
    "churn.rpt_mrr": (
        [*SEGMENTS, "month"],
        [
            *("new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr"),
            *("closing_mrr", "customers_at_end", "churned_customers"),
            *("nrr", "grr", "logo_churn_rate"),
        ],
    ),
    "churn.rpt_retention_rates": (
        [*SEGMENTS, "basis", "period_grain", "period_start"],
        ["new_customers", "lost_customers", "customers_at_end", "churn_rate"],
    ),
    "churn.rpt_churn_reasons": (["month", "reason", "is_voluntary"], ["customers", "churned_mrr"]),
    "cohorts.rpt_order_cohorts": (
        [*COHORT, "periods_since"],
        ["cohort_customers", "active_customers", "retention_rate", "orders", "net_revenue"],
    ),
    "cohorts.rpt_subscription_cohorts": (
        [*COHORT, "periods_since"],
        ["cohort_customers", "active_customers", "mrr", "net_revenue_retention"],
    ),
    "cohorts.rpt_repeat_purchase": (
        COHORT,
        [
            *("customers", "repeat_customers_90d", "repeat_rate_90d"),
            *("repeat_customers_365d", "repeat_rate_365d"),
        ],
    ),
}
PERIOD = {
    "churn.rpt_mrr": "month",
    "churn.rpt_churn_reasons": "month",
    "cohorts.rpt_repeat_purchase": "cohort_start",
}
# The rows in which a measure is watched, apart from closed or not.
CONDITIONS = {
    "cohort_customers": lambda row: row["periods_since"] == 0,
    "retention_rate": lambda row: row["period_grain"] == "month",
    "net_revenue_retention": lambda row: row["period_grain"] == "month",
    "repeat_customers_90d": lambda row: row["mature_customers_90d"] == row["customers"],
    "repeat_rate_90d": lambda row: row["mature_customers_90d"] == row["customers"],
    "repeat_customers_365d": lambda row: row["mature_customers_365d"] == row["customers"],
    "repeat_rate_365d": lambda row: row["mature_customers_365d"] == row["customers"],
}
MARTS = {
    *WATCHED,
    *("core.dim_customers", "core.dim_dates", "core.fct_orders", "meta.source_files"),
    "churn.fct_mrr_movements",
}
# The cause of each kind of change of the shop.
CAUSES = {
    "late_subscription": "late",
    "late_end": "late",
    "corrected_subscription": "corrected",
    "deleted_subscription": "deleted",
}
KINDS = [
    *("late", "corrected", "deleted", "refunded", "merged", "conflict"),
    *("late_subscription", "late_end", "corrected_subscription", "deleted_subscription"),
    *("repeated", "merged_ahead"),
]
STARTED_AT = datetime(2025, 4, 2, 3, tzinfo=UTC)


class Nights:
    """Nights of one shop: build, compare, publish."""

    def __init__(self, warehouse, manifest, folder, seed):
        self.warehouse, self.serve, self.scratch = warehouse, folder / "serve", folder / "tmp"
        self.ledger = folder / "restatements.duckdb"
        self.shop = RestatedShop(seed)
        self.manifest = copy.deepcopy(manifest)
        # The marts that are built here, so that a night takes few seconds.
        self.manifest["nodes"] = {
            name: node
            for name, node in self.manifest["nodes"].items()
            if not node["original_file_path"].startswith("models/marts/")
            or node["resource_type"] == "test"
            or f"{node['schema']}.{node['name']}" in MARTS
        }
        self.builds = []

    def served(self):
        return self.serve / "current" / "tenure.duckdb"

    def run(self, *kinds, variables=None, versions=None, is_built=True):
        """Build, publish, and return the rows that the ledger has of this build.

        Without is_built the warehouse is that of the night before.
        """
        variables = variables or {}
        selected = [f"+{mart.split('.')[1]}" for mart in MARTS]
        if is_built:
            if self.builds:
                self.shop.pass_a_night(*kinds)
            self.warehouse.fill(self.shop.files, "--select", *selected, variables=variables)
        started_at = STARTED_AT + timedelta(days=len(self.builds))
        settings = Settings(
            variables=project_defaults() | variables,
            versions=versions or {"duckdb": "1"},
            code_hashes=code_hashes(self.manifest, watched_reports(self.manifest)),
            seed_hashes=seed_hashes(self.manifest) | mapping_hashes(paths.raw_dir()),
        )
        write_ledger(
            self.manifest,
            settings,
            warehouse=self.warehouse.file,
            served=self.served(),
            ledger=self.ledger,
            scratch=self.scratch,
        )
        build = Build(
            build_id=build_id(started_at, f"{len(self.builds):06}"),
            started_at=started_at,
            git_sha=None,
            versions=settings.versions,
            variables=settings.variables,
            code_hashes=settings.code_hashes,
            seed_hashes=settings.seed_hashes,
        )
        publish(
            build,
            self.manifest,
            warehouse=self.warehouse.file,
            serve=self.serve,
            scratch=self.scratch,
            ledger=self.ledger,
        )
        self.builds.append(build.build_id)
        return self.query(f"select * from meta.restatements where build_id = '{build.build_id}'")

    def query(self, sql, build_id=None):
        file = self.serve / "versions" / build_id / "tenure.duckdb" if build_id else self.served()
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.sql(sql).df()

    def tables(self, build_id):
        marts = [*WATCHED, "core.dim_dates"]
        return {mart: self.query(f"from {mart}", build_id) for mart in marts}

    def edit(self, model, old, new):
        """Edit the code of a model, for dbt and in the manifest that the ledger reads."""
        for node in (
            self.warehouse.manifest.nodes[f"model.tenure.{model}"].__dict__,
            self.manifest["nodes"][f"model.tenure.{model}"],
        ):
            assert old in node["raw_code"]
            node["raw_code"] = node["raw_code"].replace(old, new)


@pytest.fixture
def nights(warehouse, manifest, tmp_path):
    """Nights of a shop. Edits of models do not outlast the test."""
    before = {
        name: node.raw_code
        for name, node in warehouse.manifest.nodes.items()
        if hasattr(node, "raw_code")
    }
    yield lambda seed: Nights(warehouse, manifest, tmp_path, seed)
    for name, code in before.items():
        warehouse.manifest.nodes[name].raw_code = code


def alter(shop, sql):
    """Give the served file another number, by SQL, as if an earlier night had published it."""
    file = shop.served().resolve()
    changed = file.with_name("changed.duckdb")
    shutil.copy(file, changed)
    changed.chmod(0o644)
    with duckdb.connect(str(changed)) as connection:
        connection.execute(sql)
    changed.replace(file)


def text(value):
    """A value of a key, as DuckDB and pandas both write it."""
    return str(value.date()) if hasattr(value, "date") else str(value)


def key_of(row, key):
    parts = [(name, row[name]) for name in key]
    return ", ".join(
        f"{name}={text(value).lower() if name == 'is_voluntary' else text(value)}"
        for name, value in parts
        if not pd.isna(value)
    )


def numbers(table, frame, closed_through, segments):
    """The watched numbers of closed periods: by key and measure."""
    key, measures = WATCHED[table]
    found = {}
    for row in frame.to_dict("records"):
        grain = row.get("period_grain", "month")
        period = row[PERIOD.get(table, "period_start")]
        if pd.isna(period) or period > closed_through.get(grain, pd.Timestamp.min):
            continue
        if row.get("segment_name", "all") in segments:
            for measure in measures:
                found[key_of(row, key), measure] = (
                    row[measure],
                    CONDITIONS.get(measure, lambda row: True)(row),
                )
    return found


def moved(before, now):
    """Every watched number that differs: {(table, key, measure): (before, now)}."""
    found = {}
    # These reports call a period complete when the calendar does, also one without a row.
    days = before["core.dim_dates"]
    closed = {
        grain: days.loc[days[f"is_{grain}_complete"], f"{grain}_start"].max()
        for grain in ("week", "month", "quarter", "year")
        if days[f"is_{grain}_complete"].any()
    }
    for table in WATCHED:
        old, new = before[table], now[table]
        segments = {"all"}
        if "segment_name" in old:
            segments = set(old["segment_name"]) & set(new["segment_name"])
        was, is_now = (numbers(table, frame, closed, segments) for frame in (old, new))
        for place in was.keys() | is_now.keys():
            (value, watches), (value_now, watches_now) = (
                side.get(place, (None, None)) for side in (was, is_now)
            )
            if old.empty or not (watches if place in was else watches_now):
                continue
            missing = [pd.isna(value), pd.isna(value_now)]
            if all(missing):
                continue
            if any(missing):
                if (value_now if missing[0] else value) != 0:
                    found[(table, *place)] = value, value_now
            elif abs(Decimal(str(value_now)) - Decimal(str(value))) > Decimal("1e-9"):
                found[(table, *place)] = value, value_now
    return found


def as_found(restated):
    return {
        (f"{row.schema_name}.{row.table_name}", row.key, row.measure): row
        for row in restated.itertuples()
    }


def check_night(nights, restated):
    """The ledger has all that moved, with both values, and nothing else."""
    before, now = (nights.tables(build) for build in nights.builds[-2:])
    expected, found = moved(before, now), as_found(restated)
    assert found.keys() == expected.keys()
    for place, (value, value_now) in expected.items():
        for stated, published in [
            (found[place].value_before, value),
            (found[place].value_after, value_now),
        ]:
            assert pd.isna(stated) == pd.isna(published)
            assert pd.isna(stated) or abs(float(stated) - float(published)) < 1e-9
    unexplained = restated[restated["cause"] == "unexplained"]
    assert unexplained.empty, unexplained.to_string()
    check_sums(nights, restated)


def check_sums(nights, restated):
    """The differences by cause add up to the difference of the two files, to the cent."""
    sql = """
        select sum(net_revenue) from cohorts.rpt_order_cohorts
        where segment_name = 'all' and period_grain = 'month' and period_start < date '2025-04-01'
    """
    before, now = (nights.query(sql, build).iloc[0, 0] for build in nights.builds[-2:])
    rows = restated[
        (restated["table_name"] == "rpt_order_cohorts")
        & (restated["measure"] == "net_revenue")
        & (restated["segment_name"] == "all")
        & (restated["period_grain"] == "month")
        & (restated["period_start"] < pd.Timestamp("2025-04-01"))
    ]
    by_cause = rows.groupby("cause")["difference"].apply(
        lambda values: sum(map(Decimal, map(str, values)))
    )
    assert round(Decimal(str(now)) - Decimal(str(before)), 2) == round(sum(by_cause, Decimal(0)), 2)


def check_causes(restated, kind):
    """Totals have the one cause of this night; in segments, customers may have moved, too."""
    cause = CAUSES.get(kind, kind)
    totals = restated[restated["segment_name"] == "all"]
    if kind == "conflict" and totals.empty:
        return
    assert set(totals["cause"]) == {cause}
    assert set(restated["cause"]) <= {cause, "resegmented"}
    assert set(totals["other_causes"].dropna()) == set()
    assert (totals["records"] >= 1).all()
    assert totals["files"].str.match(r"\w+/night \d+ \w+\.csv").all()


def check_months(restated, changed):
    """In a night of two changes, each month has the cause of its own change."""
    kinds = {}
    for kind, moment in changed:
        kinds.setdefault(pd.Timestamp(moment.year, moment.month, 1), set()).add(kind)
    rows = restated[
        (restated["table_name"] == "rpt_order_cohorts")
        & (restated["measure"] == "net_revenue")
        & (restated["segment_name"] == "all")
        & (restated["period_grain"] == "month")
    ]
    found = {}
    for row in rows.itertuples():
        others = [] if pd.isna(row.other_causes) else row.other_causes.split(", ")
        found.setdefault(row.period_start, set()).update([row.cause, *others])
    assert found == kinds


def test_changes_of_the_past_are_told_with_their_cause(nights):
    shop = nights("each kind")
    assert shop.run().empty
    restated = {}
    for kind in ["late", "refunded", "late_end", "deleted_subscription"]:
        restated[kind] = shop.run(kind)
        check_night(shop, restated[kind])
        check_causes(restated[kind], kind)
    assert shop.run("repeated").empty
    check_reported_values(shop)

    # Readers go back to the first build. The next one restates all of that once more, against it.
    serve_version(shop.serve, shop.builds[0])
    again = shop.run()
    assert set(again["previous_build_id"]) == {shop.builds[0]}
    assert {"late", "refunded"} <= set(again["cause"])
    told = shop.query("select distinct build_id from meta.restatements order by all")
    assert list(told["build_id"]) == [*shop.builds[1:5], shop.builds[-1]]


@pytest.mark.parametrize(
    ("before", "now", "is_another"),
    [(["c1", "c2"], ["c2", "c3"], False), (["c1"], ["c9"], True), ([], ["c1"], False)],
)
def test_a_file_without_a_customer_in_common_is_of_another_shop(before, now, is_another):
    with duckdb.connect() as connection:
        for name, customers in [("served", before), ("warehouse", now)]:
            connection.execute(f"attach ':memory:' as {name}; create schema {name}.core")
            connection.execute(f"create table {name}.core.dim_customers (customer_id varchar)")
            for customer in customers:
                connection.execute(f"insert into {name}.core.dim_customers values ('{customer}')")
        assert is_of_another_shop(connection) == is_another


def check_reported_values(shop):
    """The view has the numbers of the first build, and those of the current one."""
    table = "cohorts.rpt_order_cohorts"
    stated = shop.query("from meta.reported_values where table_name = 'rpt_order_cohorts'")
    assert "month" in set(stated["period_grain"]) and "week" not in set(stated["period_grain"])
    by_place = {(row.key, row.measure): row for row in stated.itertuples()}
    key, measures = WATCHED[table]
    first, now = shop.tables(shop.builds[0])[table], shop.tables(shop.builds[-1])[table]
    for frame, name in [(first, "value_first"), (now, "value_now")]:
        for row in frame[frame["is_complete"]].to_dict("records"):
            for measure in measures:
                place = by_place.get((key_of(row, key), measure))
                if place and place.first_build_id == shop.builds[0] and not pd.isna(row[measure]):
                    assert abs(float(getattr(place, name)) - float(row[measure])) < 1e-9
    moved = stated[stated["restatements"] > 0]
    assert len(moved)
    assert (moved["value_first"] != moved["value_now"]).any()
    same = stated[stated["restatements"] == 0]
    assert (same["value_first"] == same["value_now"]).all()


def test_an_edited_model_and_a_var_are_told_apart_from_data(nights):
    shop = nights("code and settings")
    shop.run()
    shop.edit("rpt_mrr", "cast(customers_at_end as", "cast(customers_at_end + 1 as")
    restated = shop.run("late")
    check_night(shop, restated)
    edited = restated["table_name"] == "rpt_mrr"
    assert set(restated[edited]["cause"]) == {"code"}
    assert set(restated[edited]["detail"]) == {"rpt_mrr"}
    # An edit elsewhere is no cause of what the late order moved.
    assert set(restated[~edited & (restated["segment_name"] == "all")]["cause"]) == {"late"}

    restated = shop.run(variables={"order_lapse_days": 60})
    check_night(shop, restated)
    assert set(restated["cause"]) == {"settings"}
    assert set(restated["detail"]) == {"order_lapse_days: 90 -> 60"}

    # The served file has another number, and nothing is new but a release of the software.
    alter(shop, "update churn.rpt_mrr set closing_mrr = closing_mrr + 1 where month = '2025-02-01'")
    same = {"variables": {"order_lapse_days": 60}, "is_built": False}
    restated = shop.run(versions={"duckdb": "2"}, **same)
    assert set(restated["cause"]) == {"code"}
    assert set(restated["detail"]) == {"duckdb: 1 -> 2"}

    # Whatever else is the same, too: the ledger says that it does not know.
    alter(shop, "update churn.rpt_mrr set closing_mrr = 7 where month = '2025-02-01'")
    restated = shop.run(versions={"duckdb": "2"}, **same)
    assert set(restated["cause"]) == {"unexplained"}


def test_another_mapping_is_a_setting_of_the_reports_that_read_its_table(
    nights, home, monkeypatch, tmp_path
):
    monkeypatch.setenv("TENURE_RAW_DIR", str(tmp_path / "zone"))
    mappings = {}
    for table in ("subscriptions", "carts"):
        mappings[table] = tmp_path / "zone" / table / "_mapping.yml"
        mappings[table].parent.mkdir(parents=True)
        mappings[table].write_text(f"table: {table}\n")
    # Of no build: it would have been refused.
    (tmp_path / "zone/_mapping.yml").write_text("- no mapping")
    shop = nights("another mapping")
    shop.run()
    alter(shop, "update churn.rpt_mrr set closing_mrr = closing_mrr + 1 where month = '2025-02-01'")
    mappings["carts"].write_text("table: carts\nminor_units: true\n")
    mappings["subscriptions"].write_text("# a remark\ntable: subscriptions\n")
    # Recurring revenue reads no carts, and a remark is no other mapping.
    assert set(shop.run(is_built=False)["cause"]) == {"unexplained"}
    alter(shop, "update churn.rpt_mrr set closing_mrr = closing_mrr + 1 where month = '2025-02-01'")
    mappings["subscriptions"].write_text("table: subscriptions\nminor_units: true\n")
    restated = shop.run(is_built=False)
    assert set(restated["cause"]) == {"settings"}
    assert set(restated["detail"]) == {"subscriptions by subscriptions/_mapping.yml"}
    key = restated[restated["segment_name"] == "all"]["key"].iloc[0]
    lines = explain(shop.builds[2], "churn.rpt_mrr", key)
    before, code, files, after = steps(lines, "closing_mrr")
    assert (code, files) == (after - before, 0) and code
    assert not [line for line in lines if "software is not" in line]


@pytest.mark.torture
def test_rarer_causes(nights):
    shop = nights("rarer")
    gap = {"variables": {"switch_gap_hours": 168}}

    def in_euros():
        order = shop.shop.new_order("c1", 70.5, currency="XTS")
        rate = {"rate_date": "2025-01-01", "currency": "XTS", "rate": "1.5"}
        return {"orders": [order], "exchange_rates": [rate]}

    def ends(ended_at=datetime(2025, 3, 31, 20)):
        subscription = shop.shop.new_subscription("c20", 40)
        return {"subscriptions": [subscription | {"ended_at": ended_at}]}

    shop.run(**gap)
    check_causes(shop.run(in_euros, ends, **gap), "late")

    # A rate that comes late moves the orders of its days.
    rate = {"rate_date": "2025-03-01", "currency": "XTS", "rate": "1.6"}
    restated = shop.run(lambda: {"exchange_rates": [rate]}, **gap)
    check_night(shop, restated)
    totals = restated[restated["segment_name"] == "all"]
    assert set(totals["cause"]) == {"late"}
    assert set(totals["files"]) == {"exchange_rates/night 2 exchange_rates.csv"}

    # A customer who moves has another segment in all periods.
    country = {"DE": "FR"}.get(shop.shop.countries["c3"], "DE")
    moved = {"customer_id": "c3", "country": country, "updated_at": shop.shop.today()}
    restated = shop.run(lambda: {"customers": [moved]}, **gap)
    check_night(shop, restated)
    assert set(restated["segment_name"]) == {"country"}
    assert set(restated["cause"]) == {"resegmented"}
    assert restated["files"].str.contains("customers/night 3 customers.csv").all()

    # Within the gap that the settings allow, the subscription goes on: March had no loss.
    goes_on = shop.shop.new_subscription("c20", 0, started_at=shop.shop.today(), effective_at=None)
    restated = shop.run(lambda: {"subscriptions": [goes_on]}, **gap)
    check_night(shop, restated)
    totals = restated[restated["segment_name"] == "all"]
    assert set(totals["cause"]) == {"continued"}

    # A file that is gone has deleted what it told.
    shop.run("late", **gap)
    shop.shop.files.pop()
    restated = shop.run(**gap)
    check_night(shop, restated)
    totals = restated[restated["segment_name"] == "all"]
    assert set(totals["cause"]) == {"deleted"}
    assert set(totals["files"]) == {"orders/night 5 orders.csv"}


def test_a_large_seed_that_is_edited_is_another_one(monkeypatch, tmp_path):
    def seed(name, checksum):
        return {
            "resource_type": "seed",
            "name": name,
            "original_file_path": f"seeds/{name}.csv",
            "checksum": dict(zip(("name", "checksum"), checksum, strict=True)),
        }

    # As dbt has it: of a file above 1 MiB it keeps the path.
    nodes = [seed("plays", ("sha256", "ab" * 32)), seed("rates", ("path", "seeds/rates.csv"))]
    small_and_large = {"nodes": dict(enumerate(nodes))}
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/rates.csv").write_text("currency,rate\nEUR,1.1\n")
    before = seed_hashes(small_and_large)
    (tmp_path / "seeds/rates.csv").write_text("currency,rate\nEUR,1.2\n")
    now = seed_hashes(small_and_large)
    assert before["plays"] == now["plays"] == "ab" * 6
    assert before["rates"] != now["rates"]


MARCH, JUNE = date(2025, 3, 1), date(2025, 6, 1)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (("", JUNE), ("2025-03-01", MARCH), "as_of_date: 2025-06-01 -> 2025-03-01"),
        (("2025-06-01", JUNE), ("2025-03-01", MARCH), "as_of_date: 2025-06-01 -> 2025-03-01"),
        # The var was ahead of the data, and was taken away.
        (("2025-06-01", JUNE), ("", MARCH), "as_of_date: 2025-06-01 -> 2025-03-01"),
        (("2025-03-01", MARCH), ("", JUNE), None),
        (("", MARCH), ("", JUNE), None),
        # The latest records are gone. No person has set another day.
        (("", JUNE), ("", MARCH), None),
    ],
)
def test_a_day_of_the_data_is_a_setting_only_if_a_var_takes_it_back(before, now, told):
    assert as_of_taken_back(before, now) == ([told] if told else [])


def test_a_comment_is_no_other_code(manifest):
    reports = watched_reports(manifest)
    edited = copy.deepcopy(manifest)
    node = edited["nodes"]["model.tenure.rpt_mrr"]
    node["raw_code"] = "{# Two\nlines. #}\n-- A comment.\n" + node["raw_code"].replace("\n", "\n\n")
    assert code_hashes(edited, reports) == code_hashes(manifest, reports)
    node["raw_code"] += "\nwhere true"
    before, now = code_hashes(manifest, reports), code_hashes(edited, reports)
    assert {name for name in now if now[name] != before[name]} == {"rpt_mrr"}


@pytest.fixture
def home(nights, warehouse, scratch_home, tmp_path, monkeypatch):
    """A home with the versions of the nights, for the commands that read one."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "serve").symlink_to(tmp_path / "serve")
    (home / "build").symlink_to(warehouse.file.parent)
    (home / "dbt").symlink_to(scratch_home / "dbt")
    monkeypatch.setenv("TENURE_HOME", str(home))
    monkeypatch.setenv("TENURE_RAW_DIR", str(warehouse.raw_dir))


REVENUE = "cohorts.rpt_order_cohorts"


def a_moved_total(shop):
    """The key of the total of a month in which revenue moved most, with both values."""
    sql = """
        select key, value_before, value_after from meta.restatements
        where table_name = 'rpt_order_cohorts' and measure = 'net_revenue' and segment_name = 'all'
            and period_grain = 'month' order by abs(difference) desc limit 1
    """
    [(key, before, after)] = shop.query(sql).itertuples(index=False)
    return key, Decimal(str(before)), Decimal(str(after))


def steps(lines, measure):
    """The numbers of a bridge: before, code and settings, raw files, after."""
    at = lines.index(measure)
    return [Decimal(line.split()[-1].replace(",", "")) for line in lines[at + 1 : at + 5]]


def test_one_row_is_explained_by_a_bridge_and_the_records_behind_it(nights, home):
    shop = nights("explained")
    shop.run()
    shop.run("late")
    key, value, value_now = a_moved_total(shop)
    lines = explain(shop.builds[1], REVENUE, key)
    # Nothing but raw files is new, so nothing needs to be built.
    before, code, files, after = steps(lines, "net_revenue")
    assert (before, code, files, after) == (value, 0, value_now - value, value_now)
    [order] = [order for order in shop.shop.files[-1][3] if order["ordered_at"].month < 4]
    assert [
        line for line in lines if f"order {order['order_id']} of" in line and "(late" not in line
    ]
    assert any("orders/night 1 orders.csv" in line for line in lines)

    with pytest.raises(CannotExplainError, match="was compared with no build"):
        explain(shop.builds[0], REVENUE, key)
    with pytest.raises(CannotExplainError, match="is not watched; watched are churn"):
        explain(shop.builds[1], "core.dim_dates", key)
    with pytest.raises(CannotExplainError, match="no such row"):
        explain(shop.builds[1], REVENUE, "month=2025-02-01")
    with pytest.raises(CannotExplainError, match="is no longer on disk"):
        explain("20200101T000000Z-abcdef", REVENUE, key)


@pytest.mark.torture
def test_the_steps_between_are_built(nights, home):
    shop = nights("between")
    shop.run()
    setting = {"free_orders_count": True, "order_lapse_days": 45}
    shop.run("late_end", "late", variables=setting)
    table, month = "churn.rpt_retention_rates", "basis=any, period_grain=month"
    sql = f"""
        select key, value_before, value_after from meta.restatements
        where table_name = 'rpt_retention_rates' and measure = 'customers_at_end'
            and segment_name = 'all' and key like '%{month}%' order by period_start desc limit 1
    """
    [(key, value, value_now)] = shop.query(sql).itertuples(index=False)
    lines = explain(shop.builds[1], table, key)
    before, code, files, after = steps(lines, "customers_at_end")
    assert (before, after) == (Decimal(str(value)), Decimal(str(value_now)))
    assert before + code + files == after and code
    # The step between, built by the tests themselves.
    selected = ["--select", "+rpt_retention_rates"]
    new_files = [file for file in shop.shop.files if "night 1 " not in file[1]]
    shop.warehouse.fill(new_files, *selected, variables=setting)
    start = key[-10:]
    [(between,)] = shop.warehouse.query(
        "select customers_at_end from churn.rpt_retention_rates where segment_name = 'all'"
        f" and basis = 'any' and period_grain = 'month' and period_start = '{start}'"
    )
    assert before + code == between


@pytest.mark.torture
def test_a_month_of_nights(nights, reliability):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    shop, chance, rows = nights(seed), random.Random(seed), 0
    shop.run()
    kinds = [*KINDS, *chance.choices([*KINDS, None], k=20)]
    chance.shuffle(kinds)
    for kind in kinds:
        restated = shop.run(*[kind] if kind else [])
        check_night(shop, restated)
        rows += len(restated)
        if kind in (None, "repeated", "merged_ahead"):
            totals = restated[restated["segment_name"] == "all"]
            assert totals.empty, (kind, totals.to_string())
        else:
            check_causes(restated, kind)
        if kind == "merged_ahead":
            restated = shop.run()
            check_night(shop, restated)
            check_causes(restated, "merged")
    for _ in range(4):
        both = chance.sample(["late", "corrected", "deleted", "refunded"], 2)
        restated = shop.run(*both)
        check_night(shop, restated)
        check_months(restated, shop.shop.changed[-2:])
    assert rows
    reliability(
        "restatements",
        "changes of closed periods, of a known kind each",
        "every watched number of two builds compared by pandas; the cause in the ledger",
        tried=len(kinds),
        lost="nothing",
    )
