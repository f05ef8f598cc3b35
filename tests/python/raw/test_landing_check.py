"""make check-raw: what it says of a landing zone, and the mapping that it proposes."""

import os
import subprocess
import sys
import time

import pytest
from conftest import ROOT, SAMPLE
from landing_zones import FORMS, ORDERS, parquet, write

from landing.check import check, main
from landing.forms import has_decimal_comma, label_of, times_of
from landing.inventory import refuse_structural_faults

HEADING = "order_id,customer_id,ordered_at,amount\n"


def said(raw_dir, **options):
    lines, is_fine = check(raw_dir, **options)
    return "\n".join(lines), is_fine


def below(text, title):
    """The lines that stand below a title."""
    lines = text.splitlines()
    start = lines.index(title) + 1
    end = next((n for n, line in enumerate(lines[start:], start) if line[0] != " "), len(lines))
    return [line.strip() for line in lines[start:end]]


def test_the_sample_is_fine_and_its_faulty_records_are_named():
    text, is_fine = said(SAMPLE)
    assert is_fine
    rejected = below(text, "Would be rejected, of the first records of each file:")
    assert (
        "orders/2025-06-late-and-faulty.csv: record 3: amount is not a decimal such as 12.50, with"
        " at most 14 digits before the point: 12,50"
    ) in rejected
    assert len(text.splitlines()) < 24


def test_each_table_is_one_line_with_its_forms(tmp_path):
    later = "2,bob,2024-01-31,3\n"
    write(
        tmp_path,
        {
            "orders/a.csv": ORDERS,
            "orders/b.tsv": (HEADING + later).replace(",", "\t"),
            "orders/c.parquet": parquet(
                "select 1 as order_id, 2 as customer_id, '2024-01-31 09:30' as ordered_at,"
                " 1 as amount",
                tmp_path,
            ),
        },
    )
    text, is_fine = said(tmp_path)
    assert is_fine
    assert text.splitlines() == [
        f"{tmp_path}: 3 of 3 files can be read",
        "  orders    3 files            3 records  CSV (comma, utf-8); CSV (tab, utf-8); Parquet;"
        " times: ISO in UTC, ISO without a zone, YYYY-MM-DD",
    ]


def test_faults_that_files_share_are_one_line(tmp_path):
    write(tmp_path, {f"orders/{number:02}.csv": "order_id,amount\n" for number in range(12)})
    text, is_fine = said(tmp_path)
    assert not is_fine
    [fault] = below(text, "A build would stop:")
    assert fault.startswith(
        "orders/00.csv and 11 more files of its folder: required columns customer_id, ordered_at"
    )


def test_rejected_records_are_counted_and_the_first_one_shown(tmp_path):
    good = "{},ada,2024-01-31,1\n"
    lines = [good.format(number) for number in range(10)]
    lines[3] = "3,ada,31/01/2024,1\n"
    lines[5] = "5,ada,1.2.2024,1\n"
    lines[7] = "7,ada\n"
    lines[8] = "8,ada,2024-01-31,1,surplus\n"
    write(tmp_path, {"orders/a.csv": HEADING + "".join(lines)})
    text, is_fine = said(tmp_path)
    assert is_fine
    found = below(text, "Would be rejected, of the first records of each file:")
    assert found == [
        "orders/a.csv: record 8: line has too few fields: 2 of 4",
        "orders/a.csv: record 9: line has too many fields: 5 for 4",
        "orders/a.csv: 2 records, the first is record 4: ordered_at is not a time such as"
        " 2025-01-31T09:30:00Z or a date such as 2025-01-31: 31/01/2024",
    ]


def test_a_file_of_which_all_would_be_rejected_is_not_fine(tmp_path):
    write(tmp_path, {"orders/a.csv": ORDERS, "orders/b.csv": ORDERS.replace("12.50", "12,50 €;")})
    write(tmp_path, {"orders/b.csv": HEADING + '1,ada,2024-01-31,"12,50"\n'})
    text, is_fine = said(tmp_path)
    assert not is_fine
    assert below(text, "Every record that was looked at would be rejected:") == [
        "orders/b.csv: amount is not a decimal such as 12.50, with at most 14 digits before the"
        " point: 12,50"
    ]


SHOPIFY = (
    "Name,Email,Financial Status,Subtotal,Created at,Lineitem quantity,Id,Currency,Cancelled at,"
    "Refunded Amount\n"
)


