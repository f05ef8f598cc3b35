"""Where things are read from and written to.

Two environment variables move everything: TENURE_RAW_DIR (read, never written) and TENURE_HOME
(all that is written). They are read at call time; a relative value means the caller's directory.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def home() -> Path:
    """Return the absolute folder under which everything is written: $TENURE_HOME, else var/."""
    return Path(os.environ.get("TENURE_HOME") or ROOT / "var").absolute()


def raw_dir() -> Path:
    """Return the absolute landing zone: $TENURE_RAW_DIR, else data/sample/."""
    return Path(os.environ.get("TENURE_RAW_DIR") or ROOT / "data" / "sample").absolute()


def warehouse() -> Path:
    """Return the private warehouse file that dbt writes. No reader ever opens it."""
    return home() / "build" / "warehouse.duckdb"


def scratch() -> Path:
    """Return the folder where DuckDB spills what does not fit in memory."""
    return home() / "build" / "tmp"


def lock_file() -> Path:
    """Return the file whose lock says that a build is running. It is never deleted."""
    return home() / "build" / "lock"


def serve() -> Path:
    """Return the folder that readers look at: versions/ and the symlink current."""
    return home() / "serve"


def parsed() -> Path:
    """Return dbt's target folder of the parse that Dagster's definitions are made from."""
    return home() / "dbt" / "parsed"


def built() -> Path:
    """Return dbt's target folder of the latest build: compiled SQL and run_results.json."""
    return home() / "dbt" / "built"


def dagster_home() -> Path:
    """Return Dagster's own folder: its configuration and the history of runs."""
    return home() / "dagster"


def live_runs() -> Path:
    """Return the folder where each run of Dagster holds a lock for as long as it lives."""
    return dagster_home() / "live"


def logs() -> Path:
    """Return the folder with dbt's log of each build and the traceback of the latest failure."""
    return home() / "logs"
