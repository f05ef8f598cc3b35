"""What all tests share: a scratch TENURE_HOME, the parsed project, and a build from outside.

A test imports a helper of its own room by the plain name. For a helper of another room it names the
room: `from shops.oracle import Oracle`. There is no __init__.py, since a package named
`numbers` would hide the module of Python.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.configuration import set_hypothesis_home_dir
from reliability_page import Record

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "sample"
# A file of each table, for tests that need some rows, no matter which.
ONE_YEAR = (
    "orders/2023-h1.csv.gz",
    "refunds/2023.csv",
    "customers/2023.csv.gz",
    "subscriptions/2023.csv",
    "marketing_spend/2023.csv",
)

# Every table and every view that is published.
MARTS = {
    "core.dim_customers",
    "core.dim_dates",
    "core.fct_orders",
    "core.fct_subscription_spells",
    "core.fct_customer_months",
    "cohorts.rpt_order_cohorts",
    "cohorts.rpt_subscription_cohorts",
    "cohorts.rpt_repeat_purchase",
    "churn.rpt_retention_rates",
    "churn.fct_mrr_movements",
    "churn.rpt_mrr",
    "churn.rpt_subscription_survival",
    "churn.rpt_churn_reasons",
    "churn.rpt_trials",
    "clv.fct_customer_value",
    "clv.rpt_clv_parameters",
    "clv.rpt_clv_calibration",
    "clv.rpt_clv_deciles",
    "clv.rpt_clv_by_cohort",
    "clv.rpt_retention_value",
    "journey.fct_stage_changes",
    "journey.rpt_stages",
    "journey.rpt_stage_flows",
    "journey.rpt_scorecard",
    "journey.rpt_onboarding",
    "journey.rpt_onboarding_retention",
    "journey.rpt_referrals",
    "journey.fct_customer_scores",
    "journey.rpt_loyalty_tiers",
    "journey.rpt_loyalty_members",
    "plays.rpt_carts",
    "plays.rpt_feedback",
    "plays.rpt_support",
    "plays.rpt_support_churn",
    "plays.fct_play_enrollments",
    "plays.audiences",
    "plays.rpt_play_contacts",
    "plays.rpt_play_results",
    "plays.rpt_play_balance",
    "meta.builds",
    "meta.restatements",
    "meta.reported_values",
    "meta.source_files",
    "meta.row_outcomes",
    "bi.customers",
    "bi.mrr_by_month",
    "bi.order_cohorts_by_month",
    "bi.order_cohorts_by_quarter",
    "bi.retention_by_month",
    "bi.subscription_cohorts_by_month",
    "bi.survival_by_month",
}
# What a file knows of the builds before it. No model makes these, and each build has other ones.
HISTORY = {"meta.builds", "meta.restatements", "meta.reported_values"}
VIEWS = {mart for mart in MARTS if mart.startswith("bi.")} | {"meta.reported_values"}

# Every board, by its name. A file with an underscore, and meta, is what boards share.
BOARDS = sorted(
    file.stem
    for file in (ROOT / "charts").glob("*.yml")
    if not file.stem.startswith("_") and file.stem != "meta"
)

# Two workers take the files in this order, and then all others. A long one at the end would leave a
# worker idle. The second one parses a project of its own, while the first makes what all share.
LONG_FILES = (
    "nights/test_nightly.py",
    "house/test_pass_through.py",
    "numbers/test_customer_value.py",
    "nights/test_restatements.py",
    "raw/test_faults.py",
    "numbers/test_churn_oracle.py",
    "numbers/test_dated_merges.py",
    "numbers/test_plays.py",
    "numbers/test_cohort_oracle.py",
    "numbers/test_cdnow.py",
    "raw/test_ordinary_exports.py",
)

# The folder of the caches of pytest and ruff, too (pyproject.toml).
set_hypothesis_home_dir(ROOT / "target/.hypothesis")

# A case is a whole run of dbt, far slower than hypothesis expects. `make test` tries a few cases,
# always the same ones. `make torture` (--hypothesis-profile=torture) tries many cases, other ones
# each time, and shrinks a case that fails.
settings.register_profile(
    "test",
    max_examples=3,
    derandomize=True,
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "torture",
    settings.get_profile("test"),
    max_examples=200,
    derandomize=False,
    phases=[Phase.generate, Phase.shrink],
    print_blob=True,
)
settings.load_profile("test")


_record = pytest.StashKey[Record]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--reliability-record",
        metavar="FILE",
        type=Path,
        help="keep what was broken, and what was lost, in FILE, if every test passes",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_record] = Record()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {Path(__file__).parent / file: number for number, file in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    file = session.config.getoption("--reliability-record")
    if file and exitstatus == pytest.ExitCode.OK:
        session.config.stash[_record].write(file)


@pytest.fixture(scope="session")
def reliability(pytestconfig: pytest.Config) -> Callable[[str, str, str, int, str], None]:
    """A function that a test calls at its end to record what it has proved."""
    return pytestconfig.stash[_record].add


def run_build(
    raw_dir: Path,
    home: Path,
    vars: dict | str | None = None,
    project: Path = ROOT,
    *arguments: str,
) -> subprocess.CompletedProcess:
    """Run a whole build from outside, as `make build` does, and return the finished process.

    It reads `raw_dir` and writes under `home`. `vars` are dbt vars, as a dict or as a person types
    them. `project` may be a changed copy of the project. `arguments` come after all others.
    """
    text = vars if isinstance(vars, str) else json.dumps(vars or {})
    return subprocess.run(
        [sys.executable, "-m", "orchestration.nightly", f"--vars={text}", *arguments],
        cwd=project,
        env={**os.environ, "TENURE_RAW_DIR": str(raw_dir), "TENURE_HOME": str(home)},
        capture_output=True,
        text=True,
    )


def run_dbt(
    raw_dir: Path, home: Path, *arguments: str, project: Path = ROOT
) -> subprocess.CompletedProcess:
    """Run dbt alone on the private warehouse of `home`, and return the finished process.

    A home of `new_home` is parsed already, also for a changed copy of the project: dbt parses only
    the files that changed.
    """
    (home / "build").mkdir(exist_ok=True)
    parsed, target = home / "dbt/parsed/partial_parse.msgpack", home / "target"
    if parsed.exists() and not target.exists():
        target.mkdir()
        shutil.copy(parsed, target)
    return subprocess.run(
        # Another target than that of the parse would be another parse.
        [Path(sys.executable).with_name("dbt"), *arguments, "--target", "private"],
        cwd=project,
        env={
            **os.environ,
            "TENURE_RAW_DIR": str(raw_dir),
            "TENURE_HOME": str(home),
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(home / "logs"),
        },
        capture_output=True,
        text=True,
    )


def project_copy(folder: Path) -> Path:
    """A copy of the project, without what it has built, for a test that changes a file."""
    shutil.copytree(
        ROOT,
        folder,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", "var", "target", "logs", "__pycache__", ".*_cache"
        ),
    )
    return folder


def fingerprint(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file in `folder`, by its path there."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def contents(file: Path) -> dict[str, tuple]:
    """The number of rows and a checksum of each table and view, in any order of rows.

    HISTORY is left out, since it differs from build to build.
    """
    with duckdb.connect(file, read_only=True) as connection:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables order by all"
        ).fetchall()
        return {
            table: connection.execute(f"select count(*), sum(hash(t)) from {table} as t").fetchone()
            for (table,) in tables
            if table not in HISTORY
        }


def published_builds(file: Path) -> dict[str, bool]:
    """Each build of meta.builds, oldest first, and whether it is the current one."""
    with duckdb.connect(file, read_only=True) as connection:
        return dict(
            connection.execute(
                "select build_id, is_current from meta.builds order by started_at"
            ).fetchall()
        )


@pytest.fixture(scope="session", autouse=True)
def scratch_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep everything that the tests write out of the real TENURE_HOME."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_HOME", str(home))
        patch.delenv("TENURE_ALERT_WEBHOOK", raising=False)
        # Boards take seconds of each build. `build` has them, for the tests that look at boards.
        patch.setenv("TENURE_BOARDS", "off")
        yield home


@pytest.fixture(scope="session")
def one_year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small landing zone: one year of the sample."""
    raw_dir = tmp_path_factory.mktemp("one_year")
    for file in ONE_YEAR:
        (raw_dir / file).parent.mkdir()
        shutil.copy(SAMPLE / file, raw_dir / file)
    return raw_dir


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TENURE_HOME of `build`. A test that builds again takes a copy of it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return tmp_path_factory.mktemp("built")
    # One folder for all workers of this run.
    home = tmp_path_factory.getbasetemp().parent / "built"
    home.mkdir(exist_ok=True)
    return home


