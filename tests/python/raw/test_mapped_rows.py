"""What a _mapping.yml makes of hard rows: each folder below becomes records, in one build."""

import json
import shutil
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest

COLUMNS = "columns: {order_id: no, customer_id: who, ordered_at: when, amount: paid}\n"
HEADING = "no,who,when,paid\n"
AT = datetime(2024, 3, 1, 9, 30)
FORM = "amount is not a decimal such as 12.50, with at most 14 digits before the point"

# _mapping.yml, files, and the records by id: outcome, reason, time, amount, remark
FOLDERS = {
    "sums": (
        "table: orders\n" + COLUMNS + "sum_by: order_id\n",
        {
            # one row of o2 cannot be read, and no row of o3 has an amount
            "a.csv": HEADING + "o1,a,2024-03-01 09:30,1.10\no2,a,2024-03-01 09:30,5\n"
            "o1,,,2.25\no2,a,2024-03-01 09:30,1e3\no3,a,2024-03-01 09:30,\n"
            # rows without an id are not one record
            ",a,2024-03-01 09:30,7\n,a,2024-03-01 09:30,8\n",
            # the same order in the file of another day is another version of it
            "b-2024-03-05.csv": HEADING + "o1,a,2024-03-01 09:30,3\n",
        },
        {
            "sums:o1": {("accepted", None, AT, "3"), ("superseded", None, AT, "3.35")},
            "sums:o2": {("rejected", FORM, AT, None)},
            "sums:o3": {("rejected", "amount is missing", AT, None)},
            None: {
                ("rejected", "order_id is missing", AT, "7"),
                ("rejected", "order_id is missing", AT, "8"),
                ("part_of", None, None, None),
            },
        },
    ),
    "currencies": (
        "table: orders\ncolumns: {order_id: no, customer_id: who, ordered_at: when, amount: paid,"
        " currency: unit}\nsum_by: order_id\nminor_units: true\n",
        {
            "a.csv": "no,who,when,paid,unit\no1,a,2024-03-01 09:30,100,USD\n"
            "o1,a,2024-03-01 09:30,100,EUR\no2,a,2024-03-01 09:30,150,usd\n"
            "o2,a,2024-03-01 09:30,150,\no3,a,2024-03-01 09:30,1e3,USD\n"
        },
        {
            "currencies:o1": {
                ("rejected", "currency differs between the rows of this record", AT, "2")
            },
            "currencies:o2": {("accepted", None, AT, "3")},
            "currencies:o3": {("rejected", FORM, AT, None)},
            None: {("part_of", None, None, None)},
        },
    ),
    "only": (
        "table: orders\n" + COLUMNS + 'only: {State: [Paid, ""], kind: "*"}\nid_prefix: "x/"\n'
        'words: {customer_id: {Guest: ""}}\n',
        {
            "a.csv": "no,who,when,paid,state,kind\no1,GUEST,2024-03-01 09:30,1, PAID ,k\n"
            "o2,a,2024-03-01 09:30,1,,k\no3,a,2024-03-01 09:30,1,lost,k\n"
            "o4,a,2024-03-01 09:30,1,paid,\n"
        },
        {
            "x/o1": {("accepted", None, AT, "1")},
            "x/o2": {("accepted", None, AT, "1")},
            None: {("part_of", None, None, None)},
        },
    ),
    "times": (
        'table: orders\ntimestamps: {form: [iso, epoch, "%d/%m/%y %I:%M %p"], zone: Asia/Tokyo}\n'
        + COLUMNS,
        {
            "a.csv": HEADING + "o1,a,2024-03-01 18:30,1\no2,a,2024-03-01T18:30:00.000,1\n"
            "o3,a,2024-03-01T10:30:00+01:00,1\no4,a,1709285400,1\no5,a,1709285400000,1\n"
            "o6,a,01/03/24 06:30 PM,1\no7,a,2024-03-01,1\no8,a,31/02/24 06:30 PM,1\n"
        },
        {
            **{f"times:o{n}": {("accepted", None, AT, "1")} for n in range(1, 7)},
            "times:o7": {("accepted", None, datetime(2024, 3, 1), "1")},
            "times:o8": {
                (
                    "rejected",
                    "ordered_at is not a time such as 2025-01-31T09:30:00Z or a date such as"
                    " 2025-01-31",
                    None,
                    "1",
                )
            },
        },
    ),
    "utf-16": (
        "table: orders\nencoding: utf-16\ndelimiter: tab\ndecimal: ','\n" + COLUMNS,
        {
            "a.txt": (
                "no\twho\twhen\tpaid\ttext\no1\tÄ\t2024-03-01 09:30\t1.000,50 €\t„Größe“\n"
                # read as it stands, it would be a tenth of the others
                "o2\ta\t2024-03-01 09:30\t100.50\t\no3\ta\n"
            ).encode("utf-16")
        },
        {
            "utf-16:o1": {("accepted", None, AT, "1000.5")},
            "utf-16:o2": {("rejected", FORM, AT, None)},
            None: {("rejected", "line has too few fields", None, None)},
        },
    ),
    "formats": (
        "table: orders\n" + COLUMNS + "minus: {amount: [less, tax]}\n",
        {
            "a.jsonl": json.dumps(
                {"No": "o1", "who": {"id": 1}, "when": "2024-03-01 09:30", "paid": 9.5, "less": -1}
                | {"tax": None}
            )
            + "\n",
            "b/c.parquet": "select 'o2' as NO, 7.0::double as who, timestamp '2024-03-01 09:30' as"
            ' "When", 9.5::decimal(38, 9) as paid, 1::int as less, .5::float as tax',
            # another heading, in another order
            "d.csv": "tax,less,paid,when,who,no,more\n1,x,5,2024-03-01 09:30,a,o3,y\n",
        },
        {
            "formats:o1": {("accepted", None, AT, "8.5")},
            "formats:o2": {("accepted", None, AT, "8")},
            "formats:o3": {("rejected", FORM, AT, None)},
        },
    ),
    # two mappings of one table below one folder
    "years/2023": (
        "table: orders\n" + COLUMNS,
        {"a.csv": HEADING + "o1,a@b.org,2024-03-01 09:30,1\n"},
        {"years:o1": {("accepted", None, AT, "1")}},
    ),
    "years/2024": (
        "table: orders\n" + COLUMNS.replace("no,", "id,"),
        {"a.csv": "id,who,when,paid\no2,o'neil@b,2024-03-01 09:30,1\n"},
        {"years:o2": {("accepted", None, AT, "1")}},
    ),
}


