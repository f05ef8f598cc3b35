"""`make query` and `make show`, on the build of the sample and on tables made by hand."""

import csv
import os
import subprocess
import sys

import duckdb
import pytest
from conftest import MARTS, ROOT

from orchestration import query, show
from orchestration.telling.tables import as_table

MONTHS = "select month, closing_mrr, nrr from churn.rpt_mrr where segment_name = 'all' order by 1"


@pytest.fixture
def home(build, built_home, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(built_home))
    return built_home


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command in this process: its exit code, the lines that it prints, and its complaint."""

    def run(command, *arguments):
        monkeypatch.setattr(sys, "argv", ["command", *arguments])
        code = command.main()
        printed, complaint = capsys.readouterr()
        return code, printed.splitlines(), complaint

    return run


def published(home, sql):
    with duckdb.connect(home / "serve/current/tenure.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_query_prints_every_digit_of_its_rows(home, run):
    code, lines, complaint = run(query, f"--sql={MONTHS}")
    expected = published(home, MONTHS)
    assert (code, complaint) == (0, "")
    assert lines[0].split() == ["month", "closing_mrr", "nrr"]
    assert [line.split() for line in lines[2:]] == [
        ["NULL" if value is None else str(value) for value in row] for row in expected
    ]


def test_a_long_result_is_cut_with_a_line_that_counts_the_rest(home, run):
    [(orders,)] = published(home, "select count(*) from core.fct_orders")
    _, lines, _ = run(query, "--sql=select order_id from core.fct_orders")
    assert len(lines) == 2 + 40 + 1
    assert lines[-1] == f"... and {orders - 40:,} more rows; LIMIT={orders} shows all"
    _, lines, _ = run(query, "--sql=select order_id from core.fct_orders", f"--limit={orders}")
    assert len(lines) == 2 + orders


def test_csv_has_all_rows_as_they_are(home, run):
    sql = "select * from core.fct_orders order by order_id"
    code, lines, complaint = run(query, f"--sql={sql}", "--format=csv")
    assert (code, complaint) == (0, "")
    assert list(csv.reader(lines[1:])) == [
        ["" if value is None else str(value) for value in row] for row in published(home, sql)
    ]
    _, lines, complaint = run(query, f"--sql={sql}", "--format=csv", "--limit=7")
    assert len(lines) == 8 and complaint.startswith("... and ")


def test_a_pivot_is_one_query(home, run):
    sql = "pivot churn.rpt_churn_reasons on is_voluntary using sum(customers) group by month"
    code, lines, _ = run(query, f"--sql={sql}")
    assert code == 0
    assert lines[0].split() == ["month", "false", "true"]


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("", 2, "Give one query"),
        ("-- nothing", 2, "Give one query"),
        ("select 1; select 2", 2, "Give one query"),
        ("create table core.more as select 1", 2, "cannot be changed"),
        ("copy core.dim_dates to 'out.csv'", 2, "cannot be changed"),
        ("set threads = 1; select 1", 1, "been locked"),
        ("drop table core.dim_dates; select 1", 1, "read-only mode"),
        ("select * from read_text('pyproject.toml')", 1, "disabled by configuration"),
        ("selec 1", 1, "syntax error"),
        ("select * from core.fct_order", 1, "Did you mean"),
    ],
)
def test_anything_else_is_refused_in_plain_words(home, run, sql, code, words):
    done, lines, complaint = run(query, f"--sql={sql}")
    assert (done, lines) == (code, [])
    assert words in complaint and "Traceback" not in complaint


@pytest.mark.parametrize("option", ["--limit=0", "--limit=many", "--limit=-1", "--format=json"])
def test_a_wrong_option_is_refused_with_what_is_allowed(home, run, option):
    code, lines, complaint = run(query, "--sql=select 1", option)
    assert (code, lines) == (2, [])
    assert "is not allowed; give" in complaint


@pytest.mark.parametrize("command", [query, show])
def test_before_the_first_build_it_says_what_to_run(tmp_path, monkeypatch, run, command):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    code, lines, complaint = run(command)
    assert (code, lines) == (1, [])
    assert complaint == f"Nothing has been published under {tmp_path}/serve. Run: make build\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [query, show])
def test_a_file_that_cannot_be_read_is_one_complaint(tmp_path, monkeypatch, run, command):
    (tmp_path / "serve/versions/one").mkdir(parents=True)
    (tmp_path / "serve/versions/one/tenure.duckdb").write_bytes(b"torn" * 5000)
    (tmp_path / "serve/current").symlink_to("versions/one")
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    code, lines, complaint = run(command)
    assert (code, lines) == (1, [])
    assert "serve/current/tenure.duckdb cannot be read: " in complaint


def test_make_passes_every_sign_of_the_sql_on(home):
    """Also quotes, and the dollar that make takes for the start of a variable."""
    sql = """select '$a $(b) $$' as "it's", 'two
lines' as second"""
    made = subprocess.run(
        ["make", "--silent", "query", f"SQL={sql}", "FORMAT=csv"],
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if name != "MAKEFLAGS"},
        capture_output=True,
        text=True,
    )
    assert made.stdout == 'it\'s,second\n$a $(b) $$,"two\nlines"\n', made.stderr


