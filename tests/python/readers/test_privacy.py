"""No e-mail and no name leaves the private warehouse, in a good build or in a failing one.

A thousand people are written in every way that files allow. They are in quotes, in capitals, in
other scripts, in rejected or superseded rows, and in an unknown column. After each build,
everything under TENURE_HOME is searched, and everything that the build has said. Only the folder
build/ is left out: the private warehouse, which holds the raw files, and what it spills.
"""

import csv
import gzip
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import duckdb
import pytest
from conftest import project_copy, run_build

pytestmark = pytest.mark.torture

PEOPLE = 1000
SURNAMES = [
    "Ångström",
    "Иванова",
    "山田",
    "O'Neill",
    "van der Berg",
    "Müller-Lüdenscheidt",
    'Q"uote',
]
COLUMNS = ["customer_id", "signed_up_at", "email", "full_name", "country", "updated_at"]


def people() -> list[dict]:
    """Customers, each under an e-mail and a name that nobody else has.

    Both contain the number of the person in letters, so that a piece of them is found, too.
    """
    draw = random.Random(7)
    rows = []
    for number in range(PEOPLE):
        mark = mark_of(number)
        local = draw.choice([mark, f"{mark}+shop", f'"{mark} at, home"', mark.upper(), f"é.{mark}"])
        rows.append(
            {
                "customer_id": f"c{number}",
                "signed_up_at": f"2025-01-{1 + number % 28:02}",
                "email": f"{local}@{draw.choice(['example.com', 'EXAMPLE.ORG', 'müller.example'])}",
                "full_name": f"{mark.capitalize()} {draw.choice(SURNAMES)}, {mark.upper()}",
                "country": draw.choice(["DE", "US"]),
                "updated_at": "2025-02-01T00:00:00Z",
            }
        )
    return rows


def mark_of(number: int) -> str:
    """Letters that occur nowhere else: once in each e-mail, and twice in each name."""
    return "zqx" + "".join("bcdfghjkmn"[int(digit)] for digit in f"{number:03}") + "xqz"


# Small or capital letters, of one or two bytes each. JSON and URLs leave ASCII as it is.
MARK = re.compile(
    b"zqx[bcdfghjkmn]{3}xqz|z\0q\0x\0(?:[bcdfghjkmn]\0){3}x\0q\0z",
    re.IGNORECASE,
)


def leaks(home: Path, build: CompletedProcess) -> list[str]:
    """The places where a mark was found, in written files and in what the build said."""
    found = [name for name, data in written(home) if MARK.search(data)]
    said = {"stdout": build.stdout, "stderr": build.stderr}
    return found + [name for name, text in said.items() if MARK.search(text.encode())]


