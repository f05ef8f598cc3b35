"""The volume guard, on hand-made files."""

import duckdb
import pytest

from orchestration.volume import volume_drops


@pytest.fixture
def file(tmp_path):
    """Write a file that has read so many rows of each table, in two files each."""

    def write(name, **rows):
        path = tmp_path / name
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                "create schema meta;"
                "create table meta.source_files (table_name varchar, rows_read bigint)"
            )
            for table, count in rows.items():
                connection.execute(
                    "insert into meta.source_files values (?, ?), (?, 1)", [table, count - 1, table]
                )
        return path

    return write


def test_half_of_the_rows_is_enough(file):
    served = file("served", orders=10, refunds=4)
    assert volume_drops(file("same", orders=5, refunds=4), served) == []


def test_less_than_half_and_nothing_at_all_are_named(file):
    served = file("served", orders=1_000, refunds=4, customers=7)
    assert volume_drops(file("less", orders=499, customers=70), served) == [
        "orders: 499 rows read, 1,000 in the published build",
        "refunds: 0 rows read, 4 in the published build",
    ]


def test_a_table_that_is_new_and_a_first_build_are_fine(file, tmp_path):
    assert volume_drops(file("more", orders=5, refunds=5), file("served", orders=5)) == []
    assert volume_drops(file("first", orders=5), tmp_path / "nothing") == []
