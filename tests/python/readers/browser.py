"""A page of the boards in a real browser: what it asks for, what it complains of, what it shows."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


def needs_browser() -> None:
    """Skip the test where no browser is installed; fail in CI, which installs one."""
    if not CHROMIUM:
        assert not os.environ.get("CI"), "CI must install chromium (.ci/run)"
        pytest.skip("no chromium on this machine")


@dataclass
class Visit:
    """An open page, the addresses it asked for, and its complaints."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def charts(self) -> dict[str, dict]:
        """Each chart by its id: its type, how many marks it has, and its text."""
        return self.page.evaluate(
            """() => Object.fromEntries(
                [...document.querySelectorAll('[data-chart-id]')].map(chart => [
                    chart.dataset.chartId,
                    {
                        type: chart.dataset.chartType,
                        marks: chart.querySelectorAll(
                            '.role-mark path, .role-mark rect, .role-mark line, .role-mark circle'
                        ).length,
                        // A chart of our own template has no marks of Vega.
                        cells: chart.querySelectorAll('rect').length,
                        text: [...chart.querySelectorAll('text')].map(t => t.textContent).join(' '),
                        width: chart.getBoundingClientRect().width,
                    },
                ])
            )"""
        )

    def text(self) -> str:
        """All text of the page, in one line."""
        return " ".join(self.page.inner_text("body").split())


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser that no page can make leave this machine."""
    with sync_playwright() as playwright:
        # Chromium refuses to run as root inside of its own sandbox.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            chromium.close()


def visit(chromium: Browser, address: str, width: int) -> Visit:
    """Open an address in a window so many pixels wide, and wait for it."""
    page = chromium.new_page(viewport={"width": width, "height": 900})
    visited = Visit(page)
    page.on("request", lambda request: visited.requests.append(request.url))
    page.on("pageerror", lambda error: visited.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            visited.complaints.append(message.text)
            if message.type in ("error", "warning")
            else None
        ),
    )
    page.goto(address)
    page.wait_for_load_state("load")
    return visited


def check_page(chromium: Browser, address: str, width: int) -> dict[str, dict]:
    """The charts of a page that asks nobody else, complains of nothing, and has no empty chart."""
    visited = visit(chromium, address, width)
    assert all(request.startswith(address.rpartition("/")[0]) for request in visited.requests)
    assert not visited.complaints
    charts = visited.charts()
    assert charts
    for name, chart in charts.items():
        assert 0 < chart["width"] <= width, name
        if chart["type"] in ("kpi", "table", "callout"):
            assert any(letter.isdigit() for letter in chart["text"]), name
        elif chart["type"] == "custom":
            assert chart["cells"] > 10, name
        else:
            assert chart["marks"], name
    assert "Data up to and including 17 December 2025. Amounts in USD." in visited.text()
    return charts


def check_overview(
    charts: dict[str, dict], served: duckdb.DuckDBPyConnection, segment_name: str, value: str
) -> None:
    """The numbers on the overview are those of the published file, for the total or a segment."""
    segment = "where segment_name = $name and segment_value = $value"
    names = {"name": segment_name, "value": value}
    [(mrr, before)] = served.execute(
        f"select closing_mrr, opening_mrr from churn.rpt_mrr {segment} and is_complete"
        " order by month desc limit 1",
        names,
    ).fetchall()
    assert f"{mrr:,.0f}" in charts["mrr_now"]["text"]
    assert f"{before:,.0f}" in charts["mrr_now"]["text"]
    kpis = served.execute(
        "select kpi, basis, unit, value, ci_low, ci_high, target, previous_value"
        f" from journey.rpt_scorecard {segment} and is_latest",
        names,
    ).fetchall()
    assert len(kpis) == 17
    forms = {
        "share": lambda number: f"{100 * number:.1f} %",
        "amount": lambda number: f"{number:.2f} USD",
        "months": lambda number: f"{number:.0f} mo",
        "orders": lambda number: f"{number:.2f} orders",
        "times": lambda number: f"{number:.1f} times",
    }
    shown = charts["targets"]["text"]
    for kpi, basis, unit, number, low, high, target, previous in kpis:
        # An older cohort has had more time, so its value is not shown beside a younger one.
        for part in (number, target, None if kpi.startswith("clv") else previous):
            assert part is None or forms[unit](part) in shown, (kpi, basis)
        if unit == "share" and low is not None:
            assert f"{100 * low:.1f} to {100 * high:.1f}" in shown, (kpi, basis)
