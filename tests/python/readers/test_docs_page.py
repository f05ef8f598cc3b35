"""The page of `make docs`: whole, without paths of this machine, and asking nobody for anything."""

import json
import re
import subprocess

import duckdb
import pytest
from browser import CHROMIUM, needs_browser
from conftest import HISTORY, MARTS, ROOT

from orchestration import docs, paths
from orchestration.serving import docs_page
from orchestration.serving.docs_page import write_docs_page


@pytest.fixture
def parsed(manifest):
    return paths.parsed() / "manifest.json"


def contents(page):
    """The manifest and the catalog in a page, as its script reads them."""
    text = page.read_text(encoding="utf-8")
    reader = json.JSONDecoder()
    return [
        reader.raw_decode(text, text.index(mark))[0]
        for mark in ('{"metadata":{"dbt_schema_version"', '{"nodes":{"model.tenure.')
    ]


def test_the_page_describes_every_published_table(parsed, build, built_home, tmp_path):
    file = built_home / "serve/current/tenure.duckdb"
    write_docs_page(parsed, file, tmp_path / "index.html")
    manifest, catalog = contents(tmp_path / "index.html")
    found = {
        f"{table['metadata']['schema']}.{table['metadata']['name']}": table
        for table in catalog["nodes"].values()
    }
    assert found.keys() >= MARTS - HISTORY
    assert catalog["nodes"].keys() <= manifest["nodes"].keys()
    with duckdb.connect(file, read_only=True) as connection:
        for name, table in found.items():
            schema, _, plain = name.partition(".")
            [(rows,)] = connection.execute(f"select count(*) from {name}").fetchall()
            types = connection.execute(
                "select column_name, data_type from duckdb_columns()"
                " where schema_name = ? and table_name = ?",
                [schema, plain],
            ).fetchall()
            assert table["stats"]["num_rows"]["value"] == rows
            assert {one["name"]: one["type"] for one in table["columns"].values()} == dict(types)


def test_the_page_says_nothing_of_this_machine_and_asks_nobody(parsed, tmp_path):
    text = parsed.read_text(encoding="utf-8")
    assert str(ROOT) in text
    # Whatever the environment says about the counting of visits.
    counted = json.loads(text)
    counted["metadata"]["send_anonymous_usage_stats"] = True
    (tmp_path / "manifest.json").write_text(json.dumps(counted))
    write_docs_page(tmp_path / "manifest.json", None, tmp_path / "index.html")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert str(ROOT) not in page
    assert '"send_anonymous_usage_stats":false' in page
    assert page.index("Content-Security-Policy") < page.index("<script")
    # No element asks for a file of another place.
    assert not re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=[\"'](?:https?:)?//", page)


def test_a_text_cannot_end_the_script_of_the_page(parsed, tmp_path):
    manifest = json.loads(parsed.read_bytes())
    manifest["nodes"]["model.tenure.rpt_mrr"]["description"] = "</script><b>text</b>"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    write_docs_page(tmp_path / "manifest.json", None, tmp_path / "index.html")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "</script><b>" not in page and "\\u003c/script>\\u003cb>text\\u003c/b>" in page


def test_another_form_of_the_page_of_dbt_is_an_error(parsed, tmp_path, monkeypatch):
    monkeypatch.setattr(docs_page, "_CATALOG", '"SOMETHING ELSE"')
    with pytest.raises(LookupError, match="another form"):
        write_docs_page(parsed, None, tmp_path / "index.html")


def test_before_the_first_build_it_is_written_and_says_what_it_lacks(new_home, monkeypatch, capsys):
    home = new_home()
    monkeypatch.setenv("TENURE_HOME", str(home))
    assert docs.main() == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"{home}/docs/index.html"
    assert "Run `make build`" in printed[-1]
    assert (home / "docs/index.html").stat().st_size > 1_000_000
    assert not (home / "build").exists()


@pytest.mark.torture
def test_a_browser_shows_a_table_with_its_columns(parsed, build, built_home, tmp_path):
    needs_browser()
    write_docs_page(parsed, built_home / "serve/current/tenure.duckdb", tmp_path / "index.html")
    shown = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *(f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=20000"),
            f"file://{tmp_path}/index.html#!/model/model.tenure.rpt_mrr",
        ],
        capture_output=True,
        text=True,
    ).stdout
    text = re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(script|style).*?</\1>", "", shown))
    text = " ".join(text.split())
    assert "One row per segment and month since its first recurring revenue" in text
    assert "opening_mrr DECIMAL(18,2) Monthly recurring revenue" in text
