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
        """Each chart by its id: its type, its marks, its texts, and its cells if it is a table.

        `texts` has no label of a KPI: its value is the first text. `rows` has a list of cells for
        each row, without the row of headings.
        """
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
                        texts: [...chart.querySelectorAll('text:not([data-authored-kind=label])')]
                            .map(text => text.textContent.trim()),
                        rows: Object.values([...chart.querySelectorAll('text[data-col]')].reduce(
                            (rows, cell) => {
                                const row = rows[cell.getAttribute('y')] ??= [];
                                row[Number(cell.dataset.col)] = cell.textContent.trim();
                                return rows;
                            }, {})),
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
        if chart["type"] == "kpi":
            assert any(letter.isdigit() for letter in chart["texts"][0]), name
        elif chart["type"] in ("table", "callout"):
            cells = [cell or "" for row in chart["rows"] for cell in row]
            texts = cells if chart["type"] == "table" else chart["texts"]
            assert any(letter.isdigit() for text in texts for letter in text), name
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
    assert charts["mrr_now"]["texts"] == [f"{mrr:,.0f}", f"a month before: {before:,.0f}"]
    kpis = served.execute(
        "select kpi_name, kpi, period_grain, unit, value, ci_low, ci_high, direction, target,"
        " case when change_from_previous is not null then previous_value end,"
        " case when change_in_a_year is not null then value_a_year_before end"
        f" from journey.rpt_scorecard {segment} and is_latest",
        names,
    ).fetchall()
    # Answer times are known of the whole shop only.
    assert len(kpis) == (20 if segment_name == "all" else 19)
    forms = {
        "share": lambda number: f"{100 * number:.1f} %",
        "amount": lambda number: f"{number:.2f} USD",
        "months": lambda number: f"{number:.0f} mo",
        "hours": lambda number: f"{number:.1f} h",
        "orders": lambda number: f"{number:.2f} orders",
        "points": lambda number: f"{number:.0f} points",
        "difference": lambda number: f"{100 * number:.1f} points",
        "times": lambda number: f"{number:.1f} times",
    }
    shown = {row[0]: row for row in charts["targets"]["rows"]}
    assert len(shown) == len(kpis)
    for called, kpi, grain, unit, number, low, high, direction, target, *others in kpis:
        label = called if grain == "all" else f"{called}, by {grain}"
        factor = 100 if unit in ("share", "difference") else 1
        # What cannot be compared is not shown. An older cohort had more time for its value.
        assert others == [None, None] or not kpi.startswith("clv")
        before, year_before = others
        _, _, *cells, status, before_shown, year_before_shown = shown[label]
        nothing = "\N{EM DASH}"
        assert cells == [
            "-" if number is None else forms[unit](number),
            nothing if low is None else f"{factor * low:.1f} to {factor * high:.1f}",
            nothing if target is None else f"{direction.replace('_', ' ')} {forms[unit](target)}",
        ], label
        assert (status == nothing) == (target is None), label
        assert before_shown == (nothing if before is None else forms[unit](before)), label
        assert year_before_shown == (nothing if year_before is None else forms[unit](year_before))
