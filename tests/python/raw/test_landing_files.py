"""Which files of a landing zone are read, passed over, left out, or refused by name."""

import pytest
from landing_zones import LAYOUTS, ORDERS, faults, models, rows, write

from landing.files import delivered_files


def test_files_lie_at_any_depth_and_suffixes_may_be_in_capitals(tmp_path):
    write(
        tmp_path,
        {
            "orders/a.csv": ORDERS,
            "orders/2024/b.CSV": ORDERS,
            "orders/year=2024/month=01/c.Csv": ORDERS,
            "orders/d.tsv": ORDERS.replace(",", "\t"),
        },
    )
    found = rows(tmp_path)
    assert found.keys() == {
        "orders/a.csv",
        "orders/2024/b.CSV",
        "orders/year=2024/month=01/c.Csv",
        "orders/d.tsv",
    }
    for row in found.values():
        assert (row["system"], row["entity"], row["table_name"]) == ("raw", "orders", "orders")
        assert (row["format"], row["records"], row["is_part"]) == ("csv", 1, False)
        assert row["columns"] == ["order_id", "customer_id", "ordered_at", "amount"]
    assert found["orders/d.tsv"]["delimiter"] == "\t"


def test_what_loaders_leave_beside_the_data_is_passed_over(tmp_path):
    write(
        tmp_path,
        {
            "orders/a.csv": ORDERS,
            "orders/_SUCCESS": "",
            "orders/.a.csv.crc": "x",
            "orders/_dlt_loads/x.jsonl": "not JSON",
            "_dlt_pipeline_state/x.parquet": "not Parquet",
            "_dlt_version/x.jsonl": "",
            "orders/~$a.xlsx": "x",
            "orders/Thumbs.db": "x",
            "orders/2024/desktop.ini": "x",
            "Desktop.ini": "x",
        },
    )
    assert list(rows(tmp_path)) == ["orders/a.csv"]


def test_a_folder_that_nobody_knows_is_left_out_and_the_nearest_name_said(tmp_path):
    write(tmp_path, {"orders/a.csv": ORDERS, "oders/b.csv": ORDERS, "README.md": "", "q/x.csv": ""})
    found = rows(tmp_path)
    assert list(found) == ["orders/a.csv", "README.md", "oders (is it orders?)", "q"]
    assert [row["format"] for row in found.values()] == ["csv"] + 3 * ["left out"]
    assert {row["table_name"] for row in list(found.values())[1:]} == {""}


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.xlsx", "save the sheet as CSV UTF-8"),
        ("a.csv.zip", "unpack it"),
        ("a.csv.bz2", "unpack it, or compress with gzip"),
        ("sub/a.txt", "rename it to .csv (commas) or .tsv (tabs)"),
        ("a.avro", "write Parquet or JSON lines"),
        ("a.parquet.gz", "deliver it as .csv, .tsv, .jsonl"),
        ("notes", "deliver it as .csv, .tsv, .jsonl"),
    ],
)
def test_a_file_that_is_found_but_not_read_is_refused_with_what_helps(tmp_path, name, advice):
    write(tmp_path, {"orders/a.csv": ORDERS, f"orders/{name}": "x"})
    [fault] = faults(tmp_path)
    assert fault.startswith(f"orders/{name}: not read, for it is no .csv, .tsv, .jsonl")
    assert advice in fault and ".tenureignore" in fault


def test_tenureignore_is_read_as_gitignore_is(tmp_path):
    write(
        tmp_path,
        {
            "orders/a.csv": ORDERS,
            "orders/a.xlsx": "x",
            "orders/old/b.csv": "broken",
            "drafts/c.csv": "x",
            "README.md": "",
            ".tenureignore": "# not ours\n*.xlsx\norders/old/\ndrafts/\nREADME.md\n",
        },
    )
    assert list(rows(tmp_path)) == ["orders/a.csv"]


def test_a_name_that_the_engine_takes_for_a_pattern_is_refused(tmp_path):
    write(tmp_path, {"orders/export[1].csv": ORDERS, "orders/a*.csv": ORDERS})
    assert sorted(faults(tmp_path)) == [
        f"orders/{name}: the engine takes {sign} in a name for a pattern; rename the file"
        for name, sign in (("a*.csv", "*"), ("export[1].csv", "["))
    ]


def test_a_landing_zone_without_orders_or_subscriptions_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "not there"):
        [fault] = faults(folder)
        assert "no raw files; put .csv, .jsonl or .parquet files into its folder orders" in fault
    layouts = models(tmp_path / "models", **LAYOUTS)
    raw = write(tmp_path / "raw", {"shop/a.csv": "price id\n1\n"})
    [fault] = faults(raw, layouts)
    assert fault.startswith(f"{raw}: no orders and no subscriptions; put .csv, .jsonl or .parquet")
    assert fault.endswith("into a folder of its name: shop")


def test_all_faults_of_all_files_are_told_at_once(tmp_path):
    write(tmp_path, {"orders/a.csv": "", "refunds/b.csv": "refund_id\n", "customers/c.zip": ""})
    assert [fault.partition(": ")[0] for fault in faults(tmp_path)] == [
        "customers/c.zip",
        "orders/a.csv",
        "refunds/b.csv",
    ]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    write(tmp_path, {"elsewhere/a.csv": ORDERS, "raw/orders/b.csv": ORDERS})
    (tmp_path / "raw/orders/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "raw/orders/circle").symlink_to(tmp_path / "raw/orders")
    assert list(rows(tmp_path / "raw")) == ["orders/b.csv", "orders/more/a.csv"]


def test_the_files_that_a_sensor_watches_are_those_that_say_what_is_read(tmp_path):
    names = ["orders/2024/a.csv", "erp/_mapping.yml", "erp/x.txt", ".tenureignore"]
    write(tmp_path, dict.fromkeys(names, "") | {"orders/_SUCCESS": "", "README.md": ""})
    assert delivered_files(tmp_path) == sorted(tmp_path / name for name in names)
