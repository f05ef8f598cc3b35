"""A shop whose past changes on purpose: each night says what is new, and of which kind it is.

Three months are over when the first night reads them. Every later night brings orders of the day
before, and perhaps one change of a closed month.
"""

import random
from datetime import datetime, timedelta
from decimal import Decimal

HISTORY = datetime(2025, 1, 1)
# The first night is that of this day. All earlier months are closed.
FIRST_NIGHT = datetime(2025, 4, 2)
CUSTOMERS, SUBSCRIBERS = 40, 15
DAYS = (FIRST_NIGHT - HISTORY).days - 3
ORDER = ("order_id", "customer_id", "ordered_at", "amount", "currency", "is_deleted", "updated_at")
REFUND = ("refund_id", "order_id", "refunded_at", "amount", "is_deleted", "updated_at")
CUSTOMER = ("customer_id", "country", "merged_into_customer_id", "merged_at", "updated_at")
SUBSCRIPTION = (
    *("subscription_id", "customer_id", "plan_id", "started_at", "amount", "billing_interval"),
    *("ended_at", "effective_at", "status", "is_deleted", "updated_at"),
)
COLUMNS = {
    "orders": ORDER,
    "refunds": REFUND,
    "customers": CUSTOMER,
    "subscriptions": SUBSCRIPTION,
    "exchange_rates": ("rate_date", "currency", "rate"),
}


