"""The check of headings before a build, what a sensor sees, and that samples are judged alike."""

import re

import pytest
from conftest import ROOT
from faults import LANDING_ZONE
from landing_zones import ORDERS, write

from landing.check import check
from landing.layouts import read_layouts
from orchestration import nightly
from orchestration.guarding.landing_zone import fingerprint
from orchestration.telling import alerts

TABLES = read_layouts(ROOT / "models").tables


def test_a_build_stops_at_a_wrong_heading_before_dbt_is_parsed(tmp_path, monkeypatch, capsys):
    from orchestration.warehouse import parsing

    told = []
    monkeypatch.setattr(alerts, "failed", lambda failures, *_: told.extend(failures))
    monkeypatch.setattr(parsing, "prepare_manifest", lambda: pytest.fail("dbt was parsed"))
    monkeypatch.setenv("TENURE_RAW_DIR", str(tmp_path))
    write(tmp_path, {"orders/a.csv": ORDERS.replace("amount", "total"), "orders/b.pdf": ""})
    assert nightly._build({}, {}, "run") == nightly.FAILED
    [failure] = told
    assert (failure.kind, failure.name) == ("check", "raw files")
    said = capsys.readouterr().out
    assert "check raw files" in said and "make check-raw" in said
    assert "orders/a.csv: required column amount is missing; nearest in the file: " in said
    assert "orders/b.pdf: not read" in said


def test_a_sensor_sees_files_at_any_depth_and_mappings(tmp_path):
    seen = [fingerprint(tmp_path)]
    for name in ("orders/2024/01/a.csv", "erp/_mapping.yml", ".tenureignore", "erp/deep/b.txt"):
        write(tmp_path, {name: "x"})
        seen.append(fingerprint(tmp_path))
    assert len(set(seen)) == len(seen)
    write(tmp_path, {"orders/2024/_SUCCESS": "", "_dlt_version/a.jsonl": "", "README.md": ""})
    assert fingerprint(tmp_path) == seen[-1]


def of_the_contract(fault):
    """The records of a fault that the contract itself rejects: number, and column or line."""
    records = [becomes for _, becomes in fault.records() if becomes != "no record"]
    table = TABLES[fault.table]
    for number, becomes in enumerate(records, 1):
        found = re.match(r"rejected: (\w+) (is missing|is not (?!1,|.* from )|has too )", becomes)
        if not found:
            continue
        # The seeds judge words, and staging what one kind of answer needs.
        is_words = found[2] != "is missing" and table.types.get(found[1]) == "text"
        if not is_words and (found[2] != "is missing" or found[1] in table.required):
            yield number, found[1]


def test_the_check_rejects_the_records_of_the_catalogue_that_the_contract_rejects(tmp_path):
    write(tmp_path, {fault.file: fault.content() for fault in LANDING_ZONE})
    lines, is_fine = check(tmp_path)
    text = "\n".join(lines)
    assert not is_fine and "A build would stop" not in text
    for fault in LANDING_ZONE:
        expected = dict(of_the_contract(fault))
        said = [line.strip() for line in text.splitlines() if f"  {fault.file}: " in line]
        said = [line for line in said if "without records" not in line]
        assert bool(said) == bool(expected), (fault.file, said)
        for number, column in expected.items():
            assert any(column in line for line in said), fault.file
            if len(expected) == 1 and len(fault.records()) > 1:
                assert f"record {number}: " in said[0]
