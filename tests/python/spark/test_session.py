"""What dbt gets from Spark here: strict arithmetic, and tables for Python models."""

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from conftest import ROOT

from orchestration import paths
from orchestration.settings.engine import (
    SPARK_VARIABLES,
    catalog,
    engine,
    refuse_other_spark,
    require_engine,
    require_java,
)
from orchestration.spark.__main__ import main
from orchestration.spark.running import touches_tables
from orchestration.spark.session import settings

SIX_ROWS = (
    "select cast(id % 3 as int) as kind, cast(id as decimal(18, 2)) / 4 as amount from range(6)"
)


@pytest.mark.spark
def test_what_overflows_or_is_no_number_fails_in_the_session_of_dbt(spark):
    from dbt.adapters.spark.connections import SparkConnectionMethod, SparkCredentials
    from dbt.adapters.spark.session import Cursor

    from orchestration.spark.adapter import adapt

    adapt()
    credentials = SparkCredentials(host="none", schema="main", method=SparkConnectionMethod.SESSION)
    for expression in (
        "cast(1e17 as decimal(18, 2))",
        "cast('twelve' as int)",
        "cast(9223372036854775807 as bigint) + 1",
        "cast('2025-02-30' as date)",
    ):
        cursor = Cursor(server_side_parameters=credentials.server_side_parameters)
        with pytest.raises(Exception, match=r"OVERFLOW|OUT_OF_RANGE|INVALID|CAST"):
            cursor.execute(f"select {expression}")
            cursor.fetchall()


@pytest.mark.parametrize("made_by", ["", "strict"])
def test_plain_dbt_is_refused_before_it_lists_schemas(made_by):
    def refuse(text):
        raise ValueError(text)

    asked = []
    of_dbt = {
        "env_var": lambda name, default: {"TENURE_SPARK_SESSION": made_by}.get(name, default),
        "exceptions": SimpleNamespace(raise_compiler_error=refuse),
        "statement": lambda name, caller, **others: asked.append(caller().strip()) or "",
        "load_result": lambda name: SimpleNamespace(table="core, staging"),
        "return": lambda value: value,
    }
    text = (ROOT / "macros/engine/session.sql").read_text()
    extensions = ["jinja2.ext.do"]
    macros = jinja2.Environment(extensions=extensions).from_string(text, globals=of_dbt).module
    if made_by:
        assert macros.spark__list_schemas("none").strip() == "core, staging"
        assert asked == ["show databases"]
    else:
        with pytest.raises(ValueError, match=r"UTC, .*Run: \S+ -m orchestration\.spark <command"):
            macros.spark__list_schemas("none")
        assert asked == []