class RestatedShop:
    """Files of the nights so far, as shops.landing_zone writes them."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.files, self.orders, self.subscriptions = [], {}, {}
        # What happened to orders: the kind of change, and when it counts.
        self.changed = []
        self.night = 0
        # Those who never subscribe, so that a merge moves orders alone.
        self.unmerged = [f"c{number}" for number in range(SUBSCRIBERS + 1, CUSTOMERS)]
        # Everybody buys once in the first days, so that segments stay as they are.
        self.countries = {
            f"c{number}": self.chance.choice(["DE", "FR", "US"]) for number in range(CUSTOMERS)
        }
        customers = [
            {"customer_id": customer, "country": country}
            for customer, country in self.countries.items()
        ]
        orders = [self.new_order(f"c{number}", number % 20) for number in range(CUSTOMERS)]
        orders += [self.new_order(self.anybody(), self.chance.uniform(20, DAYS)) for _ in range(90)]
        # The data goes up to the first day of April, so March is over.
        orders.append(self.new_order("c0", (FIRST_NIGHT - HISTORY).days - 0.5))
        subscriptions = [
            self.new_subscription(f"c{number}", self.chance.uniform(1, DAYS))
            for number in range(SUBSCRIBERS)
        ]
        # One has left in January, and nobody since: a report of losses has no row of March.
        left = {"ended_at": HISTORY + timedelta(days=20), "status": "canceled"}
        ended = self.new_subscription(f"c{SUBSCRIBERS}", 2, **left)
        self.deliver(customers=customers, orders=orders, subscriptions=[*subscriptions, ended])
        ended["is_chosen"] = True

    def anybody(self):
        return f"c{self.chance.randrange(CUSTOMERS)}"

    def today(self):
        return FIRST_NIGHT + timedelta(days=self.night)

    def written_at(self):
        """Yesterday evening. A later hour would be of a day whose orders are not there yet."""
        return self.today() - timedelta(hours=6)

    def deliver(self, **rows):
        """One file a table. The names hold no day, which would be a version's day."""
        for table, new in rows.items():
            whole = [dict.fromkeys(COLUMNS[table]) | row for row in new]
            self.files.append((table, f"night {self.night} {table}.csv", COLUMNS[table], whole))

    def new_order(self, customer_id, day, **further):
        order = {
            "order_id": f"o{len(self.orders)}",
            "customer_id": customer_id,
            "ordered_at": HISTORY + timedelta(minutes=round(day * 1440)),
            "amount": Decimal(self.chance.randrange(500, 20000)) / 100,
            **further,
        }
        self.orders[order["order_id"]] = order
        return order

    def new_subscription(self, customer_id, day, **further):
        started_at = HISTORY + timedelta(minutes=round(day * 1440))
        subscription = {
            "subscription_id": f"s{len(self.subscriptions)}",
            "customer_id": customer_id,
            "plan_id": "gold",
            "started_at": started_at,
            "effective_at": started_at,
            "amount": Decimal(self.chance.randrange(500, 5000)) / 100,
            "billing_interval": "month",
            **further,
        }
        self.subscriptions[subscription["subscription_id"]] = subscription
        return subscription

    def an_old_order(self):
        """An order of a closed month: not its customer's first, and not touched before."""
        order_id = self.chance.choice(
            [
                order_id
                for order_id, order in self.orders.items()
                if int(order_id[1:]) >= CUSTOMERS
                and order["ordered_at"] < datetime(2025, 4, 1)
                and not order.get("updated_at")
            ]
        )
        return self.orders[order_id]

    def pass_a_night(self, *kinds):
        """Deliver what happened yesterday, and one change of each of these kinds.

        A kind is a name, or a function that returns rows by table.
        """
        self.night += 1
        yesterday = (self.today() - HISTORY).days - 1
        rows = {"orders": [self.new_order(self.anybody(), yesterday + 0.5) for _ in range(3)]}
        for kind in kinds:
            change = kind if callable(kind) else getattr(self, kind)
            for table, new in change().items():
                rows.setdefault(table, []).extend(new)
        self.deliver(**rows)

    # --- Changes of closed months, named after their cause ---

    def late(self):
        order = self.new_order(self.anybody(), self.chance.uniform(25, 85))
        self.changed.append(("late", order["ordered_at"]))
        return {"orders": [order]}

    def corrected(self):
        order = self.an_old_order()
        order |= {"amount": order["amount"] + Decimal("1.11"), "updated_at": self.written_at()}
        self.changed.append(("corrected", order["ordered_at"]))
        return {"orders": [dict(order)]}

    def deleted(self):
        order = self.an_old_order()
        order |= {"is_deleted": True, "updated_at": self.written_at()}
        self.changed.append(("deleted", order["ordered_at"]))
        return {"orders": [dict(order)]}

    def refunded(self):
        order = self.an_old_order()
        # It is not chosen again: a deleted order would take the refund with it.
        order["updated_at"] = HISTORY
        refund = {
            "refund_id": f"r{self.night}",
            "order_id": order["order_id"],
            "refunded_at": order["ordered_at"] + timedelta(hours=1),
            "amount": Decimal("2.50"),
        }
        self.changed.append(("refunded", refund["refunded_at"]))
        return {"refunds": [refund]}

    def merged(self, hours=-12):
        account = self.unmerged.pop()
        row = {
            "customer_id": account,
            "country": self.countries[account],
            "merged_into_customer_id": "c0",
            "merged_at": self.today() + timedelta(hours=hours),
            "updated_at": self.written_at(),
        }
        return {"customers": [row]}

    def merged_ahead(self):
        """A merge that is told before it applies: the next night moves the numbers."""
        return self.merged(hours=12)

    def conflict(self):
        """Two contents of one key, and nothing tells which is newer. Either may win."""
        order = self.an_old_order()
        order_again = order | {"amount": order["amount"] + Decimal("3.33")}
        order["updated_at"] = HISTORY
        return {"orders": [order_again]}

    def late_subscription(self):
        # Of a customer who pays already: the segments of the first plan stay as they are.
        customer = f"c{self.chance.randrange(SUBSCRIBERS)}"
        return {"subscriptions": [self.new_subscription(customer, self.chance.uniform(75, 88))]}

    def late_end(self):
        subscription = self._a_subscription()
        ended_at = datetime(2025, 3, 29) + timedelta(minutes=self.night)
        changed = {"ended_at": ended_at, "effective_at": ended_at, "status": "canceled"}
        return {"subscriptions": [subscription | changed]}

    def corrected_subscription(self):
        subscription = self._a_subscription()
        return {
            "subscriptions": [
                subscription
                | {"amount": subscription["amount"] + 1, "updated_at": self.written_at()}
            ]
        }

    def deleted_subscription(self):
        """Told without a moment from which it holds, as by the sources that only mark a row."""
        told = {"effective_at": None, "is_deleted": True, "updated_at": self.written_at()}
        return {"subscriptions": [self._a_subscription() | told]}

    def _a_subscription(self):
        free = [each for each in self.subscriptions.values() if "is_chosen" not in each]
        chosen = self.chance.choice(free)
        result = dict(chosen)
        chosen["is_chosen"] = True
        return result

    def repeated(self):
        """Records that were delivered before: nothing moves."""
        return {"orders": [dict(order) for order in list(self.orders.values())[:20]]}
