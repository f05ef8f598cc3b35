"""What is told of an error that Spark raises outside of dbt's own steps."""

from orchestration import paths
from orchestration.spark import child

STACK = "\n".join(f"\tat org.apache.spark.sql.Part{n}.run(Part.scala:{n})" for n in range(24))
CAUSE = "Caused by: java.io.IOException: No space left on device"
OF_JAVA = (
    "An error occurred while calling o42.parquet.\n"
    ": org.apache.spark.SparkException: Job aborted due to stage failure\n"
    f"{STACK}\nCaused by: org.apache.spark.SparkException: Task failed\n\tat java.lang\n{CAUSE}\n"
    "\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)\n\t... 9 more"
)


def told(tmp_path, monkeypatch, capsys, error):
    """The last lines of the process in which dbt would have run; five of them reach the report."""

    def fails(arguments, first):
        raise error

    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.setattr(child, "end_with_parent", lambda: None)
    monkeypatch.setattr(child, "run_dbt", fails)
    assert child.main() == 1
    return capsys.readouterr().out.splitlines()[-5:]


def test_a_stack_of_java_is_two_lines_and_the_name_of_a_log(tmp_path, monkeypatch, capsys):
    log = tmp_path / "logs/failure.log"
    assert len(OF_JAVA.splitlines()) == 31
    assert told(tmp_path, monkeypatch, capsys, RuntimeError(OF_JAVA)) == [
        "org.apache.spark.SparkException: Job aborted due to stage failure",
        CAUSE,
        f"the whole error: {log}",
    ]
    assert paths.logs() == log.parent
    assert OF_JAVA in log.read_text() and "in fails" in log.read_text()


def test_an_error_of_spark_without_a_stack_is_its_first_line(tmp_path, monkeypatch, capsys):
    error = RuntimeError("[SCHEMA_NOT_FOUND] The schema `raw` cannot be found.\nVerify it.")
    first, _ = told(tmp_path, monkeypatch, capsys, error)
    assert first == "[SCHEMA_NOT_FOUND] The schema `raw` cannot be found."


def test_a_refusal_of_ours_has_a_line_for_each_fault(tmp_path, monkeypatch, capsys):
    error = ValueError("core belongs to others\nserve belongs to others")
    first, second, _ = told(tmp_path, monkeypatch, capsys, error)
    assert (first, second) == ("core belongs to others", "serve belongs to others")