def test_line_items_do_not_count_as_good_records(tmp_path):
    order = (
        "#{0},{0}@example.org,paid,10.00,{1},1,{2},USD,,0.00\n#{0},{0}@example.org,,,{1},2,,,,\n"
    )
    bad = [order.format(number, "05/01/2023 09:00", "5.55E+12") for number in range(5)]
    good = order.format(7, "2023-01-05 09:00:00 +0100", 5550000000007)
    write(tmp_path, {"shopify_admin/a.csv": SHOPIFY + "".join(bad)})
    text, is_fine = said(tmp_path)
    assert not is_fine
    [line] = below(text, "Every record that was looked at would be rejected:")
    assert line.startswith("shopify_admin/a.csv: order_id is not an id")
    write(tmp_path, {"shopify_admin/a.csv": SHOPIFY + "".join([*bad, good])})
    text, is_fine = said(tmp_path)
    assert is_fine
    assert len(below(text, "Would be rejected, of the first records of each file:")) == 2


def test_rows_that_are_added_up_do_not_count_as_good_records(tmp_path):
    mapping = "table: orders\nsum_by: order_id\nonly: {{is: [paid]}}\ncolumns: {}\n"
    columns = "{order_id: no, customer_id: who, ordered_at: at, amount: paid}"
    rows = "no,who,at,paid,is\n1,ada,soon,5,paid\n1,ada,soon,6,paid\n2,ada,2024-01-01,5,open\n"
    good = "no,who,at,paid,is\n1,ada,2024-01-01,5,paid\n"
    write(tmp_path, {"erp/_mapping.yml": mapping.format(columns), "erp/a.csv": good})
    write(tmp_path, {"erp/b.csv": rows})
    text, is_fine = said(tmp_path)
    assert not is_fine
    [line] = below(text, "Every record that was looked at would be rejected:")
    assert line.startswith("erp/b.csv: ordered_at is not a time")


def test_unknown_columns_and_empty_files_are_worth_a_look(tmp_path):
    write(
        tmp_path,
        {
            "orders/a.csv": ORDERS.replace("amount", "amount,chanel,_dlt_id,tip").replace(
                "12.50", "12.50,web,x,1"
            ),
            "orders/b.csv": HEADING,
        },
    )
    text, _ = said(tmp_path)
    assert below(text, "Worth a look:") == [
        "orders: columns that the contract does not know are left out: chanel (is it channel?),"
        " tip",
        "orders/b.csv: a heading without records",
    ]


@FORMS
def test_records_of_a_mapping_are_judged_as_the_build_judges_them(tmp_path, form, time):
    write(
        tmp_path,
        {
            "erp/_mapping.yml": "table: orders\n"
            f'timestamps: {{form: "{form}", zone: Europe/Berlin}}\n'
            "columns: {order_id: no, customer_id: who, ordered_at: at, amount: paid}\n",
            "erp/a.csv": f"no,who,at,paid\n1,ada,{time},$5\n2,bob,{time},five\n",
            "erp/b.csv": f"no,who,at,paid\n1,ada,{time},1\n2,bob,yesterday,5\n",
        },
    )
    text, is_fine = said(tmp_path)
    assert is_fine
    found = below(text, "Would be rejected, of the first records of each file:")
    assert [line.partition(" is not")[0] for line in found] == [
        "erp/a.csv: record 2: amount",
        "erp/b.csv: record 2: ordered_at",
    ]


def test_what_cannot_be_judged_here_is_said(tmp_path, monkeypatch):
    from landing.macros import Macros

    def fails(*_):
        raise ValueError("no such macro")

    monkeypatch.setattr(Macros, "mapped", fails)
    write(
        tmp_path,
        {
            "erp/_mapping.yml": "table: orders\n"
            "columns: {order_id: no, customer_id: who, ordered_at: at, amount: paid}\n",
            "erp/a.csv": "no,who,at,paid\n1,ada,2024-01-01,5\n",
        },
    )
    text, is_fine = said(tmp_path)
    assert is_fine
    assert below(text, "Worth a look:") == ["erp: records not judged here: no such macro"]


EXCEL = """Bestellnummer;Bestelldatum;Kunde;Betrag;Status
1;31.01.2024 13:05;ada;1.234,50 €;bezahlt
1;01.02.2024 09:05;ada;10,00 €;offen
"""
US = """Order Number,Date,Customer Email,Total,Currency
7,1/3/2024 1:05 PM,ada@example.org,"$1,200.00",USD
8,1/4/2024 1:05 PM,bob@example.org,$10.00,USD
"""