def written(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file outside of build/ as it is, and unpacked: gzip, DuckDB and Parquet."""
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if path.is_symlink() or not path.is_file() or name.startswith("build/"):
            continue
        data = path.read_bytes()
        yield name, f"{name}\n".encode() + data
        if data[:2] == b"\x1f\x8b":
            yield f"{name}, unpacked", gzip.decompress(data)
        if path.suffix in (".duckdb", ".parquet"):
            yield f"{name}, read", "\n".join(texts(path)).encode()


def texts(path: Path) -> Iterator[str]:
    """Every row, comment and statistic of a DuckDB or Parquet file, as text."""
    with duckdb.connect() as connection:
        if path.suffix == ".parquet":
            tables = [f"'{path}'", f"parquet_metadata('{path}')"]
        else:
            connection.execute(f"attach '{path}' as served (read_only)")
            names = connection.sql(
                "select table_schema || '.' || table_name from information_schema.tables"
                " where table_catalog = 'served'"
            ).fetchall()
            tables = [f"served.{name}" for (name,) in names]
            tables += ["duckdb_tables()", "duckdb_views()", "duckdb_columns()"]
        for table in tables:
            for (row,) in connection.sql(f"select t::varchar from {table} as t").fetchall():
                yield row


# --- The landing zone -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """A quarter of the people in Parquet, the others in CSV, and bad rows among them.

    Some have ended a subscription, and gave their names together with the reason.
    """
    folder = tmp_path_factory.mktemp("raw")
    rows = people()
    (folder / "customers").mkdir()
    write_csv(folder / "customers/first.csv", rows[:500])
    bad = [row | {"signed_up_at": "yesterday"} for row in rows[500:600]]
    nameless = [row | {"customer_id": ""} for row in rows[600:650]]
    older = [row | {"updated_at": "2024-02-01T00:00:00Z"} for row in rows[650:750]]
    newer = [row | {"email": "", "full_name": ""} for row in rows[650:750]]
    write_csv(folder / "customers/second.csv", bad + nameless + older + newer)
    with (folder / "customers/second.csv").open("a", encoding="utf-8") as stream:
        for row in rows[750:760]:
            stream.write(f"{row['customer_id']},2025-01-01,{row['full_name']}\n")
            stream.write(f"1,2,3,4,5,6,7,8,9,{row['full_name']}\n")
    write_parquet(folder / "customers/third.parquet", rows[760:])
    (folder / "orders").mkdir()
    with (folder / "orders/orders.csv").open("w") as stream:
        stream.write("order_id,customer_id,ordered_at,amount\n")
        stream.writelines(
            f"o{number}-{time},c{number},2025-0{time}-{1 + number % 28:02},{number % 90}.00\n"
            for number in range(PEOPLE)
            for time in (2, 4, 5)
            if (number + time) % 3
        )
    (folder / "subscriptions").mkdir()
    ended = {
        "started_at": "2025-02-10",
        "amount": "10.00",
        "billing_interval": "month",
        "ended_at": "2025-04-20",
    }
    write_csv(
        folder / "subscriptions/subscriptions.csv",
        [
            {"subscription_id": f"s-{row['customer_id']}", "customer_id": row["customer_id"]}
            | ended
            | {"cancel_reason": f"I, {row['full_name']}, move away. {row['email']}"}
            for row in rows[:100]
        ],
    )
    return folder


def write_csv(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: list[dict]) -> None:
    columns = ", ".join(f"unnest(?) as {name}" for name in COLUMNS)
    with duckdb.connect() as connection:
        values = [[row[name] for row in rows] for name in COLUMNS]
        connection.execute(f"create table people as select {columns}", values)
        connection.execute(f"copy people to '{path}' (format parquet)")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def good(raw, home) -> CompletedProcess:
    build = run_build(raw, home)
    assert build.returncode == 0, build.stdout
    return build


def record(reliability, fault: str, searched: int) -> None:
    how = f"{PEOPLE} e-mails and names looked for in all that is written outside of build/"
    reliability("the reader's side", fault, how, tried=searched, lost="nothing")


def test_the_search_finds_a_person_wherever_one_is(raw, home, good, tmp_path):
    """A test of the search: it finds a person in the warehouse and in each kind of file."""
    warehouse = duckdb.connect(str(home / "build/warehouse.duckdb"), read_only=True)
    with warehouse as connection:
        [(records,)] = connection.sql(
            "select count(email) from staging.stg_customer_records"
        ).fetchall()
        rejected = connection.sql("select raw_record from staging.stg_rejected_records").fetchall()
    assert records >= PEOPLE / 2
    assert sum(bool(MARK.search(text.encode())) for (text,) in rejected) >= 150
    email = people()[0]["email"]
    (tmp_path / "log.txt").write_text(email)
    (tmp_path / "wide.txt").write_text(email, encoding="utf-16")
    (tmp_path / "log.gz").write_bytes(gzip.compress(email.encode()))
    write_parquet(tmp_path / "people.parquet", people())
    with duckdb.connect(str(tmp_path / "people.duckdb")) as connection:
        connection.execute("create table people as select ? as email", [email])
    found = leaks(tmp_path, CompletedProcess([], 0, email, ""))
    assert {name.partition(",")[0] for name in found} == {
        *("log.txt", "wide.txt", "log.gz", "people.parquet", "people.duckdb", "stdout")
    }


def test_a_good_build_shows_nobody(home, good, reliability):
    assert "full_name" in good.stdout
    assert leaks(home, good) == []
    record(reliability, "personal data in a good build", PEOPLE)


PERSON = people()[0]
LINE = f"c1,2025-01-01,{PERSON['email']},{PERSON['full_name']},DE,2025-02-01\n".encode()
HEADING = f"{','.join(COLUMNS)}\n".encode()
BROKEN = {
    "a quote that is not closed": HEADING + LINE + b'c2,2025-01-01,"' + LINE * 3,
    "a quote within a field": HEADING + b'"x"' + LINE,
    "bytes that are not UTF-8": HEADING + LINE + LINE[:-1] + b"\xff\xfe\n" + LINE,
    "line ends of two kinds": HEADING + LINE + LINE[:-1] + b"\r\n" + LINE,
    "a required column that is missing": HEADING.replace(b"customer_id", b"customer") + LINE,
    "a heading that is a row": LINE * 3,
    "a heading that names a person twice": PERSON["full_name"].encode() + b",a,a\n" + LINE,
    "UTF-16": (HEADING + LINE).decode().encode("utf-16"),
    "no Parquet": b"PAR1" + LINE * 3 + b"PAR1",
    "no gzip": LINE * 3,
}
SUFFIXES = {"no Parquet": ".parquet", "no gzip": ".csv.gz"}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_file_that_fails_the_build_shows_nobody(raw, home, good, tmp_path, fault, reliability):
    shutil.copytree(raw, tmp_path / "raw")
    suffix = SUFFIXES.get(fault, ".csv")
    (tmp_path / f"raw/customers/broken{suffix}").write_bytes(BROKEN[fault])
    failed = run_build(tmp_path / "raw", home)
    print(failed.stdout)
    assert failed.returncode == 1
    assert f"customers/broken{suffix}" in failed.stdout
    assert leaks(home, failed) == []
    record(reliability, f"personal data near {fault}", PEOPLE)


def test_a_failing_test_shows_nobody(raw, home, good, tmp_path, reliability):
    project = project_copy(tmp_path / "project")
    (project / "tests/data/stg_customer_records__are_nobody.sql").write_text(
        "select email from {{ ref('stg_customer_records') }} where email is not null"
    )
    failed = run_build(raw, home, project=project)
    assert failed.returncode == 1
    assert re.search(r"stg_customer_records__are_nobody: [\d,]+ failing rows", failed.stdout)
    assert leaks(home, failed) == []
    record(reliability, "personal data in the rows of a failing test", PEOPLE)
