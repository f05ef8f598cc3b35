"""What is read of each format, and the sentences with which a file is refused."""

import json

import pytest
from landing_zones import ORDERS, faults, gzipped, parquet, rows, write, zstd

HEADING = "order_id,customer_id,ordered_at,amount,channel\n"
RECORD = "1,ada,2024-01-31,12.50,web\n"
LINE = '{"order_id": 1, "customer_id": "ada", "ordered_at": "2024-01-31", "amount": 12.5}\n'
COLUMNS = ["order_id", "customer_id", "ordered_at", "amount"]


def only(tmp_path, name, content):
    return rows(write(tmp_path / "raw", {f"orders/{name}": content}))[f"orders/{name}"]


def fault(tmp_path, name, content):
    [said] = faults(write(tmp_path / "raw", {f"orders/{name}": content}))
    assert said.startswith(f"orders/{name}: ")
    return said.partition(": ")[2]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zst", "A.CSV.GZ", "a.tsv.gz"])
def test_csv_may_be_compressed(tmp_path, name):
    text = HEADING + RECORD + '2,bob,2024-02-01,5,"two\n\nlines, one ""field"""\n'
    if ".tsv" in name:
        text = text.replace(",", "\t")
    suffix = name.lower().rpartition(".")[2]
    tmp_path.joinpath("raw").mkdir()
    content = {"gz": gzipped, "zst": lambda text: zstd(text, tmp_path)}.get(suffix, str)(text)
    row = only(tmp_path, name, content)
    assert (row["records"], len(row["columns"])) == (2, 5)
    assert row["compression"] == {"gz": "gzip", "zst": "zstd"}.get(suffix, "")


def test_json_lines_have_the_keys_of_all_records(tmp_path):
    more = '\n{"order_id": 2, "Note": {"a": [1]}, "amount": null}\n'
    for name, content in [
        ("a.jsonl", LINE + more),
        ("a.ndjson", (LINE + more).replace("\n", "\r\n")),
        ("a.jsonl.gz", gzipped(LINE + more)),
        ("a.json", LINE + more),
    ]:
        row = only(tmp_path, name, content)
        assert (row["format"], row["records"]) == ("json", 2)
        assert row["columns"] == ["note", "amount", "customer_id", "order_id", "ordered_at"]
        assert row["names"][0] == "Note"


def test_an_array_of_json_objects_is_told_by_its_first_sign(tmp_path):
    text = json.dumps([json.loads(LINE), {"order_id": 2}], indent=2)
    for name, content in [("a.json", text), ("a.json.gz", gzipped(text)), ("b.jsonl", text)]:
        row = only(tmp_path, name, content)
        assert (row["format"], row["records"]) == ("json_array", 2)
        assert sorted(row["columns"]) == sorted(COLUMNS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LINE + "[1]\n", "line 2 is no JSON object; write one JSON object a line"),
        (LINE + "\n5\n", "line 3 is no JSON object"),
        (LINE + '{"order_id": \n', "line 2 is no JSON object (Expecting value)"),
        (LINE + '{"order_id": "1', "or deliver it again, if it was cut off"),
        (LINE.strip() + LINE, "line 1 is no JSON object (Extra data)"),
        ('{\n"order_id": 1}\n', "line 1 is no JSON object"),
        (f"[{LINE}, 7]", "record 2 is no JSON object"),
        (f"[{LINE}, ", "the array is not closed; deliver the file again"),
        (f"[{LINE}, {{", "is no JSON object"),
        ("", "the file is empty, without a single record"),
        (b'{"order_id": "\xff"}\n', "not UTF-8; save the file as UTF-8"),
        (LINE.replace("}", ', " Amount": 2}'), "the heading names the column amount twice"),
        ('{"order_id": 1}', "required columns customer_id, amount, ordered_at are missing"),
    ],
)
def test_what_is_no_json_object_is_refused_with_its_line(tmp_path, content, said):
    assert said in fault(tmp_path, "a.json", content)


def test_the_records_of_airbyte_are_unpacked_in_each_format(tmp_path):
    data = LINE.strip()
    outer = ["_airbyte_data", "_airbyte_raw_id"]
    cases = {
        "a.csv": '_airbyte_raw_id,_airbyte_data\n1,"' + data.replace('"', '""') + '"\n',
        "a.jsonl": f'{{"_airbyte_raw_id": "1", "_airbyte_data": {data}}}\n',
        "b.jsonl": json.dumps({"_airbyte_raw_id": "1", "_airbyte_data": data}),
        "a.parquet": parquet(f"select '{data}' as _airbyte_data, '1' as _airbyte_raw_id", tmp_path),
        "b.parquet": parquet(
            "select {'order_id': 1, 'customer_id': 'ada', 'ordered_at': 'x', 'amount': 1}"
            " as _airbyte_data, '1' as _airbyte_raw_id",
            tmp_path,
        ),
    }
    for name, content in cases.items():
        row = only(tmp_path, name, content)
        assert row["envelope"] == "_airbyte_data"
        assert sorted(row["columns"]) == sorted([*COLUMNS, *outer])
        assert row["records"] == 1
    assert rows(tmp_path / "raw")["orders/a.csv"]["heading"] == outer[::-1]