@pytest.fixture(scope="session")
def shared_parse(built_home: Path) -> Path:
    """The folder dbt/parsed of `built_home`. The first worker to ask parses, all others wait."""
    from orchestration.warehouse.parsing import prepare_manifest

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_HOME", str(built_home))
        return prepare_manifest().parent


@pytest.fixture(scope="session")
def new_home(shared_parse: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make a TENURE_HOME that nothing was built in, with the project parsed."""
    from parsed_project import take_parse

    def make() -> Path:
        home = tmp_path_factory.mktemp("new")
        take_parse(shared_parse, home)
        return home

    return make


@pytest.fixture(scope="session")
def warehouse(new_home: Callable[[], Path]):
    """A private warehouse that dbt fills in this process."""
    from shops.warehouse import Warehouse

    return Warehouse(new_home())


@pytest.fixture(scope="session")
def build(shared_parse: Path, built_home: Path) -> subprocess.CompletedProcess:
    """One build of the sample for all tests of all workers: the first one to ask makes it."""
    printed = built_home.with_name(f"{built_home.name}.txt")
    with built_home.with_name(f"{built_home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if printed.exists():
            return subprocess.CompletedProcess([], 0, printed.read_text(encoding="utf-8"), "")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TENURE_BOARDS", "on")
            build = run_build(SAMPLE, built_home)
        assert build.returncode == 0, build.stdout + build.stderr
        printed.write_text(build.stdout, encoding="utf-8")
    return build


@pytest.fixture
def served(
    build: subprocess.CompletedProcess, built_home: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to what `build` published, as a BI tool opens it."""
    with duckdb.connect(
        built_home / "serve/current/tenure.duckdb",
        read_only=True,
        config={"enable_external_access": "false", "lock_configuration": "true"},
    ) as connection:
        yield connection


@pytest.fixture(scope="session")
def needs_spark(pytestconfig: pytest.Config) -> None:
    """Where Spark cannot run, skip the tests that ask for it.

    `make spark-test` and `make torture` end there: somebody waits for these tests.
    """
    from orchestration.settings.engine import require_engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_ENGINE", "spark")
        try:
            require_engine()
        except ValueError as error:
            chosen = pytestconfig.getoption("markexpr")
            if not chosen or chosen.startswith("spark"):
                pytest.exit(str(error), returncode=1)
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def spark(scratch_home: Path, needs_spark: None):
    """A session of Spark as a build has it."""
    from orchestration.spark.session import start

    session = start()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def manifest(shared_parse: Path, scratch_home: Path) -> dict:
    """The manifest of the project. Definitions of Dagster find it in the scratch home, too."""
    from parsed_project import take_parse

    take_parse(shared_parse, scratch_home)
    return json.loads((shared_parse / "manifest.json").read_bytes())