def test_a_reader_that_stops_early_is_no_fault(home):
    """The rows are more than a pipe holds, so that there is something left to write."""
    piped = subprocess.run(
        f"{sys.executable} -m orchestration.query --limit=500 --sql='from core.fct_orders' | true",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (piped.stdout, piped.stderr) == ("", "")


# --- The tables ----------------------------------------------------------------------------------


def test_the_list_has_every_table_with_its_rows(home, run):
    code, lines, _ = run(show)
    assert code == 0
    found = {line.split()[0]: int(line.split()[1]) for line in lines[4:-2]}
    assert found.keys() >= MARTS
    assert found == {name: published(home, f"select count(*) from {name}")[0][0] for name in found}
    assert all("  One row per " in line and line.endswith(".") for line in lines[4:-2])


def test_a_table_is_described_with_the_latest_rows_of_the_total(home, run):
    code, lines, _ = run(show, "--table=rpt_mrr", "--limit=3")
    [(rows,)] = published(home, "select count(*) from churn.rpt_mrr")
    columns = published(
        home,
        "select column_name, data_type, comment from duckdb_columns()"
        " where schema_name = 'churn' and table_name = 'rpt_mrr'",
    )
    latest = published(
        home,
        "select month, closing_mrr from churn.rpt_mrr where segment_name = 'all'"
        " order by month desc limit 3",
    )
    assert code == 0
    assert lines[0] == f"churn.rpt_mrr, {rows:,} rows"
    assert lines[1].startswith("One row per segment and month")
    described = [line.split(maxsplit=2) for line in lines[5 : 5 + len(columns)]]
    assert described == [[name, kind, text] for name, kind, text in columns]
    names, _, *shown = (line.split() for line in lines[-5:])
    assert [(row[names.index("month")], row[names.index("closing_mrr")]) for row in shown] == [
        (str(month), str(mrr)) for month, mrr in latest
    ]


def test_the_query_that_it_names_gives_the_rows_that_it_shows(home, run):
    _, lines, _ = run(show, "--table=churn.RPT_MRR")
    [line] = [line for line in lines if line.startswith("make query")]
    sql = line.split('"')[1]
    _, again, _ = run(query, f"--sql={sql}", "--limit=5")
    assert lines[-7:] == again[:-1]


def test_every_table_can_be_shown(home, run):
    for name in sorted(MARTS):
        code, lines, complaint = run(show, f"--table={name}")
        assert (code, complaint) == (0, ""), name
        assert lines[0].startswith(f"{name}, ")


@pytest.mark.parametrize(
    ("given", "meant"), [("rpt_mr", "churn.rpt_mrr"), ("chrun.rpt_mrr", "churn.rpt_mrr")]
)
def test_an_unknown_table_is_refused_with_close_names_and_all_names(home, run, given, meant):
    code, lines, complaint = run(show, f"--table={given}")
    assert (code, lines) == (2, [])
    assert f"No published table {given!r}. Did you mean {meant}? There are: " in complaint
    assert all(name in complaint for name in MARTS)
    assert "Did you mean" not in run(show, "--table=xyzzy")[2]


def test_a_name_in_two_schemas_is_no_guess():
    tables = [show.PublishedTable(schema, "customers", "") for schema in ("bi", "core")]
    with pytest.raises(show.UnknownTableError, match=r"several schemas: bi\.customers, core\.cust"):
        show.find_table(tables, "customers")
    assert show.find_table(tables, "core.customers") == tables[1]


def test_a_view_is_a_table_too(tmp_path, monkeypatch, run):
    folder = tmp_path / "serve/versions/one"
    folder.mkdir(parents=True)
    (tmp_path / "serve/current").symlink_to("versions/one")
    with duckdb.connect(folder / "tenure.duckdb") as connection:
        connection.execute("create schema bi")
        connection.execute("create view bi.months as select date '2025-01-01' as month")
        connection.execute("comment on view bi.months is 'One row per month.'")
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    code, lines, _ = run(show, "--table=months")
    assert code == 0
    assert lines[:2] == ["bi.months, 1 rows", "One row per month."]


# --- The form ------------------------------------------------------------------------------------


def test_a_table_too_wide_for_the_terminal_is_turned_and_whole():
    names = [f"column_{number}" for number in range(9)]
    rows = [[f"{row}-{number}" * 3 for number in range(9)] for row in range(10)]
    lines = as_table(names, rows, 60)
    assert max(len(line) for line in lines) <= 60
    words = {word for line in lines for word in line.split()}
    assert words >= {*names, *(cell for row in rows for cell in row)}
    assert as_table(names, rows, 400)[0].split() == names


def test_a_long_text_goes_on_below():
    text = " ".join(f"word{number}" for number in range(40))
    lines = as_table(["name", "holds"], [["a", text]], 50, is_turned=False)
    assert max(len(line) for line in lines) <= 50
    assert " ".join(" ".join(lines[2:]).split()) == f"a {text}"


def test_a_terminal_shows_six_digits_of_a_double_and_all_of_money():
    row = [0.9509839686030318, 1234567.125, 1e-9, 12345678.90, None, True]
    shown = as_table([f"c{i}" for i in range(len(row))], [row], 200)[2]
    assert shown.split() == ["0.950984", "1234567.125", "1e-09", "12345678.9", "NULL", "true"]


def test_text_from_outside_cannot_steer_the_terminal_or_the_table():
    [line] = as_table(["id"], [["[red]\x1b[2Ja\nb"]])[2:]
    assert line == "[red]\\x1b[2Ja\\nb"