def test_an_envelope_without_an_object_is_refused(tmp_path):
    said = fault(tmp_path, "a.csv", "_airbyte_data\nnothing\n5\n")
    assert said == "2 records have no JSON object in _airbyte_data; deliver the file again"


def test_parquet_has_types_and_nested_columns(tmp_path):
    query = (
        "select 1 as order_id, 2 as customer_id, now() as ordered_at, 1::decimal(38, 9) as amount,"
        " [{'a': 1}] as items"
    )
    row = only(tmp_path, "a.PARQUET", parquet(query, tmp_path))
    assert (row["format"], row["records"]) == ("parquet", 1)
    assert row["types"][3:] == ["DECIMAL(38,9)", "STRUCT(a INTEGER)[]"]


def test_parquet_of_bytes_is_refused_where_it_is_read(tmp_path):
    query = (
        "select 'abc'::blob as order_id, 2 as customer_id, '2024' as ordered_at, 1 as amount,"
        " 'x'::blob as picture"
    )
    said = fault(tmp_path, "a.parquet", parquet(query, tmp_path))
    assert said.startswith("column order_id is stored as bytes")
    assert "cast it to Int64 or String" in said and "picture" not in said


def test_parquet_decimals_of_more_digits_than_the_engine_has_are_refused(tmp_path):
    query = (
        "select 1 as order_id, 2 as customer_id, '2024' as ordered_at,"
        " 24.90::decimal(38, 2) as amount, {'amount': 1::decimal(38, 2)} as more"
    )
    content = parquet(query, tmp_path)
    # 38 digits become 50 in the file's own schema, as in those that pyarrow writes
    scale_and_precision = b"\x15\x04\x15\x4c"
    assert scale_and_precision in content
    said = fault(tmp_path, "a.parquet", content.replace(scale_and_precision, b"\x15\x04\x15\x64"))
    assert said == (
        "column amount is a decimal of 50 digits, and the engine reads at most 38 rightly;"
        " write it as decimal(38, 9) or less"
    )


@pytest.mark.parametrize(
    "bad",
    [
        'x,ada,2024-01-31,1,"a \\"quoted\\" word"\n',
        'x,ada,2024-01-31,1,"it ends with \\""\ny,ada,2024-01-31,1,"it ends with \\""\n',
    ],
)
def test_quotes_as_spark_writes_them_are_refused_with_its_option(tmp_path, bad):
    said = fault(tmp_path, "a.csv", HEADING + RECORD + bad)
    assert "as Spark writes it; write the file with .option('escape', '\"')" in said


def test_backslashes_before_quotes_may_be_right(tmp_path):
    text = HEADING + '1,ada,2024-01-31,1,"C:\\shop\\"\n2,ada,2024-01-31,1,"{""a"": ""x\\""y""}"\n'
    assert only(tmp_path, "a.csv", text)["records"] == 2


def test_all_missing_columns_are_named_with_the_nearest(tmp_path):
    said = fault(tmp_path, "a.csv", "order_id,customer,Order Date,total_amount\n")
    assert said == (
        "required columns customer_id, amount, ordered_at are missing; nearest in the file:"
        " customer_id: customer, amount: total_amount, ordered_at: order date;"
        " the file has: order_id, customer, order date, total_amount"
    )


def test_another_delimiter_is_named(tmp_path):
    said = fault(tmp_path, "a.csv", ORDERS.replace(",", ";"))
    assert "looks separated by semicolon: write the file with commas, or describe it in a" in said
    assert faults(write(tmp_path / "tabs", {"orders/a.tsv": ORDERS}))[0].endswith(
        "looks separated by comma: write the file with tabs, or describe it in a _mapping.yml in a"
        " folder of its own"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no zstd", "Unknown frame descriptor"),
        (HEADING + RECORD + RECORD.replace("\n", "\r\n"), "another kind of line end than LF or"),
        (HEADING + '1,ada,2024-01-31,1,"open\n', "line 2: a quote is not closed or not doubled"),
    ],
)
def test_a_broken_zstd_file_is_refused(tmp_path, content, said):
    tmp_path.joinpath("raw").mkdir()
    if isinstance(content, str):
        content = zstd(content, tmp_path)
    assert said in fault(tmp_path, "a.csv.zst", content)


def test_a_heading_without_records_has_none(tmp_path):
    assert only(tmp_path, "a.csv", HEADING)["records"] == 0
    assert only(tmp_path, "b.csv", HEADING.strip())["records"] == 0
