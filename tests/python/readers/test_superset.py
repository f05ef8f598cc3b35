"""The dashboard of deploy/superset: it fits the views, and a real Superset shows their numbers.

The long test (torture) installs Superset by the commands of docs/bi.md, imports the dashboard, and
asks for the data of each chart over Superset's API.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml
from conftest import ROOT
from installations import new_python

BUNDLE = ROOT / "deploy/superset"
SECTION = (ROOT / "docs/bi.md").read_text(encoding="utf-8").split("\n## Superset\n")[1]
TOTAL = "segment_name = 'all' and is_complete"
MONTHS = f"from churn.rpt_retention_rates where {TOTAL} and period_grain = 'month'"
WHOLE = f"select period_start {MONTHS} and basis = 'any' and not is_left_truncated"
RATES = f"{MONTHS} and period_start in ({WHOLE}) and basis ="
SURVIVAL = "from churn.rpt_subscription_survival where segment_name = 'all' and time_unit = 'month'"
CUSTOMERS = "from core.dim_customers left join clv.fct_customer_value using (customer_id)"
# The sum over all rows of each number of each chart, from the marts and not from the views.
SUMS = {
    "mrr": {"total_mrr": f"sum(closing_mrr) from churn.rpt_mrr where {TOTAL}"},
    "movements": {
        name: f"{sign}sum({name}_mrr) from churn.rpt_mrr where {TOTAL}"
        for name, sign in {
            **dict.fromkeys(("new", "reactivation", "expansion"), ""),
            **dict.fromkeys(("contraction", "churned"), "-"),
        }.items()
    },
    "retention": {
        "buyers_kept": f"sum(retention_rate) {RATES} 'orders'",
        "subscribers_kept": f"sum(retention_rate) {RATES} 'subscriptions'",
    },
    "cohorts": {
        "retention": "sum(retention_rate) from cohorts.rpt_subscription_cohorts"
        f" where {TOTAL} and period_grain = 'month' and not is_left_truncated"
    },
    "survival": {
        "survival": f"sum(survival) {SURVIVAL}",
        "survival_low": f"sum(ci_low) {SURVIVAL}",
        "survival_high": f"sum(ci_high) {SURVIVAL}",
    },
    "customers": {
        "number": f"count(*) {CUSTOMERS}",
        "subscribers": f"count(*) filter (where is_active_subscriptions) {CUSTOMERS}",
        "revenue": f"sum(lifetime_net_revenue) {CUSTOMERS}",
        "mrr": f"sum(current_mrr) {CUSTOMERS}",
        "predicted_value": f"sum(predicted_clv) {CUSTOMERS}",
    },
}


def bundled(kind: str) -> dict[str, dict]:
    """The parts of the bundle of one kind, by the names of their files."""
    files = sorted((BUNDLE / kind).rglob("*.yaml"))
    assert files
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


# --- The files ------------------------------------------------------------------------------------


def test_the_datasets_have_the_columns_of_the_views(manifest):
    views = {
        node["name"]: list(node["columns"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "bi"
    }
    for name, dataset in bundled("datasets").items():
        assert dataset["schema"] == "bi" and dataset["table_name"] == name
        assert [column["column_name"] for column in dataset["columns"]] == views[name]


def test_the_charts_ask_for_numbers_and_columns_that_their_datasets_have():
    datasets = {dataset["uuid"]: dataset for dataset in bundled("datasets").values()}
    for name, chart in bundled("charts").items():
        dataset = datasets[chart["dataset_uuid"]]
        columns = {column["column_name"] for column in dataset["columns"]}
        asked = chart["params"]
        assert set(columns_of(asked)) <= columns and columns_of(asked), name
        assert set(asked["metrics"]) <= {one["metric_name"] for one in dataset["metrics"]}, name
        assert set(asked["metrics"]) == SUMS[name].keys()
        assert asked["viz_type"] == chart["viz_type"]


def test_a_chart_leaves_out_the_months_in_which_the_data_begin():
    datasets = {dataset["uuid"]: dataset for dataset in bundled("datasets").values()}
    for name, chart in bundled("charts").items():
        columns = datasets[chart["dataset_uuid"]]["columns"]
        needed = "is_left_truncated" in {column["column_name"] for column in columns}
        filters = [one["sqlExpression"] for one in chart["params"]["adhoc_filters"]]
        assert filters == ["not is_left_truncated"] * needed, name


def test_the_dashboard_has_every_chart_once():
    [dashboard] = bundled("dashboards").values()
    placed = [
        part["meta"]["uuid"]
        for part in dashboard["position"].values()
        if isinstance(part, dict) and part["type"] == "CHART"
    ]
    assert sorted(placed) == sorted(chart["uuid"] for chart in bundled("charts").values())


def test_the_database_is_read_only_and_closed():
    [database] = bundled("databases").values()
    assert database["extra"]["engine_params"]["connect_args"] == {
        "read_only": True,
        "config": {"enable_external_access": "false", "lock_configuration": "true"},
    }
    assert not database["allow_dml"] and not database["allow_ctas"]
    [block] = re.findall(r"(?s)```json\n(.*?)```", SECTION)
    assert json.loads(block) == database["extra"]["engine_params"]


def columns_of(params: dict) -> list[str]:
    """The columns by which a chart groups."""
    axis = [params["x_axis"]] if "x_axis" in params else []
    return [
        *axis,
        *(params.get("groupby") or []),
        *(params.get("groupbyRows") or []),
        *(params.get("groupbyColumns") or []),
    ]


# --- A real Superset ------------------------------------------------------------------------------


class Api:
    """Superset's API, logged in."""

    def __init__(self, address: str) -> None:
        self.address, self.headers = address, {"Content-Type": "application/json"}
        # The cookie belongs to the token against forged requests.
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        login = {"username": "admin", "password": "change-me", "provider": "db"}
        self.headers["Authorization"] = f"Bearer {self('/security/login', login)['access_token']}"
        self.headers["X-CSRFToken"] = self("/security/csrf_token/")["result"]

    def __call__(self, path: str, data: dict | None = None) -> dict:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"{self.address}/api/v1{path}", body, self.headers)
        try:
            with self.opener.open(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"refused": error.read().decode()}

    def query(self, sql: str) -> dict:
        [database] = self("/database/")["result"]
        return self("/sqllab/execute/", {"database_id": database["id"], "sql": sql})

    def rows(self, chart_id: int) -> list[dict]:
        """The rows of a chart, as its page asks for them."""
        params = json.loads(self(f"/chart/{chart_id}")["result"]["params"])
        dataset, _, kind = params["datasource"].partition("__")
        columns: list = columns_of(params)
        if "time_grain_sqla" in params and "x_axis" in params:
            columns[0] = {
                "columnType": "BASE_AXIS",
                "expressionType": "SQL",
                "sqlExpression": params["x_axis"],
                "label": params["x_axis"],
                "timeGrain": params["time_grain_sqla"],
            }
        query = {
            "columns": columns,
            "metrics": params["metrics"],
            "row_limit": params["row_limit"],
            "extras": {
                "where": " and ".join(one["sqlExpression"] for one in params["adhoc_filters"])
            },
        }
        answer = self(
            "/chart/data",
            {"datasource": {"id": int(dataset), "type": kind}, "queries": [query]},
        )
        [result] = answer["result"]
        return result["data"]


