"""Files of systems are recognized by their headings; the layouts stand in YAML."""

import pytest
from conftest import ROOT
from landing_zones import LAYOUTS, ORDERS, faults, models, parquet, rows, write

from landing.layouts import read_layouts


@pytest.fixture
def layouts(tmp_path):
    return models(tmp_path / "models", **LAYOUTS)


def shop(tmp_path, files):
    return write(tmp_path / "raw", {"orders/a.csv": ORDERS, **files})


def test_the_heading_says_what_a_file_is_whatever_it_is_called(tmp_path, layouts):
    paid = '"Number", Paid on ,Total,Note\n1,x,5,"a, b"\n'
    raw = shop(
        tmp_path,
        {
            "shop/export (1).csv": paid,
            "shop/deep/er/b.txt": paid.replace(",", "\t"),
            "shop/c.CSV": "\ufeff" + paid.replace(",", ";"),
            "shop/d.jsonl": '{"number": 1}\n{"Paid on": 2, "number": 3}\n',
            "shop/e.parquet": parquet('select 1 as "Plan ID"', tmp_path),
            "shop/prices.csv": "price id\n7\n8\n",
        },
    )
    found = rows(raw, layouts)
    assert {
        file: (row["entity"], row["table_name"], row["is_part"], row["delimiter"], row["records"])
        for file, row in found.items()
        if row["system"] == "shop"
    } == {
        "shop/export (1).csv": ("orders", "orders", False, ",", 1),
        "shop/deep/er/b.txt": ("orders", "orders", False, "\t", 1),
        "shop/c.CSV": ("orders", "orders", False, ";", 1),
        "shop/d.jsonl": ("orders", "orders", False, "", 2),
        "shop/e.parquet": ("plans", "subscriptions", False, "", 1),
        "shop/prices.csv": ("prices", "subscriptions", True, ",", 2),
    }
    assert found["shop/export (1).csv"]["columns"] == ["number", "paid on", "total", "note"]
    assert found["shop/e.parquet"]["names"] == ["Plan ID"]


def test_unnamed_and_repeated_columns_of_a_system_are_told_apart(tmp_path, layouts):
    raw = shop(tmp_path, {"shop/a.csv": "number,paid on,,Note,note,note (2)\n"})
    assert rows(raw, layouts)["shop/a.csv"]["columns"] == [
        *("number", "paid on", "column 3", "note", "note (2)", "note (2) (2)"),
    ]


def test_a_column_that_is_read_must_not_come_twice(tmp_path, layouts):
    files = {
        "shop/a.csv": "number,paid on,Total,total\n",
        "shop/b.jsonl": '{"number": 1, "paid on": 2, "Total": 3, "total": 4, "X": 5, "x": 6}\n',
    }
    assert faults(shop(tmp_path, files), layouts) == [
        f"{file}: the heading names the column total twice; rename one of them" for file in files
    ]


def test_two_entities_that_fit_are_refused_with_both_named(tmp_path, layouts):
    raw = shop(tmp_path, {"shop/a.csv": "number,paid on,plan id\n"})
    assert faults(raw, layouts) == [
        "shop/a.csv: the heading fits orders and plans of shop; remove the columns of all but"
        " one, or split the file: orders needs number, paid on; plans needs plan id"
    ]


def test_an_unrecognized_file_is_told_what_the_nearest_entity_lacks(tmp_path, layouts):
    raw = shop(tmp_path, {"shop/a.csv": "Number;Paid at;Total\n", "shop/b.csv": "price id,total\n"})
    assert faults(raw, layouts) == [
        "shop/a.csv: not recognized as one of orders, plans, prices of shop; the nearest is orders:"
        " required column paid on is missing; nearest in the file: paid on: paid at;"
        " the file has: number, paid at, total",
        "shop/b.csv: not recognized as one of orders, plans, prices of shop; the nearest is prices:"
        " column total is not of it; the file has: price id, total",
    ]


def test_a_mapping_in_the_folder_of_a_layout_is_refused(tmp_path, layouts):
    raw = shop(tmp_path, {"shop/_mapping.yml": "", "orders/_mapping.yml": ""})
    for folder, fault in zip(("orders", "shop"), faults(raw, layouts), strict=True):
        assert fault.startswith(f"{folder}/_mapping.yml: the folder {folder} is read by a layout")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("table: orders", "table: order"), "orders: order is no table of the contract; is it ord"),
        (("tables:", "tables: ["), "no layout can be read: "),
        (("- name: shop", "- nam: shop"), "no layout can be read: 'name'"),
        (("meta: {required: true}", "meta: {}"), "no column has config.meta.required"),
    ],
)
def test_a_layout_that_cannot_be_is_refused_by_its_file(tmp_path, wrong, said):
    folder = models(tmp_path / "models", shop=LAYOUTS["shop"].replace(*wrong))
    with pytest.raises(ValueError, match=said) as error:
        read_layouts(folder)
    assert "_shop.yml" in str(error.value)


def test_the_layouts_of_the_project_tell_their_entities_apart():
    layouts = read_layouts(ROOT / "models")
    assert {"orders", "subscriptions"} <= layouts.tables.keys()
    for system, entities in layouts.systems.items():
        for entity in entities:
            assert set(entity.required) <= set(entity.columns), (system, entity.name)
            fitting = [one.name for one in entities if one.fits(list(entity.columns))]
            assert fitting == [entity.name], system
