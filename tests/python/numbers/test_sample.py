"""The committed sample is what its generator writes, and it is small."""

import csv
import gzip
import subprocess
import sys
from datetime import UTC, datetime

import duckdb
import pytest
from conftest import ROOT, SAMPLE

TRUTH = ROOT / "data" / "sample_truth"
TABLES = (
    *("carts", "contacts", "customers", "feedback", "marketing_spend", "milestones"),
    *("orders", "refunds", "subscriptions", "tickets"),
)
EVENT_COLUMNS = (
    "ordered_at",
    "refunded_at",
    "started_at",
    "effective_at",
    "updated_at",
    "ended_at",
    "cancel_requested_at",
)


def file_names(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def csv_text(path):
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode()


def parquet_rows(path):
    with duckdb.connect() as connection:
        cursor = connection.execute("select * from read_parquet(?)", [str(path)])
        names_and_types = [(column[0], str(column[1])) for column in cursor.description]
        return names_and_types, cursor.fetchall()


def event_times():
    """Yield every time in the sample that can move the as-of date, except what cannot be read."""
    for name in file_names(SAMPLE):
        path = SAMPLE / name
        if path.suffix == ".parquet":
            columns, rows = parquet_rows(path)
            records = (
                dict(zip([column for column, _ in columns], row, strict=True)) for row in rows
            )
        else:
            records = csv.DictReader(csv_text(path).splitlines())
        for record in records:
            for column in EVENT_COLUMNS:
                value = record.get(column)
                if not value or value == "31/12/2024":
                    continue
                moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
                yield (moment if moment.tzinfo else moment.replace(tzinfo=UTC)), record


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    script = ROOT / "data" / "generate_sample.py"
    subprocess.run([sys.executable, str(script), str(folder)], check=True)
    return folder


def test_the_generator_writes_the_committed_files(regenerated):
    assert file_names(regenerated) == file_names(SAMPLE)


@pytest.mark.parametrize("name", file_names(SAMPLE))
def test_the_generator_writes_the_committed_rows(regenerated, name):
    read = parquet_rows if name.endswith(".parquet") else csv_text
    # pytest would show a difference of a thousand lines, which helps nobody.
    is_same = read(regenerated / name) == read(SAMPLE / name)
    assert is_same, f"{name} differs: run `python data/generate_sample.py` and commit the result"


def test_the_generator_writes_the_committed_truth(regenerated):
    again = regenerated.with_name(f"{regenerated.name}_truth")
    assert file_names(again) == file_names(TRUTH)
    for name in file_names(TRUTH):
        is_same = (again / name).read_bytes() == (TRUTH / name).read_bytes()
        assert is_same, (
            f"{name} differs: run `python data/generate_sample.py` and commit the result"
        )


def test_lines_end_with_a_line_feed():
    for name in file_names(SAMPLE):
        if not name.endswith(".parquet"):
            text = csv_text(SAMPLE / name)
            assert "\r" not in text, name
            assert text.endswith("\n"), name


def test_all_tables_come_in_several_files():
    assert sorted(path.name for path in SAMPLE.iterdir()) == list(TABLES)
    for table in TABLES:
        assert len(file_names(SAMPLE / table)) > 1, table


def test_the_sample_is_small():
    assert sum((SAMPLE / name).stat().st_size for name in file_names(SAMPLE)) <= 2 * 1024 * 1024
    assert sum((TRUTH / name).stat().st_size for name in file_names(TRUTH)) <= 300 * 1024


def test_the_data_ends_on_17_december_2025_until_2031():
    # An end that is set for 2026 becomes the latest event when 2026 is over. It would move the
    # as-of date, and the same files would give other marts. The one end in 2099 stands for none.
    times = [(moment, record) for moment, record in event_times() if moment.year != 2099]
    assert len(list(event_times())) == len(times) + 1
    assert max(moment.year for moment, _ in times) == 2031
    past = [(moment, record) for moment, record in times if moment.year < 2031]
    assert max(moment for moment, _ in past).date().isoformat() == "2025-12-17"
    assert any(str(record.get("ordered_at")).startswith("2025-12-17") for _, record in past)
