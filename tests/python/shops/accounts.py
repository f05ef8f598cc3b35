"""Merged accounts read a second time: a shop as if each customer had always had one account.

All oracles share it. Whoever follows the merges of an account by hand does what is done here: one
merge after another, until an account was not merged.
"""

from datetime import datetime

# An attribute that the customer's own account does not have comes from another account.
ATTRIBUTES = ("country", "acquisition_channel", "referred_by_customer_id")


class Accounts:
    """Which customer each account belongs to, by the merges before as_of."""

    def __init__(self, customers, as_of_at):
        self.merged = {}
        for row in customers:
            at = row.get("merged_at") or row.get("updated_at") or datetime.min
            if row.get("merged_into_customer_id") and at < as_of_at:
                self.merged[row["customer_id"]] = row["merged_into_customer_id"], at

    def path(self, account):
        """The moments of the merges that lead to the customer, and the customer.

        An account that leads into a circle stays as it was.
        """
        moments, here = [], account
        visited = {account}
        while here in self.merged:
            here, at = self.merged[here]
            moments.append(at)
            if here in visited:
                return [], account
            visited.add(here)
        return moments, here

    def owner(self, account):
        return self.path(account)[1]

    def place_in_line(self, account):
        """The customer's own account comes first, then those that were merged first."""
        moments, _ = self.path(account)
        return len(moments) > 0, max(moments, default=datetime.min), len(moments), *moments[:1]


def as_one(tables, as_of_at):
    """The tables of a shop in which each customer has had one account from the start."""
    accounts = Accounts(tables.get("customers", ()), as_of_at)

    def with_owners(rows):
        for row in rows:
            owner = accounts.owner(row["customer_id"])
            # What does not change stays the same object.
            yield row if owner == row["customer_id"] else row | {"customer_id": owner}

    return {
        table: list(rows if "customer_id" not in (rows or [{}])[0] else with_owners(rows))
        for table, rows in tables.items()
        if table != "customers"
    } | {"customers": list(combined(tables.get("customers", ()), accounts))}


def combined(customers, accounts):
    """One row per customer."""
    rows_of = {}
    for row in sorted(customers, key=lambda row: row["customer_id"]):
        rows_of.setdefault(accounts.owner(row["customer_id"]), []).append(row)
    for owner, rows in rows_of.items():
        rows = sorted(rows, key=lambda row: accounts.place_in_line(row["customer_id"]))
        one = dict(rows[0]) | {"customer_id": owner}
        for name in rows[0].keys() & {"merged_into_customer_id", "merged_at"}:
            one[name] = None
        for name in rows[0].keys() & set(ATTRIBUTES):
            told = [row[name] for row in rows if row[name] is not None]
            if name == "referred_by_customer_id":
                # Accounts of one customer do not refer each other. An account that refers itself
                # is a fault of the file, and stays one.
                told = [
                    accounts.owner(row[name])
                    for row in rows
                    if row[name] == row["customer_id"]
                    or (row[name] and accounts.owner(row[name]) != owner)
                ]
            one[name] = told[0] if told else None
        for name in rows[0].keys() & {"signed_up_at", "loyalty_joined_at"}:
            one[name] = min((row[name] for row in rows if row[name]), default=None)
        yield one


# --- A worked example -----------------------------------------------------------------------------

MERGED_AT = datetime(2024, 6, 15)
TERMS = {"amount": "30", "billing_interval": "month"}
# Ada bought as a, and ten days later as b. Her subscription went from a to b with the merge.
ADA = {
    "customers": [
        {"customer_id": "a", "merged_into_customer_id": "b", "merged_at": MERGED_AT},
        {"customer_id": "b", "merged_into_customer_id": None, "merged_at": None},
    ],
    "orders": [
        {"order_id": order_id, "customer_id": customer_id, "ordered_at": day, "amount": "20"}
        for order_id, customer_id, day in (
            ("o1", "a", datetime(2024, 1, 5)),
            ("o2", "b", datetime(2024, 1, 15)),
        )
    ],
    "subscriptions": [
        {"subscription_id": "s1", "customer_id": "a", "started_at": datetime(2024, 2, 1)}
        | {"effective_at": datetime(2024, 2, 1), "ended_at": MERGED_AT, **TERMS},
        {"subscription_id": "s2", "customer_id": "b", "started_at": MERGED_AT}
        | {"effective_at": MERGED_AT, "ended_at": None, **TERMS},
    ],
}