@pytest.mark.spark
def test_plain_dbt_on_spark_is_refused_with_what_to_run(needs_spark, tmp_path):
    unset = {"TENURE_SPARK_SESSION"}
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "seed", "--target", "spark"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in unset}
        | {
            **{"TENURE_HOME": str(tmp_path), "DBT_TARGET_PATH": str(tmp_path / "target")},
            **{"DBT_LOG_PATH": str(tmp_path / "logs"), "SPARK_LOCAL_IP": "127.0.0.1"},
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "-m orchestration.spark <command of dbt>" in done.stdout


@pytest.mark.spark
def test_a_python_model_sees_what_it_sees_on_duckdb(spark):
    import duckdb

    from orchestration.spark.relations import SparkRelation

    here, there = duckdb.sql(SIX_ROWS.replace(" id", " range").replace("(id", "(range")), None
    there = SparkRelation(spark.sql(SIX_ROWS))
    for chosen in (
        lambda table: table.order("kind, amount").df(),
        lambda table: table.filter("kind = 1").project("amount").order("amount").df(),
        lambda table: table.project("kind").distinct().order("kind").df(),
        lambda table: table.aggregate("kind, sum(amount) as total").order("kind").df(),
    ):
        assert chosen(there).equals(chosen(here))


@pytest.mark.spark
@pytest.mark.parametrize(
    ("kind", "options"), [("delta", {"overwriteSchema": "true"}), ("parquet", {}), ("iceberg", {})]
)
def test_a_python_model_may_get_other_columns_on_delta(kind, options, monkeypatch):
    from pyspark.sql import SparkSession

    from orchestration.spark.adapter import ModelsOfThisProcess

    given = {}
    write = SimpleNamespace()
    write.format = write.mode = lambda text: write
    write.option = lambda name, value: given.update({name: value}) or write
    write.saveAsTable = lambda table: given.update(table=table)
    spark = SimpleNamespace(table=None, createDataFrame=lambda rows: SimpleNamespace(write=write))
    monkeypatch.setattr(SparkSession, "active", lambda: spark)
    model = {"schema": "core", "alias": "fits", "config": {"file_format": kind}}
    code = (
        "import pandas\ndbtObj = lambda load: None\nmodel = lambda *_: pandas.DataFrame({'n': [1]})"
    )
    ModelsOfThisProcess(model, None).submit(code)
    assert given == {"table": "core.fits", **options}


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """The folder of Spark's package for Python, and no variable that leads to another one."""
    for name in ("SPARK_HOME", "SPARK_REMOTE"):
        monkeypatch.delenv(name, raising=False)
    folder = with_jars(tmp_path / "pyspark", "spark-core_2.13-4.3.0.jar")
    monkeypatch.setattr("orchestration.settings.engine._own_spark", lambda: folder)
    return folder


def with_jars(folder, *names):
    (folder / "jars").mkdir(parents=True)
    for name in names:
        (folder / "jars" / name).touch()
    return folder


def test_a_spark_home_of_the_same_version_will_do(installed, monkeypatch, tmp_path):
    refuse_other_spark()
    (tmp_path / "link").symlink_to(installed)
    same = with_jars(tmp_path / "opt", "spark-core_2.13-4.3.0.jar", "spark-sql_2.13-4.3.0.jar")
    for home in (installed, tmp_path / "link", same):
        monkeypatch.setenv("SPARK_HOME", str(home))
        refuse_other_spark()


@pytest.mark.parametrize(
    ("jars", "said"),
    [
        (["spark-core_2.12-3.5.1.jar"], r"has Spark 3\.5\.1 \(Scala 2\.12\)"),
        (["spark-sql_2.13-4.3.0.jar"], "has no Spark"),
    ],
)
def test_a_spark_home_of_another_version_is_named(jars, said, installed, monkeypatch, tmp_path):
    home = with_jars(tmp_path / "opt", *jars)
    monkeypatch.setenv("SPARK_HOME", str(home))
    runs = r"and Tenure runs Spark 4\.3\.0 \(Scala 2\.13\) only: unset SPARK_HOME"
    with pytest.raises(ValueError, match=f"SPARK_HOME={home} {said}, {runs}"):
        refuse_other_spark()


def test_spark_connect_is_refused_before_a_build_and_its_token_is_not_told(installed, monkeypatch):
    for name in ("find_spec", "require_java"):
        monkeypatch.setattr(f"orchestration.settings.engine.{name}", lambda *_: True)
    monkeypatch.setenv("TENURE_ENGINE", "spark")
    require_engine()
    monkeypatch.setenv("SPARK_REMOTE", "sc://host:15002/;token=secret")
    with pytest.raises(ValueError, match="Tenure cannot use Spark Connect: unset it") as refusal:
        require_engine()
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("goal", ["setup-spark", "spark", "spark-test"])
def test_make_asks_for_java_before_it_installs_spark(goal):
    unset = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}
    done = subprocess.run(
        ["make", "--dry-run", "--assume-new=requirements-spark.lock", goal],
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if name not in unset},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    before, _, _ = done.stdout.partition("-r requirements-spark.lock")
    assert "-m orchestration.settings.engine" in before
    # It asks each time, and not only when there is something to install.
    assert done.stdout.count("-m orchestration.settings.engine") == 2


@pytest.mark.parametrize(
    ("version", "is_installed"),
    [(None, True), ("11.0.2", True), ("1.8.0_402", True), ("17.0.15", False), ("21", False)],
)
def test_ci_installs_java_where_there_is_none_or_an_old_one(version, is_installed, tmp_path):
    programs = {"apt-get": "echo $*", "make": "echo make $* $JAVA_HOME", "dpkg": "echo amd64"}
    if version:
        programs["java"] = f"echo 'openjdk version \"{version}\" 2024-07-16' >&2"
    for name in ("bash", "dirname", "sed"):
        (tmp_path / name).symlink_to(shutil.which(name))
    for name, does in {**programs, "chromium": ":"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [tmp_path / "bash", ROOT / ".ci/run"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    home = " /usr/lib/jvm/java-17-openjdk-amd64" if is_installed else ""
    assert done.stdout.splitlines()[-2:] == [f"make test{home}", f"make spark-test{home}"]
    assert ("openjdk-17-jre-headless" in done.stdout) == is_installed


def test_a_machine_without_java_is_told_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="needs Java 17 or later, and there is none: install it"):
        require_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"JAVA_HOME=.* has none"):
        require_java()


