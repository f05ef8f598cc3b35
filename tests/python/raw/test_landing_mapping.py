"""_mapping.yml: what it may hold, and the sentence for each thing that it may not hold."""

import json

import pytest
from conftest import ROOT
from landing_zones import faults, rows, write

from landing.layouts import read_layouts
from landing.mapping import KEYS, FileMapping, read_mapping

LEAST = """
table: orders
columns: {order_id: No, customer_id: " Customer ", ordered_at: Date, amount: Total}
"""
FILE = "No;Customer;Date;Total;State\n1;ada;31.01.2024;1,50;paid\n"


def mapped(tmp_path, mapping, files):
    return write(tmp_path, {"erp/_mapping.yml": mapping, **files})


def said(tmp_path, mapping):
    """The faults of a mapping, without the name of its file."""
    found = faults(mapped(tmp_path, mapping, {"erp/a.csv": FILE}))
    assert all(fault.startswith("erp/_mapping.yml: ") for fault in found)
    return [fault.removeprefix("erp/_mapping.yml: ") for fault in found]


def test_a_mapping_is_kept_with_all_its_defaults(tmp_path):
    found = rows(mapped(tmp_path, LEAST + 'delimiter: ";"\n', {"erp/2024/a.csv": FILE}))
    row = found["erp/2024/a.csv"]
    assert (row["system"], row["entity"], row["table_name"]) == ("erp", "orders", "orders")
    assert (row["delimiter"], row["records"]) == (";", 1)
    mapping = json.loads(row["mapping"])
    assert list(mapping) == list(FileMapping("orders").__dict__) and set(mapping) == set(KEYS)
    assert mapping["columns"] == {
        "order_id": "no",
        "customer_id": "customer",
        "ordered_at": "date",
        "amount": "total",
    }
    assert mapping["timestamps"] == {"form": ["iso"], "zone": "UTC"}


def test_a_mapping_holds_all_that_it_may_hold(tmp_path):
    text = """
table: orders
delimiter: tab
encoding: latin-1
decimal: ","
timestamps: {form: ["%d.%m.%Y %H:%M", epoch], zone: Europe/Berlin}
dates: "%d.%m.%Y"
currency: EUR
minor_units: true
id_prefix: ""
columns: {order_id: No, ordered_at: Date, amount: Total, status: State}
words: {status: {bezahlt: paid}}
values: {customer_id: nobody, is_test: false, amount: 0}
minus: {amount: [Discount]}
sum_by: order_id
only: {State: [paid, sent], Kind: order}
"""
    file = write(tmp_path, {"_mapping.yml": text}) / "_mapping.yml"
    mapping = read_mapping(file, read_layouts(ROOT / "models").tables)
    assert (mapping.delimiter, mapping.encoding, mapping.decimal) == ("\t", "latin-1", ",")
    assert mapping.timestamps == {"form": ["%d.%m.%Y %H:%M", "epoch"], "zone": "Europe/Berlin"}
    assert (mapping.dates, mapping.currency, mapping.minor_units) == (["%d.%m.%Y"], "EUR", True)
    assert mapping.words == {"status": {"bezahlt": "paid"}}
    assert mapping.values == {"customer_id": "nobody", "is_test": "false", "amount": "0"}
    assert mapping.minus == {"amount": ["discount"]}
    assert (mapping.id_prefix, mapping.sum_by) == ("", "order_id")
    assert mapping.only == {"state": ["paid", "sent"], "kind": ["order"]}
    assert mapping.columns_read() == ["no", "date", "total", "state", "discount", "kind"]


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("encodng: utf-8", "encodng is no key; is it encoding? (allowed: table, delimiter, "),
        ("delimiter: ':'", "delimiter: ':' is not allowed (allowed: ',' ';' '|'"),
        ("encoding: windows-1252", "encoding: 'windows-1252' is not allowed (allowed: 'utf-8' 'u"),
        ("decimal: ';'", "decimal: ';' is not allowed (allowed: '.' ',')"),
        ("timestamps: {zon: UTC}", "timestamps: zon is no key; is it zone? (allowed: form, zone)"),
        (
            "timestamps: {zone: Berlin}",
            "timestamps: zone: 'Berlin' is not allowed (allowed: a name",
        ),
        ("timestamps: {form: DD.MM}", "timestamps: form: 'DD.MM' is not allowed (allowed: iso, ep"),
        ("timestamps: iso", "timestamps: 'iso' is not allowed (allowed: a mapping such as"),
        ("dates: ['%d.%m.%Y', '%Q']", "dates: '%Q' is not allowed (allowed: iso, epoch, or a form"),
        ("currency: euro", "currency: 'euro' is not allowed (allowed: three capital letters such"),
        ("minor_units: 'yes'", "minor_units: 'yes' is not allowed (allowed: 'true' 'false')"),
        ("values: {stats: x}", "values: stats is no column of orders; is it status? (allowed: ord"),
        ("values: {status: [x]}", "values: status: ['x'] is not allowed (allowed: one text)"),
        ("words: {order_id: x}", "words: order_id: 'x' is not allowed (allowed: a mapping such"),
        ("words: {stats: {a: b}}", "words: stats is no column of the contract that `columns` maps"),
        ("words: {amount: {a: b}}", "words: 'amount' is not allowed (allowed: columns of texts, o"),
        ("minus: {order_id: a}", "minus: order_id is no amount of the contract that `columns` map"),
        ("minus: {amount: []}", "minus: amount: [] is not allowed (allowed: a column of the file,"),
        ("sum_by: order", "sum_by: order is no column of the contract that `columns` maps; is it"),
        ("only: {State: {}}", "only: State: {} is not allowed (allowed: a list of texts such as ["),
        ("id_prefix: [a]", "id_prefix: ['a'] is not allowed (allowed: one word)"),
        ("table: refunds", "line 4: table comes twice"),
    ],
)
def test_a_key_or_word_that_is_not_allowed_is_refused_by_name(tmp_path, key, fault):
    [found] = said(tmp_path, f"{LEAST}{key}\n")
    assert found.startswith(fault)


