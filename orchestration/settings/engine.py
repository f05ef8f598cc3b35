"""Which engine builds the models: DuckDB, or Spark by TENURE_ENGINE=spark (docs/engines.md)."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ENGINES = ("duckdb", "spark")
# iceberg and delta: the user's own settings of Spark name the catalog, and bring its jars.
CATALOGS = ("in-memory", "hive", "iceberg", "delta")
# What a person may say of Spark (docs/engines.md). SPARK_LOCAL_IP and SPARK_LOCAL_DIRS are no part
# of it: a session sets them itself.
SPARK_VARIABLES = (
    "SPARK_MASTER",
    "SPARK_CATALOG",
    "SPARK_CONF_DIR",
    "SPARK_DRIVER_MEMORY",
    "SPARK_SHUFFLE_PARTITIONS",
    "SPARK_JAVA_OPTIONS",
)
_OLDEST_JAVA = 17
_NOT_INSTALLED = "TENURE_ENGINE: Spark is not installed; `make setup-spark` installs it"


def engine() -> str:
    """Return the engine of this build. Raises ValueError for one that there is not."""
    name = os.environ.get("TENURE_ENGINE") or "duckdb"
    if name not in ENGINES:
        raise ValueError(f"TENURE_ENGINE: {name!r} is none of {', '.join(ENGINES)}")
    return name


def build_command() -> str:
    """Return what runs the night on this engine: make and its goal."""
    return {"duckdb": "make build", "spark": "make spark"}[engine()]


def spark_settings() -> dict[str, str]:
    """Return the variables of Spark that are set, by name: none where DuckDB is the engine."""
    if engine() != "spark":
        return {}
    return {name: os.environ[name] for name in SPARK_VARIABLES if os.environ.get(name)}


def catalog() -> str:
    """Return where Spark keeps its tables: $SPARK_CATALOG. Raises ValueError for an unknown one."""
    name = os.environ.get("SPARK_CATALOG") or "in-memory"
    if name not in CATALOGS:
        raise ValueError(f"SPARK_CATALOG: {name!r} is none of {', '.join(CATALOGS)}")
    return name


def is_on_catalog() -> bool:
    """Return whether this build is on a catalog of one's own, where raw tables and readers are."""
    return engine() == "spark" and catalog() != "in-memory"


def reads_landing_zone() -> bool:
    """Return whether raw records are files: a catalog of one's own has tables instead."""
    return not is_on_catalog()


def require_engine() -> str:
    """Return the engine. Raises ValueError, with what to do, if it cannot run on this machine."""
    name = engine()
    if name == "spark":
        require_spark()
    return name


def require_spark() -> None:
    """Raise ValueError, with what to do, if Spark cannot run on this machine."""
    if not find_spec("pyspark") or not find_spec("dbt.adapters.spark"):
        raise ValueError(_NOT_INSTALLED)
    catalog()
    require_java()
    refuse_other_spark()


def refuse_other_spark() -> None:
    """Raise ValueError if a variable leads to another Spark than that of this Python.

    Spark itself would fail much later, by an error that names no variable.
    """
    # Its text may have a token. An empty one counts too.
    if "SPARK_REMOTE" in os.environ:
        raise ValueError(
            "SPARK_REMOTE is set, and Tenure cannot use Spark Connect: unset it. SPARK_MASTER may"
            " name a cluster, such as spark://host:7077"
        )
    # It is no setting of Tenure, so the command for the next try does not have it.
    if "SPARK_HOME" not in os.environ:
        return
    home = os.environ["SPARK_HOME"]
    if Path(home).resolve() == _own_spark().resolve():
        return
    needed, found = _version_of(_own_spark()), _version_of(Path(home))
    if found != needed:
        raise ValueError(
            f"SPARK_HOME={home} has {f'Spark {found}' if found else 'no Spark'}, and Tenure runs"
            f" Spark {needed} only: unset SPARK_HOME, then Spark's package for Python is used"
        )


def _own_spark() -> Path:
    """Return the folder of Spark's package for Python."""
    package = find_spec("pyspark")
    if not package or not package.origin:
        raise ValueError(_NOT_INSTALLED)
    return Path(package.origin).parent


def _version_of(home: Path) -> str:
    """Return the version of a Spark by its jars, with that of Scala: "4.3.0 (Scala 2.13)"."""
    names = (path.name for path in home.glob("jars/spark-core_*.jar"))
    found = (re.fullmatch(r"spark-core_([\d.]+)-(.+)\.jar", name) for name in names)
    return " and ".join(sorted(f"{name[2]} (Scala {name[1]})" for name in found if name))


def require_java() -> None:
    """Raise ValueError unless there is a Java that Spark can use."""
    needed = f"Spark needs Java {_OLDEST_JAVA} or later"
    remedy = "install it (on Debian: openjdk-17-jre-headless), or let JAVA_HOME name its folder"
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")
    if not java:
        where = f"JAVA_HOME={home} has none" if home else "there is none"
        raise ValueError(f"{needed}, and {where}: {remedy}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    # "17.0.15", and "1.8.0_402" in the days of Java 8.
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    if not found or int(found[1]) < _OLDEST_JAVA:
        version = f"version {found[1]}" if found else "of an unknown version"
        raise ValueError(f"{needed}, and {java} is {version}: {remedy}")


if __name__ == "__main__":
    # `make setup-spark` asks before it installs Spark.
    try:
        require_java()
    except ValueError as error:
        sys.exit(str(error))
