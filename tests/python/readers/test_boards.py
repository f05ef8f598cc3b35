"""The boards: rendered for each published version, whole, and true to its numbers."""

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from browser import browser, check_overview, check_page, needs_browser
from conftest import BOARDS, ROOT

from charts.render import _opened
from orchestration.serving import boards
from orchestration.serving.boards import boards_wanted, make_boards


@pytest.fixture
def version(tmp_path):
    """A published version whose file no renderer needs to read."""
    folder = tmp_path / "versions" / "20261128T020000Z-ab12cd"
    folder.mkdir(parents=True)
    (folder / "tenure.duckdb").touch()
    return folder


@pytest.fixture
def renderer(monkeypatch):
    """Put a script in the place of the renderer; it gets the file and the folder."""
    run = subprocess.run

    def stand_in(script: str) -> None:
        def start(command, **options):
            return run([sys.executable, "-c", script, *command[3:5]], **options)

        monkeypatch.setattr(boards.subprocess, "run", start)
        monkeypatch.setattr(boards, "_document", lambda *_: [])

    return stand_in


DOCUMENT = boards._document
WRITES = "import pathlib, sys; folder = pathlib.Path(sys.argv[2]); "


def test_every_build_comes_with_all_boards(build, built_home):
    folder = built_home / "serve/current/boards"
    files = {file.name: file for file in folder.iterdir()}
    assert set(files) == {f"{board}.html" for board in [*BOARDS, "docs"]} | {"overview.png"}
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o444 for file in files.values())
    assert files["overview.png"].read_bytes().startswith(b"\x89PNG")
    assert f"Charts: {folder / 'overview.html'}" in build.stdout


def test_a_board_that_fails_is_named_and_the_others_are_there(version, renderer):
    renderer(
        f"{WRITES} (folder / 'overview.html').write_text('new');"
        " (folder / '.value.html').write_text('half a page, as on a full disk');"
        " print('churn: no column rate', 'value: no space left', sep='\\n', file=sys.stderr);"
        " sys.exit(3)"
    )
    (version / "boards").mkdir()
    for name in ("overview.html", "churn.html"):
        (version / "boards" / name).write_text("old")
    made = make_boards(version)
    assert made.faults == ["churn: no column rate", "value: no space left"]
    assert [file.name for file in made.files] == ["overview.html"]
    # The older page of churn shows the same tables, so it stays.
    pages = {file.name: file.read_text() for file in (version / "boards").iterdir()}
    assert pages == {"overview.html": "new", "churn.html": "old"}
    assert [path.name for path in version.parent.iterdir()] == [version.name]


def test_a_page_of_documentation_that_fails_takes_no_board_along(version, renderer, monkeypatch):
    def half_a_page(manifest, file, page):
        page.write_text("half")
        raise ValueError("the manifest is damaged")

    renderer(f"{WRITES} (folder / 'overview.html').touch()")
    monkeypatch.setattr(boards, "_document", DOCUMENT)
    monkeypatch.setattr(boards, "write_docs_page", half_a_page)
    made = make_boards(version)
    assert [file.name for file in made.files] == ["overview.html"]
    assert made.faults == ["docs: ValueError: the manifest is damaged"]


def test_the_renderer_does_not_outlive_its_build_and_learns_no_secret(version, tmp_path):
    code = (
        "import os, subprocess, sys; from orchestration.serving import boards;"
        "run = subprocess.run;"
        "boards.subprocess.run = lambda command, **options: run("
        "    [sys.executable, '-c', sys.argv[1]], **options);"
        "boards._render(None, None)"
    )
    waits = (
        "import os, pathlib; from charts.render import _end_with_stdin;"
        f"pathlib.Path({str(tmp_path / 'started')!r}).write_text("
        "    f'{os.getpid()} {os.environ.get(\"TENURE_ALERT_WEBHOOK\")}');"
        "_end_with_stdin()"
    )
    build = subprocess.Popen(
        [sys.executable, "-c", code, waits],
        cwd=ROOT,
        env=os.environ | {"TENURE_ALERT_WEBHOOK": "https://example.com/secret"},
    )
    for _ in range(600):
        if (tmp_path / "started").exists() and (tmp_path / "started").read_text():
            break
        time.sleep(0.05)
    pid, secret = (tmp_path / "started").read_text().split()
    assert secret == "None"
    build.kill()
    build.wait()
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.05)
    raise AssertionError("the renderer outlived its build")