def guess(tmp_path, name, content):
    write(tmp_path, {f"erp/{name}": content})
    lines = said(tmp_path)[0].splitlines()
    start = lines.index("  a first guess of erp/_mapping.yml (make check-raw WRITE=1 writes it):")
    return [line.strip() for line in lines[start + 1 :]]


def test_a_mapping_is_proposed_for_a_folder_that_nobody_knows(tmp_path):
    assert guess(tmp_path, "Bestellungen.csv", EXCEL) == [
        "# A first guess from Bestellungen.csv. Answer each question, then run make check-raw.",
        "table: orders",
        'delimiter: ";"',
        'decimal: ","  # such as 1.234,50 €',
        "currency: EUR  # the amounts carry €: is it that?",
        'timestamps: {form: "%d.%m.%Y %H:%M", zone: UTC}  # Which timezone is it?',
        "# sum_by: order_id  # 1 of 2 rows repeat one: are they line items, to be added up? Else"
        " they are versions of it",
        '# only: {"status": ["bezahlt", "offen"]}  # which of these count?',
        "columns:",
        'order_id: "bestellnummer"',
        'customer_id: "kunde"',
        'status: "status"',
        'amount: "betrag"',
        'ordered_at: "bestelldatum"',
    ]


def test_what_a_file_does_not_say_is_a_question(tmp_path):
    assert (
        'timestamps: {form: "%m/%d/%Y %I:%M %p", zone: UTC}  # or "%d/%m/%Y %I:%M %p"? No day above'
        " 12 tells the day from the month. Which timezone is it?"
    ) in guess(tmp_path, "us.csv", US)
    cents = "id,created,customer,amount\n" + "".join(f"{n},170000000{n},c,2900\n" for n in range(9))
    lines = guess(tmp_path / "cents", "a.csv", cents)
    assert 'timestamps: {form: "epoch"}' in lines
    assert (
        "# minor_units: true  # all amounts are whole numbers, 2,900 on average: are they cents?"
    ) in lines
    assert (
        "# currency: EUR  # no column names one: which is it? Without this, the reporting currency"
    ) in lines


def test_a_required_column_that_is_not_found_is_asked_for_and_refused(tmp_path):
    lines = guess(tmp_path, "a.csv", "order number,order date,total\n1,2024-01-31,5\n")
    assert 'customer_id: "???"  # required; which column is it?' in lines
    hint = '# values: {customer_id: ""}  # if no column has it: write this, and delete customer_id'
    assert f"{hint} below" in lines
    said(tmp_path, write=True)
    text, is_fine = said(tmp_path)
    assert not is_fine
    assert "erp/a.csv: _mapping.yml still has ??? for customer_id; name the file's column" in text
    mapping = tmp_path / "erp/_mapping.yml"
    text = mapping.read_text().replace("# values:", "values:")
    mapping.write_text(text.replace('  customer_id: "???"', '  # customer_id: "???"'))
    assert said(tmp_path)[1]


def test_an_empty_column_is_not_taken_for_a_required_one(tmp_path):
    heading = "order number,order date,total,customer email,buyer\n"
    lines = guess(tmp_path, "a.csv", heading + "1,2024-01-31,5,,ada\n2,2024-01-31,6,,bob\n")
    assert 'customer_id: "buyer"' in lines
    lines = guess(tmp_path / "b", "a.csv", "order number,order date,total,buyer\n1,2024-01-31,5,\n")
    assert 'customer_id: "???"  # required; which column is it?' in lines
    lines = guess(tmp_path / "c", "a.csv", "order number,order date,total,buyer\n")
    assert 'customer_id: "buyer"' in lines


@pytest.mark.parametrize(
    ("name", "heading", "row", "table"),
    [
        ("a", "id,subscription id,buyer,created,price", "1,2,ada,2024-01-31,5", "subscriptions"),
        ("a", "id,subscription id,buyer,created,price", "1,,ada,2024-01-31,5", "orders"),
        ("a", "order,subscription id,customer,date,total", "1,2,ada,2024-01-31,5", "orders"),
        ("a", "id,order id,created at,amount", "1,2,2024-01-31,5", "orders"),
        ("Refunds 2024", "id,order id,created at,amount", "1,2,2024-01-31,5", "refunds"),
        ("a", "refund id,order id,created at,amount", "1,2,2024-01-31,5", "refunds"),
        ("Erstattungen", "nr,bestellnummer,betrag", "1,2,5", "refunds"),
    ],
)
def test_the_table_is_guessed_from_what_is_filled_and_said(tmp_path, name, heading, row, table):
    assert f"table: {table}" in guess(tmp_path, f"{name}.csv", f"{heading}\n{row}\n")


