"""The first cohort table on the screen, at the end of `make build`."""

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table

_QUARTERS = 6
_WIDTH = 100

# Buyers if there are any, else subscribers. A cell of None has not begun.
_KINDS = {
    "order": ("cohorts.rpt_order_cohorts", "of each quarter's new buyers, who bought again in"),
    "subscription": (
        "cohorts.rpt_subscription_cohorts",
        "of each quarter's new subscribers, who still pay at the end of",
    ),
}
_CELLS = """
    select cohort_start, periods_since, cohort_customers, retention_rate, is_complete
    from {table}
    where
        segment_name = 'all' and period_grain = 'quarter'
        and cohort_start in (
            select distinct cohort_start from {table}
            where segment_name = 'all' and period_grain = 'quarter'
            order by cohort_start desc
            limit {quarters}
        )
    order by cohort_start, periods_since
"""


def cohort_table(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the retention of the last six quarters' cohorts, in at most 12 lines of 100 signs.

    `connection` is one to the published file. Without a cohort it says why.
    """
    for table, words in _KINDS.values():
        cells = connection.execute(_CELLS.format(table=table, quarters=_QUARTERS)).fetchall()
        if cells:
            return [
                f"Retention: the share {words} quarter 0, 1, ... (* is not over):",
                *_rendered(cells),
            ]
    return ["No cohorts: no order that counts names a customer, and no subscription has paid."]


def _rendered(cells: list[tuple]) -> list[str]:
    cohorts: dict[str, tuple[int, list[str]]] = {}
    for start, _, customers, rate, is_complete in cells:
        text = "" if rate is None else f"{rate:.1%}"
        cohorts.setdefault(f"{start}", (customers, []))[1].append(
            text if is_complete else f"{text}*"
        )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("quarter of")
    table.add_column("customers", justify="right")
    for number in range(max(len(rates) for _, rates in cohorts.values())):
        table.add_column(str(number), justify="right")
    for name, (customers, rates) in cohorts.items():
        table.add_row(name, f"{customers:,}", *rates)
    console = Console(width=_WIDTH, no_color=True, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return [f"  {line.rstrip()}" for line in capture.get().splitlines() if line.strip()]
