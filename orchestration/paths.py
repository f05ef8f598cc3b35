"""Where files are read and written.

Two environment variables move everything. TENURE_RAW_DIR is the landing zone of raw files. Only
`make check-raw WRITE=1` writes there, a first _mapping.yml. TENURE_HOME is the folder for all other
files that this project writes. Both are read at each call. A relative path starts at the caller's
directory.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def home() -> Path:
    """Return the absolute folder for all written files: $TENURE_HOME, else var/."""
    return Path(os.environ.get("TENURE_HOME") or ROOT / "var").absolute()


def raw_dir() -> Path:
    """Return the absolute landing zone: $TENURE_RAW_DIR, else data/sample/."""
    return Path(os.environ.get("TENURE_RAW_DIR") or ROOT / "data" / "sample").absolute()


def warehouse() -> Path:
    """Return the private warehouse file, which dbt writes. Readers never open it."""
    return home() / "build" / "warehouse.duckdb"


def restatements() -> Path:
    """Return the file with the restatement ledger of the latest build, until it is published."""
    return home() / "build" / "restatements.duckdb"


def scratch() -> Path:
    """Return the folder for temporary files of DuckDB, used when memory is full."""
    return home() / "build" / "tmp"


def spark() -> Path:
    """Return the folder of Spark's own tables, in a build on Spark."""
    return home() / "build" / "spark"


def catalog_mark() -> Path:
    """Return the file with the id by which this home knows its databases in a catalog of Spark."""
    return home() / "catalog_mark"


def lock_file() -> Path:
    """Return the file of the build lock. The file is never deleted."""
    return home() / "build" / "lock"


def serve() -> Path:
    """Return the folder that readers open: it holds versions/ and the symlink current."""
    return home() / "serve"


def private_audiences() -> Path:
    """Return the folder of audience files with personal columns. Readers never open it."""
    return home() / "audiences"


def parsed() -> Path:
    """Return dbt's target folder of the latest parse, from which Dagster makes its definitions."""
    return home() / "dbt" / "parsed"


def built() -> Path:
    """Return dbt's target folder of the latest build: compiled SQL and run_results.json."""
    return home() / "dbt" / "built"


def metrics() -> Path:
    """Return the folder in which MetricFlow finds the metrics of the published file."""
    return home() / "dbt" / "metrics"


def dagster_home() -> Path:
    """Return Dagster's own folder: its configuration and the history of runs."""
    return home() / "dagster"


def live_runs() -> Path:
    """Return the folder of run locks. Each running process of Dagster holds one lock there."""
    return dagster_home() / "live"


def logs() -> Path:
    """Return the folder of logs: dbt's log of each build, and the latest traceback."""
    return home() / "logs"