@pytest.mark.parametrize(
    ("version", "said"), [('"1.8.0_402"', "version 8"), ('"11.0.2"', "version 11"), ("", "unknown")]
)
def test_an_old_java_is_named(monkeypatch, tmp_path, version, said):
    java = tmp_path / "bin/java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho 'openjdk version {version}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=f"needs Java 17 or later, and .*bin/java is .*{said}"):
        require_java()


def test_a_new_java_will_do(monkeypatch, tmp_path):
    java = tmp_path / "bin/java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"21.0.4\" 2024-07-16' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    require_java()


def test_an_unknown_engine_or_catalog_is_refused_with_those_that_there_are(monkeypatch):
    monkeypatch.setenv("TENURE_ENGINE", "flink")
    with pytest.raises(ValueError, match="'flink' is none of duckdb, spark"):
        require_engine()
    monkeypatch.setenv("SPARK_CATALOG", "glue")
    with pytest.raises(ValueError, match="'glue' is none of in-memory, hive, iceberg, delta"):
        catalog()
    monkeypatch.delenv("TENURE_ENGINE")
    assert engine() == "duckdb"


def test_a_command_by_hand_needs_a_command_of_dbt(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["orchestration.spark"])
    assert main() == 2
    assert capsys.readouterr().out.startswith("Give a command of dbt, such as: python -m")


def test_a_command_by_hand_without_spark_says_what_installs_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.setattr("orchestration.settings.engine.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["orchestration.spark", "build"])
    assert main() == 2
    assert "Spark is not installed; `make setup-spark` installs it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "touches"),
    [
        (["ls", "--select", "rpt_mrr"], False),
        (["--debug", "parse"], False),
        (["build"], True),
        (["show", "--select", "ls"], True),
    ],
)
def test_a_command_without_tables_is_known_by_its_name(arguments, touches):
    assert touches_tables(arguments) == touches


@pytest.mark.parametrize(("command", "is_left"), [("ls", True), ("build", False)])
def test_a_command_by_hand_without_tables_leaves_those_of_the_last_one(
    command, is_left, monkeypatch, tmp_path
):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    for name in ("require_spark", "prepare_raw_tables"):
        monkeypatch.setattr(f"orchestration.spark.__main__.{name}", lambda *_: None)
    monkeypatch.setattr("orchestration.spark.__main__.run_dbt", lambda *_: True)
    monkeypatch.setattr(sys, "argv", ["orchestration.spark", command])
    paths.spark().mkdir(parents=True)
    assert main() == 0
    assert paths.spark().exists() == is_left


@pytest.mark.parametrize("kind", ["in-memory", "hive", "iceberg", "delta"])
def test_the_docs_name_each_setting_that_is_always_set(kind, monkeypatch):
    monkeypatch.setenv("SPARK_CATALOG", kind)
    monkeypatch.delenv("SPARK_CONF_DIR", raising=False)
    docs = (ROOT / "docs/engines.md").read_text()
    assert not [name for name in settings() if f"`{name}`" not in docs]
    for name in SPARK_VARIABLES:
        assert f"| `{name}` |" in docs


def test_a_metastore_of_its_own_may_be_in_a_folder_with_spaces(monkeypatch, tmp_path):
    monkeypatch.setenv("SPARK_CATALOG", "hive")
    monkeypatch.delenv("SPARK_CONF_DIR", raising=False)
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "our shop's home"))
    options = shlex.split(settings()["spark.driver.extraJavaOptions"])
    assert options[-1] == f"-Dderby.system.home={tmp_path}/our shop's home/spark"
    assert "-XX:TieredStopAtLevel=1" in options


def test_a_command_by_hand_leaves_a_running_night_alone(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["orchestration.spark", "build"])
    paths.spark().mkdir(parents=True)
    with paths.lock_file().open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main() == 2
    assert "another build is running" in capsys.readouterr().out
    assert paths.spark().exists()
