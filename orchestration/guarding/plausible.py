"""Guards of values that are possible one by one, and all together look like another mistake.

An export in cents is a hundred times too large. A customers file with other ids than the orders has
gives no customer an attribute. Both pass every test.
"""

from collections.abc import Sequence

from orchestration.guarding.findings import Finding, Row, severity_of
from orchestration.guarding.thresholds import Limits
from orchestration.words import first_few_names

_SHOWN_NAMES = 3
# A price is seldom fifty times what it was. In cents it is a hundred times as much.
_TIMES = 50

# One row: how many customers have orders, and how many of them the customers files know.
BUYERS = """
    select
        'customers' as table_name,
        count(*) as buyers,
        count(accounts.customer_id) as known_buyers,
        (select count(*) from staging.stg_customers) as accounts
    from core.dim_customers as customers
    left join staging.stg_customers as accounts on customers.customer_id = accounts.customer_id
    where customers.lifetime_orders > 0
"""


def matched_customers(limits: Limits, buyers: Sequence[Row]) -> Finding:
    """Judge how many buyers the customers files know; `buyers` is BUYERS of one table."""
    counts = next(iter(buyers), {"buyers": 0, "known_buyers": 0, "accounts": 0})
    if not counts["buyers"] or not counts["accounts"]:
        return None, "no customers files to compare with orders", {}
    share = counts["known_buyers"] / counts["buyers"]
    message = (
        f"{counts['known_buyers']:,} of {counts['buyers']:,} customers with orders are in the"
        " customers files"
    )
    return severity_of(limits, lambda least: share < least), message, {"share": share}


def amounts_in_cents(limits: Limits, files: Sequence[Row], published: Sequence[Row]) -> Finding:
    """Judge new files of whole amounts that are many times those of the published build.

    A file or a table of a catalog that has changed is a new one.
    """
    rows, amount = (
        sum(file[column] for file in published) for column in ("rows_accepted", "amount_accepted")
    )
    if not rows or amount <= 0:
        return None, "no published amounts to compare with", {"files": 0}
    known = {(file["file"], file.get("sha256")) for file in published}
    found = [
        f"{file['file']} (mean {file['amount_accepted'] / file['rows_accepted']:,.2f})"
        for file in files
        if (file["file"], file.get("sha256")) not in known
        and file["rows_accepted"]
        and file["amount_accepted"] % 1 == 0
        and file["amount_accepted"] * rows > _TIMES * amount * file["rows_accepted"]
    ]
    message = f"new files with amounts that may be in cents: {first_few_names(found, _SHOWN_NAMES)}"
    if found:
        message += f"; the published mean is {amount / rows:,.2f}"
    else:
        message = "no new file with amounts that may be in cents"
    return severity_of(limits, lambda most: len(found) > most), message, {"files": len(found)}
