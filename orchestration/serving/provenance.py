"""The origin of a build: the commit of this project, and the versions of its software."""

import platform
import subprocess
from importlib.metadata import version

from orchestration import paths
from orchestration.settings.engine import engine

_PACKAGES = ("tenure", "dbt-core", "dbt-duckdb", "duckdb", "dagster", "numpy", "pandas", "scipy")

_OF_SPARK = ("dbt-spark", "pyspark", "pyarrow")


def git_sha() -> str | None:
    """Return the checked-out commit, with -dirty if tracked files differ; None without git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=paths.ROOT,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        return None
    return described.stdout.strip() or None


def software_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that can change a number, by name.

    Those of Spark are among them only in a build on Spark.
    """
    packages = _PACKAGES + (_OF_SPARK if engine() == "spark" else ())
    return {"python": platform.python_version()} | {name: version(name) for name in packages}
