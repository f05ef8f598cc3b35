"""The audience files: what a CRM gets, and what it gets only when it is asked for."""

import csv
import os
import shutil
import stat

import duckdb
import pytest
from conftest import ROOT, SAMPLE, run_build

from orchestration import paths
from orchestration.serving.audiences import (
    audience_columns,
    write_audiences,
    write_private_audiences,
)


@pytest.fixture
def warehouse(tmp_path):
    file = tmp_path / "it's a warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("""
            create schema plays; create schema intermediate;
            create schema staging;
            create table intermediate.int_as_of as select date '2025-03-20' as as_of;
            create table intermediate.int_plays_started as from (values
                ('birthday', date '2025-01-01', null),
                ('win_back', date '2025-01-01', date '2025-03-21'),
                ('ended', date '2025-01-01', date '2025-03-20'),
                ('next_year', date '2026-01-01', null)
            ) as plays (play_id, starts_on, ends_on);
            create table plays.audiences as
            select
                'win_back' as play_id, id as customer_id, 'first' as step, 'email' as channel,
                offer, date '2025-03-20' as due_on, place as rank_in_play,
                12.50::decimal(18, 2) as expected_worth, 0.5 as p_alive,
                timestamp '2025-03-19 23:00:00' as enrolled_at
            from (
                values ('c2', 2, '10 %, "now"'), ('=1+1', 1, null), ('merged', 3, null)
            ) as people (id, place, offer);
            create table intermediate.int_customers_assessed as from (values
                ('c2', 'c2'), ('merged', 'old account')
            ) as customers (customer_id, account_id);
            create table staging.stg_customer_records as from (values
                ('c2', 'old@example.com', 'superseded'),
                ('c2', 'ann@example.com', 'accepted'),
                ('old account', 'bob@example.com', 'accepted')
            ) as records (customer_id, email, outcome);
        """)
    return file


def rows(file):
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def write(warehouse, folder):
    with duckdb.connect() as connection:
        file_name = str(warehouse).replace("'", "''")
        connection.execute(f"attach '{file_name}' as warehouse (read_only)")
        write_audiences(connection, folder)


def test_each_running_play_has_a_file_and_it_may_be_empty(warehouse, tmp_path):
    write(warehouse, tmp_path / "audiences")
    assert sorted(file.name for file in (tmp_path / "audiences").iterdir()) == [
        "birthday.csv",
        "win_back.csv",
    ]
    assert rows(tmp_path / "audiences/birthday.csv") == []
    assert rows(tmp_path / "audiences/win_back.csv") == [
        {
            "customer_id": customer_id,
            "step": "first",
            "channel": "email",
            "offer": offer,
            "due_on": "2025-03-20",
            "rank_in_play": rank,
            "expected_worth": "12.50",
            "p_alive": "0.5",
            "enrolled_at": "2025-03-19 23:00:00",
        }
        # The most worth first. An id is never changed, even one that a spreadsheet would work out.
        for customer_id, offer, rank in (
            ("=1+1", "", "1"),
            ("c2", '10 %, "now"', "2"),
            ("merged", "", "3"),
        )
    ]


def test_personal_columns_are_for_the_owner_only(warehouse, tmp_path):
    folder = tmp_path / "home audiences"
    before = os.umask(0)
    try:
        written = write_private_audiences(warehouse, folder, ["email"], paths.scratch())
    finally:
        os.umask(before)
    assert [file.name for file in written] == ["birthday.csv", "win_back.csv"]
    assert sorted(folder.iterdir()) == written
    assert mode(folder) == 0o700 and {mode(file) for file in written} == {0o600}
    assert [(row["customer_id"], row["email"]) for row in rows(written[1])] == [
        ("=1+1", ""),
        ("c2", "ann@example.com"),
        ("merged", "bob@example.com"),
    ]


def test_personal_columns_are_written_within_the_memory_and_folder_of_the_home(
    warehouse, tmp_path, monkeypatch
):
    settings, connect = [], duckdb.connect

    def connect_and_tell(*arguments, **named):
        connection = connect(*arguments, **named)
        settings.extend(
            connection.execute(
                "select current_setting('temp_directory'), current_setting('memory_limit')"
            ).fetchall()
        )
        return connection

    monkeypatch.setenv("TENURE_MEMORY_LIMIT", "512MiB")
    monkeypatch.setattr(duckdb, "connect", connect_and_tell)
    write_private_audiences(warehouse, tmp_path / "audiences", ["email"], paths.scratch())
    assert settings == [(str(paths.scratch()), "512.0 MiB")]


def test_files_that_are_not_asked_for_any_more_are_removed(warehouse, tmp_path):
    folder = tmp_path / "audiences"
    write_private_audiences(warehouse, folder, ["email"], paths.scratch())
    (folder / "old_play.csv").touch()
    (folder / "killed.csv.partial").touch()
    assert write_private_audiences(warehouse, folder, ["email"], paths.scratch()) == sorted(
        folder.iterdir()
    )
    assert write_private_audiences(warehouse, folder, [], paths.scratch()) == []
    assert list(folder.iterdir()) == []


def test_a_list_that_cannot_be_written_leaves_none_of_yesterday(warehouse, tmp_path):
    folder = tmp_path / "audiences"
    yesterday = write_private_audiences(warehouse, folder, ["email"], paths.scratch())
    assert yesterday
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("alter table staging.stg_customer_records drop column email")
    with pytest.raises(duckdb.Error, match="email"):
        write_private_audiences(warehouse, folder, ["email"], paths.scratch())
    assert list(folder.iterdir()) == []


def test_nothing_is_made_when_nobody_asked(warehouse, tmp_path):
    assert write_private_audiences(warehouse, tmp_path / "audiences", [], paths.scratch()) == []
    assert not (tmp_path / "audiences").exists()


@pytest.mark.parametrize("play_id", ["../win_back", "a/b", "Win back", ""])
def test_a_name_that_is_no_file_name_is_refused(warehouse, tmp_path, play_id):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update intermediate.int_plays_started set play_id = ? where play_id = 'birthday'",
            [play_id],
        )
    with pytest.raises(ValueError, match="small letters"):
        write(warehouse, tmp_path / "audiences")


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", []), ("email", ["email"]), (" email , country ", ["email", "country"])],
)
def test_columns_are_those_of_customers(monkeypatch, text, columns):
    monkeypatch.setenv("TENURE_AUDIENCE_COLUMNS", text)
    assert audience_columns() == columns


@pytest.mark.parametrize("text", ["phone", "email, phone", "email,email", "email,,country", "a'b"])
def test_other_columns_are_refused(monkeypatch, text):
    monkeypatch.setenv("TENURE_AUDIENCE_COLUMNS", text)
    with pytest.raises(ValueError, match="TENURE_AUDIENCE_COLUMNS"):
        audience_columns()


def test_a_declared_column_that_staging_leaves_out_is_refused(monkeypatch, tmp_path):
    """It goes to staging once it is passed through."""
    staging = tmp_path / "models/staging"
    staging.mkdir(parents=True)
    shutil.copy(ROOT / "models/staging/stg_customer_records.yml", staging)
    sources = (ROOT / "models/staging/_sources.yml").read_text(encoding="utf-8")
    country = (
        "          - {name: country, data_type: text, description: Country of the customer.}\n"
    )
    passed = "config: {meta: {pass_through: true}}"
    declared = (
        "          - {name: phone, data_type: text}\n"
        f"          - {{name: device, data_type: text, {passed}}}\n"
    )
    assert sources.count(country) == 1
    (staging / "_sources.yml").write_text(sources.replace(country, country + declared))
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setenv("TENURE_AUDIENCE_COLUMNS", "email, device")
    assert audience_columns() == ["email", "device"]
    monkeypatch.setenv("TENURE_AUDIENCE_COLUMNS", "email, phone")
    with pytest.raises(ValueError, match="'phone' is not allowed"):
        audience_columns()


def test_a_build_with_an_unknown_column_does_not_start(monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_AUDIENCE_COLUMNS", "phone")
    refused = run_build(SAMPLE, tmp_path)
    assert refused.returncode == 2
    assert (
        "'phone' is not allowed; give columns of customers: acquisition_channel" in refused.stdout
    )
    assert list(tmp_path.iterdir()) == []