def test_a_renderer_that_dies_or_hangs_is_a_fault_and_no_error(version, renderer, monkeypatch):
    renderer("import os; os._exit(3)")
    assert make_boards(version).faults == ["the renderer ended with exit code 3"]
    renderer("import time; time.sleep(60)")
    monkeypatch.setattr(boards, "_MOST_SECONDS", 0.5)
    assert make_boards(version) == ([], ["the boards were not done after 0.5 seconds"])


def test_a_folder_of_a_killed_build_is_in_nobodys_way(version, renderer):
    left = version.with_name(f".{version.name}.boards.partial")
    left.mkdir()
    (left / "half.html").touch()
    renderer(f"{WRITES} (folder / 'overview.html').touch()")
    assert [file.name for file in make_boards(version).files] == ["overview.html"]
    assert not left.exists()


def test_boards_are_on_or_off(monkeypatch):
    monkeypatch.delenv("TENURE_BOARDS", raising=False)
    assert boards_wanted()
    monkeypatch.setenv("TENURE_BOARDS", "off")
    assert not boards_wanted()
    monkeypatch.setenv("TENURE_BOARDS", "no")
    with pytest.raises(ValueError, match="TENURE_BOARDS: 'no' is not allowed; give on or off"):
        boards_wanted()


def test_a_wrong_board_is_named_with_its_fault(build, built_home, tmp_path):
    """The real renderer, on one good board and two wrong ones."""
    project = tmp_path / "project"
    (project / "charts").mkdir(parents=True)
    shutil.copy(ROOT / "dbt_charts.yml", project)
    for name in ("__init__.py", "render.py", "meta.yml", "_head.yml"):
        shutil.copy(ROOT / "charts" / name, project / "charts")
    board = (
        "extends: ./_head.yml\ntitle: How many?\nqueries: {{q: {sql}}}\n"
        "charts: {{c: {{type: kpi, query: q, value: n, label: Customers}}}}\nrows: [c]\n"
    )
    for name, sql in {
        "good": "select count(*) as n from core.dim_customers",
        "wrong": "select n from core.no_such_table",
        "prying": "select count(*) as n from read_text('/etc/hostname')",
    }.items():
        (project / "charts" / f"{name}.yml").write_text(board.format(sql=sql))
    published = built_home / "serve/current/tenure.duckdb"
    ended = subprocess.run(
        [sys.executable, "-m", "charts.render", published, tmp_path],
        cwd=project,
        env=os.environ | {"DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 3
    [prying, wrong] = ended.stderr.splitlines()
    assert wrong.startswith("wrong: ") and "no_such_table" in wrong
    # A board reads the published file and nothing else.
    assert prying.startswith("prying: ") and "disabled by configuration" in prying
    assert [file.name for file in tmp_path.glob("*.html")] == ["good.html"]


def test_what_does_not_fit_into_memory_goes_into_a_folder_of_the_renderer(tmp_path, monkeypatch):
    """DuckDB would write it beside the published file, where readers look."""
    published = tmp_path / "version" / "tenure.duckdb"
    published.parent.mkdir()
    duckdb.connect(published).close()
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setenv("TENURE_MEMORY_LIMIT", "60MB")
    with _opened(published, folder) as path:
        # As dbt-charts connects, for each query.
        options = {"enable_external_access": False}
        with duckdb.connect(path, read_only=True, config=options) as reader:
            reader.execute(
                "select max(text) from (select hash(range) || repeat('-', 40) as text"
                " from range(3000000) order by text offset 1)"
            )
            assert list(folder.glob(".*/tenure.duckdb.tmp"))
        assert list(published.parent.iterdir()) == [published]
    assert not list(folder.iterdir())


def test_the_overview_in_a_browser(build, built_home, served):
    """One page, on a desk and on a phone. `make torture` looks at all pages."""
    needs_browser()
    page = built_home / "serve/current/boards/overview.html"
    with browser() as chromium:
        for width in (1400, 400):
            charts = check_page(chromium, page.as_uri(), width)
            check_overview(charts, served, "all", "all")