def test_several_faults_are_told_at_once(tmp_path):
    found = said(tmp_path, "table: orders\ncolumns: {ordr_id: a, amount: ''}\nx: 1\n")
    assert [fault.split(" is ")[0] for fault in found] == [
        "x",
        "columns: ordr_id",
        "columns: amount: ''",
        "columns: order_id, customer_id, amount, ordered_at of orders missing; name the file's"
        " column for each, or a fixed text under values",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not a mapping such as `table: orders`, one key a line"),
        ("columns: {}", "table is missing (allowed: orders, refunds"),
        ("table: ordes", "table: ordes is no table of the contract; is it orders? (allowed"),
        ("table: orders\ncolumns: [", "line 2: not YAML: "),
        (
            "table: customers\ncolumns: {customer_id: a}\ncurrency: EUR",
            "currency: customers has no",
        ),
        (
            LEAST + "  currency: X\n".replace("  ", "") + "currency: EUR",
            "line 5: currency comes twi",
        ),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, fault):
    assert said(tmp_path, text)[0].startswith(fault)


def test_a_column_that_the_file_lacks_is_refused_with_the_nearest(tmp_path):
    files = {"erp/a.csv": FILE.replace("Total", "Totals").replace(";", ","), "erp/b.csv": FILE}
    assert faults(mapped(tmp_path, LEAST, files)) == [
        "erp/a.csv: the heading lacks what _mapping.yml names: total (nearest: totals);"
        " the file has: no, customer, date, totals, state",
        "erp/b.csv: the heading is one column, and looks separated by ';': put"
        ' `delimiter: ";"` into _mapping.yml',
    ]


def test_each_file_has_the_nearest_mapping_above_it(tmp_path):
    commas = FILE.replace(",", ".").replace(";", ",")
    raw = mapped(
        tmp_path,
        LEAST,
        {
            "erp/a.csv": commas,
            "erp/b/c.jsonl": '{"No": 1, "Customer": 2, "Date": 3, "Total": 4}\n',
            "erp/people/_mapping.yml": "table: customers\ncolumns: {customer_id: id}\n",
            "erp/people/d.txt": "ID\tName\n",
            "crm/people/_mapping.yml": "table: customers\ncolumns: {customer_id: id}\n",
        },
    )
    found = rows(raw)
    assert {file: row["table_name"] for file, row in found.items()} == {
        "erp/a.csv": "orders",
        "erp/b/c.jsonl": "orders",
        "erp/people/d.txt": "customers",
    }
    write(raw, {"crm/e.csv": "id\n"})
    assert faults(raw) == [
        "crm/e.csv: not read, for no _mapping.yml stands beside it or above it; write one, or name"
        " the file in .tenureignore"
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_an_encoding_that_a_mapping_names_is_read(tmp_path, encoding):
    text = FILE.replace("ada", '"é\r\né"').replace("\n", "\r\n").replace("\r\r", "\r")
    mapping = f'{LEAST}delimiter: ";"\nencoding: {encoding}\n'
    raw = mapped(tmp_path, mapping, {"erp/a.csv": text.encode(encoding)})
    assert rows(raw)["erp/a.csv"]["records"] == 1


def test_an_encoding_that_a_file_does_not_have_is_refused_with_its_line(tmp_path):
    mapping = f'{LEAST}delimiter: ";"\nencoding: latin-1\n'
    raw = mapped(tmp_path, mapping, {"erp/a.csv": FILE.replace("ada", "€").encode("cp1252")})
    [fault] = faults(raw)
    assert fault == (
        "erp/a.csv: line 2: a sign of windows-1252, which the engine cannot read;"
        " save the file as UTF-8"
    )
