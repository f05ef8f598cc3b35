"""Real loaders write a small shop into a landing zone, as docs/loading.md says, for two nights.

Each is installed from the package index into an environment of its own, which is thrown away.
"""

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from decimal import Decimal

import duckdb
import pytest
import yaml
from conftest import ROOT, run_build

pytestmark = pytest.mark.torture

PAGE = (ROOT / "docs/loading.md").read_text(encoding="utf-8")
UNREACHABLE = re.compile(
    "NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Name or service not known"
    "|Temporary failure in name resolution|from versions: none"
)
# An order of the first night has another amount in the second one.
NIGHTS = [
    [
        ("1", "007", "2024-03-01T10:00:00Z", 24.9, "2024-03-01T10:00:00Z"),
        ("2", None, "2024-03-02T10:00:00Z", 5.1, "2024-03-02T10:00:00Z"),
    ],
    [
        ("1", "007", "2024-03-01T10:00:00Z", 20.0, "2024-03-03T08:00:00Z"),
        ("3", "007", "2024-03-03T10:00:00Z", 15.249999999999998, "2024-03-03T10:00:00Z"),
    ],
]
RIGHT = {"1": ("007", Decimal("20")), "2": (None, Decimal("5.1")), "3": ("007", Decimal("15.25"))}
COLUMNS = ("order_id", "customer_id", "ordered_at", "amount", "updated_at")


def block(section: str, language: str) -> str:
    """The first block of code in this language in a section of the page."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return text.split(f"```{language}\n")[1].split("```")[0]


def rows(night, loader):
    """The orders of a night, with ids of the loader: 0-1, 0-2 and so on."""
    return [
        {**dict(zip(COLUMNS, row, strict=True)), "order_id": f"{loader}-{row[0]}"}
        for row in NIGHTS[night]
    ]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Install requirements into an environment, and return its folder of commands."""

    def install(*requirements):
        folder = tmp_path_factory.mktemp("environment")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        done = subprocess.run(
            [folder / "bin/python", "-m", "pip", "install", "--quiet", *requirements],
            capture_output=True,
            text=True,
        )
        if done.returncode and UNREACHABLE.search(done.stderr):
            pytest.skip(f"the package index cannot be reached, so {requirements} is not there")
        assert done.returncode == 0, done.stderr
        return folder / "bin"

    return install


@pytest.fixture(scope="module")
def raw_dir(tmp_path_factory):
    # a name that dlt would change
    return tmp_path_factory.mktemp("zone") / "tenure-raw"


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def by_dlt(environment, raw_dir, tmp_path_factory):
    commands = environment("dlt[filesystem,parquet]==1.31.0")
    folder = tmp_path_factory.mktemp("dlt")
    (folder / "load.py").write_text(block("dlt", "python"), encoding="utf-8")
    for night in range(len(NIGHTS)):
        orders = rows(night, "dlt")
        # numbers come first: without the hint of the page, dlt would make 7 of 007
        orders.insert(0, {**orders[0], "order_id": 40 + night, "customer_id": 8})
        orders.append({**orders[0], "order_id": f"00{night}"})
        (folder / "my_shop.py").write_text(
            f"def changed_orders(since):\n    yield from {orders!r}\n", encoding="utf-8"
        )
        environ = {
            **os.environ,
            "TENURE_RAW_DIR": str(raw_dir),
            "DLT_DATA_DIR": str(folder),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }
        run([commands / "python", "load.py"], cwd=folder, env=environ)


def messages(stream, orders):
    """What a Singer tap writes."""
    texts = {"type": ["null", "string"]}
    times = {**texts, "format": "date-time"}
    properties = {
        "order_id": texts,
        "customer_id": texts,
        "ordered_at": times,
        "amount": {"type": ["null", "number"]},
        "updated_at": times,
    }
    schema = {"type": "object", "properties": properties}
    lines = [{"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["order_id"]}]
    lines += [{"type": "RECORD", "stream": stream, "record": order} for order in orders]
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.fixture(scope="module")
def by_target_csv(environment, raw_dir, tmp_path_factory):
    [loader] = yaml.safe_load(block("Meltano", "yaml"))["plugins"]["loaders"]
    commands = environment(loader["pip_url"])
    config = tmp_path_factory.mktemp("csv") / "config.json"
    text = json.dumps(loader["config"]).replace("$TENURE_RAW_DIR", str(raw_dir))
    config.write_text(text, encoding="utf-8")
    for night in range(len(NIGHTS)):
        lines = messages("public-orders", rows(night, "csv"))
        run([commands / loader["executable"], "--config", config], input=lines)
        time.sleep(1.1)


@pytest.fixture(scope="module")
def by_target_jsonl(environment, raw_dir, tmp_path_factory):
    commands = environment("target-jsonl==0.1.4")
    folder = tmp_path_factory.mktemp("jsonl")
    (folder / "config.json").write_text('{"destination_path": "incoming"}', encoding="utf-8")
    for night in range(len(NIGHTS)):
        lines = messages("orders", rows(night, "jsonl"))
        run([commands / "target-jsonl", "--config", "config.json"], input=lines, cwd=folder)
        environ = {**os.environ, "TENURE_RAW_DIR": str(raw_dir)}
        run(["sh", "-ec", textwrap.dedent(block("Meltano", "sh"))], cwd=folder, env=environ)
        time.sleep(1.1)


@pytest.fixture(scope="module")
def published(by_dlt, by_target_csv, by_target_jsonl, raw_dir, new_home):
    home = new_home()
    done = run_build(raw_dir, home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "are left out" not in done.stdout
    with duckdb.connect(home / "serve/current/tenure.duckdb", read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("loader", ["dlt", "csv", "jsonl"])
def test_two_nights_of_a_loader_are_the_shop(published, loader):
    found = published.execute(
        "select split_part(order_id, '-', 2), nullif(customer_id, ''), amount"
        f" from core.fct_orders where order_id like '{loader}-%' order by all"
    ).fetchall()
    assert {order: (customer, amount) for order, customer, amount in found} == RIGHT


def test_dlt_keeps_ids_as_they_are(published):
    found = published.execute(
        "select order_id, customer_id from core.fct_orders where length(order_id) < 4"
        " order by order_id"
    ).fetchall()
    assert found == [(order, "8") for order in ("000", "001", "40", "41")]


def test_a_later_night_replaces_no_file(published, raw_dir):
    kinds = {"csv": 2, "jsonl": 2, "parquet": 2}
    found = [path.suffix[1:] for path in (raw_dir / "orders").iterdir()]
    assert {kind: found.count(kind) for kind in kinds} == kinds
    counts = published.execute(
        "select sum(rows_read), sum(rows_accepted), sum(rows_superseded), sum(rows_rejected)"
        " from meta.source_files"
    ).fetchone()
    # three loaders with four rows each, and dlt's four more; each loader sends one order twice
    assert counts == (16, 13, 3, 0)
