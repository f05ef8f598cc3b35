"""Every board in a real browser, and served with its filters: a part of `make torture`."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import quote, urljoin

import pytest
from browser import browser, check_overview, check_page, needs_browser, visit
from conftest import BOARDS, ROOT

pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def chromium():
    needs_browser()
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def server(build, built_home):
    """`make serve-boards` on a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.boards", "--serve", str(port)],
        cwd=ROOT,
        env=os.environ | {"TENURE_HOME": str(built_home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/health")
            break
        except urllib.error.URLError:
            time.sleep(0.5)
    yield address
    process.send_signal(signal.SIGKILL)
    process.wait()


# What charts/render.py does, without its shortcuts: dbt-charts makes each page by itself.
WITHOUT_SHORTCUTS = """
import sys
from pathlib import Path
from charts import render

def page(session, board):
    path = session.project.path(board.relative_to(render.PROJECT).as_posix())
    return session.render_board(path.read_board(), format="html", standalone=True).data

render._drawn, render.to_html, render.PICTURED = page, str, ()
faults = render.render(*map(Path, sys.argv[1:]))
assert not faults, faults
"""
# The time of rendering, running numbers of Vega, and whole labels of a legend, which the page's
# script reads from the drawing as well.
MAY_DIFFER = re.compile(
    r'data-rendered-at="[^"]*"|clip\d+-|(?<=role-legend-label)([^>]*) data-dbt-series="[^"]*"'
)


def test_the_shortcuts_of_the_renderer_change_no_page(build, built_home, tmp_path):
    served = built_home / "serve/current"
    subprocess.run(
        [sys.executable, "-c", WITHOUT_SHORTCUTS, served / "tenure.duckdb", tmp_path],
        cwd=ROOT,
        env=os.environ | {"DO_NOT_TRACK": "1"},
        check=True,
    )
    for board in BOARDS:
        ours, theirs = (
            MAY_DIFFER.sub(r"\1", (folder / f"{board}.html").read_text())
            for folder in (served / "boards", tmp_path)
        )
        # Not in the assert itself: pytest would print a difference of two megabytes.
        same = ours == theirs
        assert same, board


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("board", BOARDS)
def test_a_page_is_whole_and_asks_nobody(board, width, build, built_home, chromium):
    check_page(chromium, (built_home / f"serve/current/boards/{board}.html").as_uri(), width)


def test_the_links_of_a_page_lead_to_pages(build, built_home, chromium):
    folder = built_home / "serve/current/boards"
    page = visit(chromium, (folder / "overview.html").as_uri(), 1400).page
    links = page.eval_on_selector_all("a[href]", "links => links.map(a => a.getAttribute('href'))")
    assert {f"{board}.html" for board in BOARDS} <= set(links)


@pytest.mark.parametrize("board", BOARDS)
def test_a_served_board_is_whole_and_its_links_work(board, server, chromium):
    page = visit(chromium, f"{server}/{board}/", 1400)
    assert not page.complaints
    assert all(request.startswith((server, "data:", "blob:")) for request in page.requests)
    for other in BOARDS:
        with urllib.request.urlopen(urljoin(f"{server}/{board}/", f"{other}.html")) as answer:
            assert answer.status == 200 and f"/{other}/" in answer.url


def test_a_filter_shows_the_numbers_of_its_segment(server, chromium, served):
    address = f"{server}/overview/?segment={quote('country: DE')}"
    check_overview(visit(chromium, address, 1400).charts(), served, "country", "DE")


def test_the_server_is_for_this_machine_only(server):
    """On all addresses, it would hold this one too, and binding it again would fail."""
    with socket.socket() as other:
        other.bind(("127.0.0.2", int(server.rpartition(":")[2])))