def test_a_proposed_mapping_is_written_once_and_then_read(tmp_path):
    write(tmp_path, {"erp/a.csv": US})
    text, _ = said(tmp_path, write=True)
    assert f"written: {tmp_path / 'erp/_mapping.yml'}; answer its questions" in text
    text, is_fine = said(tmp_path, write=True)
    assert is_fine
    assert "erp, mapped to orders" in text
    (tmp_path / "erp/_mapping.yml").chmod(0o400)
    from landing.check import _written

    assert "cannot be written: File exists" in _written(tmp_path / "erp/_mapping.yml", "")


def test_the_files_of_a_misnamed_folder_say_what_it_should_be_called(tmp_path):
    write(tmp_path, {"my orders/a.csv": ORDERS})
    text, _ = said(tmp_path)
    assert "its files look like orders; call the folder orders" in text


def test_a_hundred_files_take_seconds(tmp_path):
    good = "".join(f"{n},ada,2024-01-31T09:30:00Z,12.50\n" for n in range(2_000))
    write(tmp_path, {f"orders/{n // 10}/{n}.csv": HEADING + good for n in range(100)})
    started = time.monotonic()
    environment = {**os.environ, "TENURE_RAW_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "landing.check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    # three seconds on a machine that does nothing else
    assert time.monotonic() - started < 12
    assert done.returncode == 0, done.stdout
    assert "200,000 records" in done.stdout
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "duckdb" in loaded
    assert not loaded & {"dbt", "pandas", "dagster", "rich"}


def test_the_exit_code_says_whether_a_build_would_read_the_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TENURE_RAW_DIR", str(tmp_path))
    assert main([]) == 1
    write(tmp_path, {"orders/a.csv": ORDERS})
    assert main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Fine, ")


def test_a_build_refuses_by_headings_alone(tmp_path):
    write(tmp_path, {"orders/a.csv": ORDERS + '2,"open\n'})
    refuse_structural_faults(tmp_path, ROOT / "models")
    write(tmp_path, {"orders/b.csv": "order_id\n", "refunds/c.zip": ""})
    with pytest.raises(ValueError) as error:
        refuse_structural_faults(tmp_path, ROOT / "models")
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == [
        "orders/b.csv",
        "refunds/c.zip",
    ]


@pytest.mark.parametrize(
    ("texts", "forms", "undecided"),
    [
        (["2024-01-31T09:30:00Z", "2024-01-31"], ["iso"], False),
        (["1/31/2024 13:05", "2/1/2024 1:05"], ["%m/%d/%Y %H:%M"], False),
        (["31/01/2024 13:05", "01/02/2024 13:05"], ["%d/%m/%Y %H:%M"], False),
        (["01/02/2024", "03/04/2024"], ["%m/%d/%Y"], True),
        (["1/31/2024 1:05 PM"], ["%m/%d/%Y %I:%M %p"], False),
        (["1/5/2023  9:00:00"], ["%m/%d/%Y %H:%M:%S"], True),
        (["31.01.2024 13:05:10"], ["%d.%m.%Y %H:%M:%S"], False),
        (["01.02.24"], ["%d.%m.%y"], False),
        (["26-Jan-2024 10:31"], ["%d-%b-%Y %H:%M"], False),
        (["January 5, 2024"], ["%B %d, %Y"], False),
        (["2024/01/31"], ["%Y/%m/%d"], False),
        (["1672909200", "1672909200123"], ["epoch"], False),
        (["1672909200", "2024-01-31"], ["epoch", "iso"], False),
    ],
)
def test_forms_of_times_are_told_from_examples(texts, forms, undecided):
    found = times_of(texts)
    assert (found.forms, found.undecided) == (forms, undecided)


def test_a_text_that_is_no_time_is_none():
    assert times_of(["2024-01-31", "soon"]) is None
    assert times_of([]) is None
    assert label_of("40/40/2024") == "" == label_of("12.50")


def test_a_decimal_comma_is_told_from_a_comma_of_thousands():
    assert has_decimal_comma(["1.234,50 €", "3,5"])
    assert not has_decimal_comma(["1,234", "$1,234.50"])