@pytest.fixture(scope="module")
def build(warehouse):
    shutil.rmtree(warehouse.raw_dir, ignore_errors=True)
    for folder, (mapping, files, _) in FOLDERS.items():
        for name, content in {"_mapping.yml": mapping, **files}.items():
            path = warehouse.raw_dir / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".parquet":
                duckdb.sql(content).write_parquet(str(path))
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for path in warehouse.file.parent.iterdir():
        path.unlink()
    shutil.copy(warehouse.seeded, warehouse.file)
    warehouse.dbt("run", "--select", "+int_records_aggregated_to_files")
    return warehouse


@pytest.mark.parametrize("folder", FOLDERS)
def test_rows_become_records(build, folder):
    found = {}
    for order, outcome, reason, at, amount in build.query(
        "select order_id, outcome, reject_reason, ordered_at, original_amount"
        f" from staging.stg_order_records where file like '{folder}/%'"
    ):
        amount = None if amount is None else f"{amount.normalize():f}"
        found.setdefault(order, set()).add((outcome, reason, at, amount))
    assert found == FOLDERS[folder][2]


def test_every_record_of_these_files_is_told_once(build):
    wrong = build.query(
        "select files.file, files.records, told.rows_read"
        " from staging.stg_source_files as files"
        " left join intermediate.int_records_aggregated_to_files as told using (file)"
        " where files.records is distinct from told.rows_read"
    )
    assert wrong == []


def test_the_amounts_of_a_file_are_those_of_its_records(build):
    [(read,)] = build.query(
        "select amount_read from intermediate.int_records_aggregated_to_files"
        " where file = 'sums/a.csv'"
    )
    assert read == Decimal("3.35") + 7 + 8


def test_a_word_for_nobody_is_nobody(build):
    assert build.query(
        "select order_id, customer_id from staging.stg_orders where order_id like 'x/%' order by 1"
    ) == [("x/o1", None), ("x/o2", "x/a")]


def test_an_address_is_hashed_and_no_other_text(build):
    customers = build.query(
        "select customer_id from staging.stg_order_records where file like 'years/%' order by all"
    )
    hashed = duckdb.sql("select 'years:' || md5('a@b.org')").fetchone()
    assert customers == [hashed, ("years:o'neil@b",)]