@pytest.fixture
def home(build, built_home, tmp_path) -> Path:
    """A folder as the commands of the page expect it: the project's file, and deploy/."""
    shutil.copytree(built_home / "serve", tmp_path / "var/serve", symlinks=True)
    shutil.copytree(BUNDLE, tmp_path / "deploy/superset")
    return tmp_path


@pytest.fixture
def superset(home) -> Iterator[Api]:
    """A Superset with the dashboard, made by the commands of the page."""
    install, *commands = re.findall(r"(?s)```sh\n(.*?)```", SECTION.split("\n## ")[0])
    _, _, *packages = install.replace("\\\n", " ").split()
    new_python(home / "venv", *packages)
    port = free_port()
    # The settings of the page hold for the shell of the reader, so all runs in one shell.
    script = "set -e\n" + "\n".join(commands)
    script += f"\nexec superset run --host 127.0.0.1 --port {port}\n"
    environment = {
        **{name: text for name, text in os.environ.items() if "SUPERSET" not in name},
        "PATH": f"{home}/venv/bin:{os.environ['PATH']}",
    }
    with (
        (home / "superset.log").open("w") as log,
        subprocess.Popen(
            ["bash", "-c", script], cwd=home, env=environment, stdout=log, stderr=log
        ) as server,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server, home / "superset.log")
            yield Api(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address: str, server: subprocess.Popen, log: Path, seconds: int = 300) -> None:
    for _ in range(seconds):
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"Superset did not start: {log.read_text()[-3000:]}")


@pytest.mark.torture
def test_a_real_superset_shows_the_published_numbers(superset, home, reliability):
    names = {chart["slice_name"]: name for name, chart in bundled("charts").items()}
    charts = superset("/chart/?q=(page_size:100)")["result"]
    assert {chart["slice_name"] for chart in charts} == names.keys()
    with duckdb.connect(home / "var/serve/current/tenure.duckdb", read_only=True) as connection:
        expected = {
            chart: {
                number: float(connection.execute(f"select {sql}").fetchone()[0])
                for number, sql in numbers.items()
            }
            for chart, numbers in SUMS.items()
        }
    for chart in charts:
        name = names[chart["slice_name"]]
        rows = superset.rows(chart["id"])
        sums = {number: sum(row[number] or 0 for row in rows) for number in SUMS[name]}
        assert sums == pytest.approx(expected[name], rel=1e-9), name

    refused = json.dumps(superset.query("create table core.more as select 1 as one"))
    assert "does not allow for DDL/DML" in refused
    refused = json.dumps(superset.query("select * from read_text('/etc/hostname')"))
    assert "Permission Error" in refused

    # A new build is there at once.
    current = "select build_id from meta.builds where is_current"
    before = superset.query(current)["data"]
    publish_again(home / "var/serve")
    assert superset.query(current)["data"] == [{"build_id": "later"}] != before
    reliability(
        "versions",
        "Superset 6.1 with the dashboard of deploy/superset",
        "installed and imported by docs/bi.md; the sums of each chart compared with the marts; a"
        " write and a look at another file refused; a new build seen",
        tried=len(charts),
        lost="nothing",
    )


def publish_again(serve: Path) -> None:
    """Switch to a version that differs in the name of its build."""
    later = serve / "versions/later"
    shutil.copytree(serve / "current", later)
    (later / "tenure.duckdb").chmod(0o644)
    with duckdb.connect(later / "tenure.duckdb") as connection:
        connection.execute("update meta.builds set build_id = 'later' where is_current")
    (serve / ".next").symlink_to("versions/later")
    (serve / ".next").replace(serve / "current")
