"""Shops that chance draws: raw rows by table, for the oracles to count again.

Shop has what all of them share. There is a kind of shop for each subject: the edges of periods,
subscriptions that change often, and customers as the papers assume. The same seed always gives the
same shop.
"""

import random
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import zip_longest

import numpy as np
from shops.landing_zone import FILE_NAMES, SUFFIXES, columns_to_write
from shops.oracle import CENT, DAY, MONTHS_OF, SECOND, following, in_utc, local_day


class Shop:
    """Rows by table, in a timezone. A kind of shop sets `chance` before it adds a row."""

    TABLES = ()
    COUNTRIES = ("DE", "US")

    def __init__(self, zone):
        self.zone = zone
        self.tables = {table: [] for table in self.TABLES}

    # Two words of each kind: those of refunds that were paid, and of others.
    REFUND_STATUSES = (None, None, None, "succeeded", "Pending", "failed", "Canceled")

    def happens(self, probability):
        return self.chance.random() < probability

    def pick(self, values):
        return self.chance.choice(values)

    def at(self, day, clock):
        """The moment when the clocks of the shop show this, in UTC."""
        return in_utc(day, clock, self.zone)

    def add_customer(self, customer_id):
        """Most customers have a row of their own."""
        if self.happens(0.8):
            self.tables["customers"].append(
                {
                    "customer_id": customer_id,
                    "country": self.pick([None, *self.COUNTRIES]),
                    "acquisition_channel": self.pick([None, "email", "referral"]),
                }
            )

    def merge_accounts(self, seed, accounts, others, days):
        """Some accounts were merged into others: in chains and circles, and into unknown ones.

        Some merges come after as_of. A merge without a time of its own has that of its row, if any.
        """
        rows, merged = {row["customer_id"]: row for row in self.tables["customers"]}, {}
        for account in accounts:
            chance = random.Random(f"{seed} merge of {account}")
            merge = dict.fromkeys(("merged_into_customer_id", "merged_at", "updated_at"))
            if chance.random() < 0.25:
                back = [other for other in rows if merged.get(other) == account]
                into = chance.choice(back if back and chance.random() < 0.3 else others)
                merged[account] = merge["merged_into_customer_id"] = into
                merge["merged_at"] = self.at(
                    chance.choice(days), chance.choice((time(0), time(0), time(12)))
                )
                if chance.random() < 0.3:
                    merge["merged_at"], merge["updated_at"] = None, merge["merged_at"]
                elif chance.random() < 0.1:
                    merge["merged_at"] = None
                if account not in rows:
                    rows[account] = {"customer_id": account}
                    rows[account] |= dict.fromkeys(("country", "acquisition_channel"))
                    self.tables["customers"].append(rows[account])
            if account in rows:
                rows[account] |= merge

    def add_refund(self, order_id, customer_id, refunded_at, amount, currency):
        """A refund, in few cases with versions of it, or one that was never paid."""
        refunds = self.tables["refunds"]
        status = self.pick(self.REFUND_STATUSES) if self.happens(0.3) else None
        refund = {
            "refund_id": f"r{len(refunds)}",
            "order_id": order_id,
            "customer_id": customer_id,
            "refunded_at": refunded_at,
            "amount": amount,
            "currency": currency,
            "status": status,
            "is_test": self.pick([None, False, True]) if self.happens(0.1) else None,
            "is_deleted": self.pick([None, False, True]) if self.happens(0.1) else None,
            "updated_at": None,
        }
        refunds.append(refund)
        if self.happens(0.1):
            # It was taken back, or the other way round.
            times = [refunded_at + DAY, refunded_at + 2 * DAY]
            refund["updated_at"], updated_at = self.pick([times, times[::-1]])
            changed = self.pick([{"status": "void"}, {"is_deleted": True}, {"amount": Decimal(1)}])
            refunds.append(refund | changed | {"updated_at": updated_at})


# --- What happens at the edges of periods ---------------------------------------------------------


class EdgeShop(Shop):
    """Orders and subscriptions at the edges of periods, of the data, and of the day.

    The rows of each customer are drawn by themselves: a shop of fewer customers has the same rows.
    """

    TABLES = (
        *("orders", "refunds", "customers", "subscriptions", "milestones"),
        *("feedback", "tickets", "carts", "contacts"),
    )
    FIRST_DAY = date(2023, 11, 20)
    # Leap day, and the ends of weeks, quarters and years. A week that belongs to two years. Both
    # changes of the clocks in New York. A week before one of these days.
    EDGES = (
        *(date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29), date(2024, 3, 1)),
        *(date(2024, 3, 10), date(2024, 4, 1), date(2024, 6, 24), date(2024, 6, 30)),
        *(date(2024, 7, 1), date(2024, 9, 11), date(2024, 9, 18), date(2024, 11, 3)),
        *(date(2024, 12, 25), date(2024, 12, 30), date(2025, 1, 1)),
    )
    # At a midnight where much happens, in the middle of the data, and after the data.
    AS_OF = (date(2024, 7, 1), date(2024, 9, 18), date(2025, 1, 1), date(2025, 4, 9))
    # In the reporting timezone: midnight, the last second of a day, and noon. Midnight UTC is 5:30
    # in Kolkata, and 19:00 in New York in winter.
    CLOCKS = (time(0), time(0), time(5, 30), time(12), time(19), time(23, 59, 59))
    # A reactivation gap of seven days bridges a week, and nothing longer.
    WEEK_LONG_GAPS = (timedelta(days=7), timedelta(days=7), timedelta(days=8))
    CURRENCIES = (None, "USD", "EUR")
    STATUSES = (
        *(None, *["active"] * 6, "past_due", "trialing", "paused", "unpaid", "incomplete"),
        *("canceled", "expired"),
    )

    def __init__(self, seed, customers, sells, zone):
        super().__init__(zone)
        # The last customer is None: the orders of guests.
        for customer_id in [f"c{number:02}" for number in range(customers)] + [None]:
            self.chance = random.Random(f"{seed} {customer_id}")
            if "orders" in sells:
                for _ in range(self.chance.randint(0, 9)):
                    self.add_order(customer_id)
                if self.happens(0.3):
                    self.add_credit_note(customer_id)
            if customer_id and "subscriptions" in sells:
                for _ in range(self.chance.randint(0, 3)):
                    self.add_subscription(customer_id)
            if customer_id:
                self.add_customer(customer_id)
                self.add_referral(customer_id)
                self.add_milestones(customer_id)
            self.add_voice(customer_id, random.Random(f"voice {seed} {customer_id}"))
            self.add_rewards(customer_id, random.Random(f"rewards {seed} {customer_id}"))
        for number, as_of in enumerate(self.AS_OF * 3 if "orders" in sells else ()):
            self.chance = random.Random(f"{seed} newcomer {number}")
            self.add_newcomer(f"n{number:02}", as_of - self.chance.randint(1, 40) * DAY)
        self.merge_accounts(
            seed,
            [f"c{number:02}" for number in range(customers)],
            [f"c{number:02}" for number in range(14)],
            [*self.EDGES, *(self.FIRST_DAY + timedelta(days=7 * week) for week in range(70))],
        )
        # Accounts are as old as anything else, or years older, or of a day that nobody knows.
        for account in self.tables["customers"]:
            self.chance = random.Random(f"{seed} account of {account['customer_id']}")
            signed_up_at = self.pick([None, self.moment(), self.moment()])
            is_old = signed_up_at and self.happens(0.1)
            account["signed_up_at"] = signed_up_at - 800 * DAY if is_old else signed_up_at
        columns = {column for account in self.tables["customers"] for column in account}
        for account in self.tables["customers"]:
            account |= dict.fromkeys(columns - account.keys())

    def add_customer(self, customer_id):
        """Half of them join the loyalty programme, at any time."""
        before = len(self.tables["customers"])
        super().add_customer(customer_id)
        for row in self.tables["customers"][before:]:
            row["loyalty_joined_at"] = self.moment() if self.happens(0.5) else None

    def moment(self):
        any_day = self.FIRST_DAY + timedelta(days=self.chance.randint(0, 465))
        day = self.pick(self.EDGES) if self.happens(0.4) else any_day
        return self.at(day, self.pick(self.CLOCKS))

    def add_order(self, customer_id):
        """Sometimes a second order follows on that day. Half of the orders are refunded."""
        orders = self.tables["orders"]
        order = {
            "order_id": f"o{len(orders)}",
            "customer_id": customer_id,
            "subscription_id": self.pick([None] * 6 + ["s1"]),
            "ordered_at": self.moment(),
            "amount": Decimal(self.pick([0, 1, self.chance.randint(0, 15_000)])) / 100,
            "currency": self.pick(self.CURRENCIES),
            "status": self.pick([None, *["paid"] * 8, "cancelled", "void", "failed"]),
            "is_test": self.pick([None, *[False] * 9, True]),
        }
        orders.append(order)
        left = order["amount"]
        for _ in range(self.pick([0, 0, 1, 3])):
            amount = (left / self.pick([1, 3, 3])).quantize(Decimal("0.01"), ROUND_DOWN)
            left -= amount
            if self.happens(0.2):
                # With tax, or all of it once more.
                amount = self.pick([amount * 2, order["amount"], order["amount"] + 7])
            self.add_refund(
                order["order_id"] if self.happens(0.95) else "unknown",
                self.pick([None, customer_id, "somebody"]),
                order["ordered_at"] + timedelta(days=self.pick([-1, 0, 1, 20, 45, 200])),
                amount,
                order["currency"] if self.happens(0.8) else self.pick(self.CURRENCIES),
            )
        if self.happens(0.1):
            noon = self.at(local_day(order["ordered_at"], self.zone), time(12))
            orders.append(order | {"order_id": f"o{len(orders)}", "ordered_at": noon})

    def add_newcomer(self, customer_id, day):
        """Who begins some days before the data may end is watched for these days alone."""
        self.tables["orders"].append(
            {
                "order_id": f"o{len(self.tables['orders'])}",
                "customer_id": customer_id,
                "subscription_id": None,
                "ordered_at": self.at(day, self.pick(self.CLOCKS)),
                "amount": Decimal(self.chance.randint(0, 15_000)) / 100,
                "currency": self.pick(self.CURRENCIES),
                "status": "paid",
                "is_test": None,
            }
        )
        self.add_customer(customer_id)
        self.add_referral(customer_id)
        self.add_milestones(customer_id)

    def add_referral(self, customer_id):
        """Any customer may refer any other one, so that some refer themselves, or in a circle."""
        signed_up_at, is_referred = self.moment(), self.happens(0.6)
        referrer = self.pick([customer_id, "nobody", *[f"c{n:02}" for n in range(14)] * 2])
        for row in self.tables["customers"]:
            if row["customer_id"] == customer_id:
                row["signed_up_at"] = self.pick([signed_up_at, None])
                row["referred_by_customer_id"] = referrer if is_referred else None

    def add_milestones(self, customer_id):
        """At any time, sometimes one twice. Many come soon after the first order or version."""
        starts = [
            row["ordered_at"] if table == "orders" else row["started_at"]
            for table in ("orders", "subscriptions")
            for row in self.tables[table]
            if row["customer_id"] == customer_id
        ]
        for _ in range(self.chance.randint(0, 4)):
            soon = min(starts, default=self.moment()) + self.pick([-1, 0, 1, 6, 7, 8, 30, 31]) * DAY
            self.tables["milestones"].append(
                {
                    "customer_id": customer_id if self.happens(0.9) else "somebody",
                    "milestone": self.pick(["login", "login", "first project"]),
                    "reached_at": soon if self.happens(0.7) else self.moment(),
                }
            )

    def add_credit_note(self, customer_id):
        """A refund without an order: at any time, also before the first order."""
        amount = Decimal(self.chance.randint(0, 5_000)) / 100
        currency = self.pick(self.CURRENCIES)
        self.add_refund(None, customer_id, self.moment(), amount, currency)

    def add_subscription(self, customer_id):
        """One to four versions of it: upgrades, pauses, ends and returns."""
        rows = self.tables["subscriptions"]
        number = len({row["subscription_id"] for row in rows})
        started_at, *changes = sorted({self.moment() for _ in range(self.chance.randint(1, 4))})
        # Sometimes the first version comes after the start.
        versions = changes if changes and self.happens(0.3) else [started_at, *changes]
        trial_ends_at = self.moment() if self.happens(0.3) else None
        for effective_at, next_effective_at in zip_longest(versions, versions[1:]):
            ended_at = None
            if next_effective_at and self.happens(0.5):
                gap = self.pick([timedelta(seconds=1), *self.WEEK_LONG_GAPS])
                ended_at = max(next_effective_at - gap, started_at)
            elif self.happens(0.2):
                # The end may lie before the version: the shop learned of it late.
                ended_at = max(self.moment(), started_at)
            rows.append(
                {
                    "subscription_id": f"s{number}",
                    "customer_id": customer_id,
                    "started_at": started_at,
                    "effective_at": effective_at,
                    "amount": self.pick(["30", "9.99", "0", "120.50", "1000"]),
                    "billing_interval": self.pick(["month", "year"]),
                    "interval_count": self.pick([None, 1, 3]),
                    "quantity": self.pick([None, 1, 2]),
                    "discount_amount": self.pick([None, None, "2.50"]),
                    "currency": self.pick(self.CURRENCIES),
                    "plan_id": self.pick([None, "basic", "pro"]),
                    "status": self.pick(self.STATUSES),
                    "trial_ends_at": trial_ends_at,
                    "current_period_ends_at": self.moment() if self.happens(0.5) else None,
                    "ended_at": ended_at,
                }
            )

    # Around what counts as heard, fast, abandoned and won back.
    WAITS = (
        *(timedelta(0), timedelta(minutes=1), timedelta(hours=1), timedelta(hours=1, seconds=1)),
        *(timedelta(hours=4), timedelta(hours=5), DAY, DAY + SECOND, 3 * DAY),
        *(7 * DAY, 7 * DAY + SECOND, 8 * DAY, 100 * DAY),
    )

    def add_voice(self, customer_id, chance):
        """Answers, complaints, tickets and carts. Somebody whom the shop does not know has some."""
        self.chance = chance
        whose = customer_id or "stranger"
        for _ in range(self.chance.randint(0, 6)):
            self.add_feedback(whose, self.moment())
        for _ in range(self.chance.randint(0, 4)):
            self.add_ticket(whose, self.moment())
        orders = [row for row in self.tables["orders"] if row["customer_id"] == customer_id]
        for _ in range(self.chance.randint(0, 5)):
            order = self.pick(orders) if orders and self.happens(0.7) else None
            self.add_cart(self.pick([customer_id] * 5 + ["stranger"]), order)

    def add_rewards(self, customer_id, chance):
        """Rewards for referrals, too many and too few, and contacts that are none."""
        self.chance = chance
        for _ in range(self.pick([0, 0, 1, 2])):
            contacts = self.tables["contacts"]
            contacts.append(
                {
                    "contact_id": f"k{len(contacts)}",
                    "customer_id": customer_id or "nobody",
                    # No play of the seed, so that none begins.
                    "play_id": "thanks",
                    "step": self.pick(["reward", "reward", "1", None]),
                    "sent_at": self.moment(),
                }
            )

    def add_feedback(self, customer_id, given_at):
        """An answer, or a complaint, and sometimes a second one that day."""
        feedback = self.tables["feedback"]
        kind = self.pick(["nps", "nps", "csat", "complaint", "complaint"])
        score = self.chance.randint(0, 10)
        wait = self.pick([None, *self.WAITS])
        feedback.append(
            {
                "feedback_id": f"f{len(feedback)}",
                "customer_id": customer_id,
                "given_at": given_at,
                "kind": self.pick([kind, kind.upper()]),
                "score": self.pick([None, score]) if kind == "complaint" else score,
                "resolved_at": given_at + wait if wait is not None else None,
                "is_deleted": self.pick([None, *[False] * 9, True]),
            }
        )
        if self.happens(0.3):
            self.add_feedback(customer_id, given_at + self.pick([SECOND, 5 * DAY]))

    def add_ticket(self, customer_id, opened_at):
        tickets = self.tables["tickets"]
        waits = [self.pick([None, *self.WAITS]) for _ in range(2)]
        first_response_at, resolved_at = (
            opened_at + wait if wait is not None else None for wait in waits
        )
        tickets.append(
            {
                "ticket_id": f"t{len(tickets)}",
                "customer_id": customer_id,
                "opened_at": opened_at,
                "first_response_at": first_response_at,
                "resolved_at": resolved_at,
                "channel": self.pick([None, "email", "chat", "all"]),
                "transfers": self.pick([None, 0, 0, 1, 3]),
                "is_deleted": self.pick([None, *[False] * 9, True]),
            }
        )

    def add_cart(self, customer_id, order):
        """A cart of any moment, or one from before an order, which it may name."""
        carts = self.tables["carts"]
        created_at = order["ordered_at"] - self.pick(self.WAITS) if order else self.moment()
        order_id = self.pick([None, order["order_id"]]) if order else None
        carts.append(
            {
                "cart_id": f"k{len(carts)}",
                "customer_id": customer_id,
                "created_at": created_at,
                "amount": self.pick([None, Decimal(self.chance.randint(0, 9_000)) / 100]),
                "currency": self.pick([None, "USD"]),
                "order_id": "unknown" if self.happens(0.05) else order_id,
                "is_deleted": self.pick([None, *[False] * 9, True]),
            }
        )


# --- Subscriptions that change again and again ----------------------------------------------------


# Every state has this unless it is set to end.
RUNS_ON = {"status": "active", "ended_at": None, "cancel_reason": None}
# How sources write an end that is none.
PLACEHOLDERS = (datetime(2099, 12, 31), datetime(9999, 12, 31))
# Words of other systems, for a status.
WORDS = {
    "active": ("Active", "future"),
    "trialing": ("in_trial", "Trial"),
    "paused": ("on-hold", "on_hold"),
    "incomplete": ("incomplete_expired", "pending"),
    "unpaid": ("failed",),
    "canceled": ("cancelled", "wc-cancelled", "switched"),
    "expired": ("EXPIRED",),
}


def ended_at(row):
    """The end of a state, unless it is none."""
    return row["ended_at"] if row["ended_at"] not in PLACEHOLDERS else None


class ChangingShop(Shop):
    """Subscriptions of many versions, told in disorder.

    The rows of each customer are drawn by themselves: a shop of fewer customers has the same rows.
    """

    TABLES = ("customers", "subscriptions")
    FIRST_DAY, LAST_START = date(2023, 3, 1), date(2025, 11, 30)
    # Around the midnight that opens a month. In other timezones some of it is on another day.
    AROUND_MIDNIGHT = (
        *[timedelta(0)] * 3,
        *(-SECOND, SECOND, timedelta(hours=-5), timedelta(hours=5)),
    )
    # Between an end and what follows it. A reactivation gap of seven days bridges a week.
    GAPS = (
        *(timedelta(0), SECOND, SECOND, SECOND, 2 * SECOND, DAY, 7 * DAY, 8 * DAY, 40 * DAY),
        *(timedelta(milliseconds=3), timedelta(seconds=1, milliseconds=3)),
        *(timedelta(hours=5), timedelta(hours=23), DAY, DAY + SECOND, timedelta(hours=25)),
    )
    # Mapped reasons, capital letters, involuntary reasons, and reasons that are not mapped. 'need'
    # is the name of a reason that texts are mapped to, but is no such text itself.
    REASONS = (
        *(None, "price", "too expensive", "Moving", "card_expired", "chargeback", "need"),
        "Mars",
    )
    # Many, so that some have few customers: their curves end at 0, or at exactly one half.
    COUNTRIES = (
        *("AT", "BE", "CH", "DE", "DK", "ES", "FI", "FR", "IT", "NL", "NO", "PL", "SE", "US"),
    )
    # The columns that say what will happen.
    ANNOUNCED = ("ended_at", "trial_ends_at", "current_period_ends_at")

    def __init__(self, seed, customers, zone, as_of):
        super().__init__(zone)
        self.as_of_at = self.at(as_of, time(0))
        for customer_id in (f"c{number:03}" for number in range(customers)):
            self.chance = random.Random(f"{seed} {customer_id}")
            self.add_subscriptions(customer_id)
            self.add_customer(customer_id)
        self.merge_accounts(
            seed,
            [f"c{number:03}" for number in range(customers)],
            [f"c{number:03}" for number in range(200)],
            [*[as_of] * 20, *(self.FIRST_DAY + timedelta(days=9 * n) for n in range(120))],
        )
        # Somebody is on trial months before anybody pays.
        starts = self.at(self.FIRST_DAY, time(12)) - 40 * DAY
        trial = {"trial_ends_at": starts + 60 * DAY, "is_test": False, "updated_at": None}
        self.tables["subscriptions"].append(self.state("early-0", "early", starts) | trial)
        # Rows do not always arrive in the order of events, or once, or in one file.
        self.files = [file for table in self.tables for file in self.delivery(table)]

    def later(self, moment):
        """A later moment: often where a month begins, or where the data end, or a week before."""
        day = local_day(moment, self.zone)
        if self.happens(0.4):
            for _ in range(self.pick([1, 1, 2, 4])):
                day = following(day, "month")
            then = self.at(day, time(0)) + self.pick(self.AROUND_MIDNIGHT)
        elif self.happens(0.1):
            then = self.as_of_at - self.pick([0, 7]) * DAY + self.pick(self.AROUND_MIDNIGHT)
        else:
            then = moment + timedelta(
                days=self.pick([1, 6, 20, 45, 100]), seconds=self.pick([0, 9])
            )
        return then if then > moment else moment + DAY

    def add_subscriptions(self, customer_id):
        """Up to three. The next one overlaps, takes over, or comes back after a gap."""
        first, last = self.FIRST_DAY, self.LAST_START
        day = first + self.chance.randrange((last - first).days) * DAY
        starts = self.later(self.at(day, time(12)))
        subscriptions = []
        for number in range(self.pick([1, 1, 2, 2, 3])):
            versions = self.versions(f"{customer_id}-{number}", customer_id, starts)
            if subscriptions and self.happens(0.2):
                # Not another subscription, but another item of the one before.
                self.make_items(subscriptions[-1], versions)
            subscriptions.append(versions)
            over = max(starts, ended_at(versions[-1]) or versions[-1]["effective_at"])
            starts = self.later(starts) if self.happens(0.25) else over + self.pick(self.GAPS)
        if self.happens(0.3):
            # All subscriptions of the customer end together.
            at = self.later(max(starts, *(rows[-1]["effective_at"] for rows in subscriptions)))
            for rows in subscriptions:
                rows.append(rows[-1] | {"effective_at": at} | self.end(at, rows[-1]))
                rows[-1]["ended_at"] = at
        self.tables["subscriptions"] += [
            told for rows in subscriptions for row in rows for told in self.told(row)
        ]

    def make_items(self, versions, others):
        """The first item may have no id."""
        item_id = versions[0]["item_id"] or self.pick([None, "a", "b"])
        for row in versions:
            row["item_id"] = item_id
        for row in others:
            row |= {"subscription_id": versions[0]["subscription_id"], "item_id": f"c{item_id}"}

    def state(self, subscription_id, customer_id, starts):
        """The first state of a subscription."""
        return {
            "subscription_id": subscription_id,
            "item_id": None,
            "customer_id": customer_id,
            "started_at": starts,
            "effective_at": starts,
            "status": self.pick([None, "active"]),
            "trial_ends_at": None,
            "current_period_ends_at": None,
            "cancel_requested_at": None,
            "ended_at": None,
            "cancel_reason": None,
            "is_test": self.pick([None, *[False] * 30, True]),
            "is_deleted": None,
            "auto_renews": None,
            "discount_ends_at": self.later(starts) if self.happens(0.2) else None,
        } | self.price()

    def versions(self, subscription_id, customer_id, starts):
        """The states of one subscription. Each is the state before, with something changed."""
        versions = [self.state(subscription_id, customer_id, starts)]
        if self.happens(0.35):
            versions[0] |= self.trial(starts)
        for _ in range(self.pick([0, 1, 3, 5, 6])):
            at = self.later(versions[-1]["effective_at"])
            # Sometimes at a moment that some state announced, even if it was taken back later.
            announced = {row[name] for row in versions for name in self.ANNOUNCED if row[name]}
            announced = {moment for moment in announced if moment > versions[-1]["effective_at"]}
            announced -= set(PLACEHOLDERS)
            trial_ends_at = versions[-1]["trial_ends_at"]
            if announced and self.happens(0.6):
                at = min(announced)
            if trial_ends_at in announced and self.happens(0.3):
                # The first payment fails. Some sources tell that some seconds later.
                at = trial_ends_at + self.pick([timedelta(0), 3 * SECOND])
                change = {"status": self.pick(["past_due", "past_due", "unpaid"])}
            elif self.happens(0.2):
                # The state before has an end. This state takes over or comes back.
                versions[-1]["ended_at"] = max(starts, at - self.pick(self.GAPS))
                change = RUNS_ON | {"cancel_requested_at": None}
            else:
                change = self.change(at, versions[-1])
            versions.append(versions[-1] | {"effective_at": at} | change)
        if len(versions) > 1 and self.happens(0.15):
            # The first row comes after the start ...
            del versions[0]
        elif self.happens(0.1):
            # ... or before it, once or twice.
            versions[0]["effective_at"] -= 10 * DAY
            if self.happens(0.5):
                earlier = {"effective_at": starts - 20 * DAY} | self.price()
                versions.insert(0, versions[0] | earlier)
        if self.happens(0.04):
            self.pick([versions[-1], *versions])["is_deleted"] = True
        return versions

    def price(self):
        return {
            "amount": Decimal(self.pick(["0", "9.99", "24.90", "30", "49", "120.50", "1000"])),
            "billing_interval": self.pick(["day", "week", "month", "month", "month", "year"]),
            "interval_count": self.pick([None, 1, 1, 2, 3, 4]),
            "quantity": self.pick([None, 1, 1, 1, 2, 5]),
            "discount_amount": self.pick(
                [None] * 6 + [Decimal("2.50"), Decimal("2.50"), Decimal("30")]
            ),
            "currency": self.pick([None, "USD", "EUR", "GBP"]),
            "plan_id": self.pick([None, "basic", "pro", "team"]),
        }

    def trial(self, at):
        status = self.pick([None, "active", "trialing", "trialing"])
        is_dated = status != "trialing" or self.happens(0.7)
        ends_at = self.pick([at, self.later(at), self.later(at), self.later(at)])
        return {"status": status, "trial_ends_at": ends_at if is_dated else None}

    def change(self, at, state):
        """One thing that may happen at that moment, as the columns that change."""
        later, reason = self.later(at), {"cancel_reason": self.pick(self.REASONS)}
        one_term = self.pick(list(self.price()))
        if (end := ended_at(state)) and end > at and self.happens(0.7):
            # The end is taken back, and the source keeps the date of the request.
            return RUNS_ON
        return self.pick(
            [
                self.price(),
                {one_term: self.price()[one_term]},
                {one_term: self.price()[one_term]},
                self.trial(at),
                {"status": "paused"},
                {"status": "paused"},
                {"status": "incomplete"},
                {"status": "past_due"},
                {"status": "unpaid"},
                {"cancel_requested_at": at, "ended_at": later} | reason,
                {"cancel_requested_at": at - DAY, "ended_at": later} | reason,
                RUNS_ON,
                RUNS_ON | {"cancel_requested_at": None},
                RUNS_ON | {"cancel_requested_at": at},
                {"status": "active", "ended_at": self.pick(PLACEHOLDERS)},
                {"auto_renews": True, "ended_at": later, "current_period_ends_at": later},
                {"auto_renews": self.pick([None, False])},
                {"discount_amount": Decimal("2.50"), "discount_ends_at": later},
                {"discount_amount": Decimal("2.50"), "discount_ends_at": None},
                {"started_at": state["started_at"] - self.pick([DAY, 40 * DAY])},
                {
                    "status": self.pick(["non_renewing", "pending-cancel"]),
                    "ended_at": None,
                    "current_period_ends_at": self.pick([None, later]),
                },
                {"status": "expired", "ended_at": at, "cancel_reason": None},
                {"status": "expired", "ended_at": None, "current_period_ends_at": None} | reason,
                {"status": "canceled", "ended_at": None, "current_period_ends_at": later} | reason,
                *[self.end(at, state)] * 3,
            ]
        )

    def end(self, at, state):
        """An end now, or an earlier one that the shop learns of now."""
        back = self.pick([timedelta(0), timedelta(0), SECOND, 3 * DAY, 40 * DAY])
        return {
            "status": self.pick([state["status"], "canceled"]),
            "ended_at": max(at - back, state["started_at"]),
            "cancel_reason": self.pick(self.REASONS),
        }

    def told(self, row):
        """The row as a source writes it, with older versions. One of two columns has its moment."""
        at = row["effective_at"]
        row = row | {"status": self.pick([row["status"], *WORDS.get(row["status"], ())])}
        if (end := ended_at(row)) and self.happens(0.2):
            day = local_day(end, self.zone)
            # Without the time, and never before the start: such a row is refused.
            row["ended_at"] = day if self.at(day, time(0)) >= row["started_at"] else end
        row = row | self.pick([{"updated_at": None}, {"updated_at": at + 30 * DAY}])
        if row["updated_at"] is None and self.happens(0.5):
            row |= {"effective_at": None, "updated_at": at}
        yield row
        if row["effective_at"] and row["updated_at"] and self.happens(0.2):
            yield row | self.price() | {"updated_at": at, "status": "paused"}
        if self.happens(0.03):
            at += timedelta(minutes=17)
            yield row | {"effective_at": at, "ended_at": row["started_at"], "is_test": True}

    def delivery(self, table):
        """The files of the table: in disorder, and with some rows twice."""
        rows = self.tables[table]
        self.chance = random.Random(len(rows))
        dealt = defaultdict(list)
        for row in self.chance.sample(rows + rows[::7], len(rows) + len(rows[::7])):
            dealt[self.pick(FILE_NAMES) + self.pick(SUFFIXES)].append(row)
        for name, its_rows in dealt.items():
            columns = self.chance.sample(list(rows[0]), len(rows[0]))
            yield table, name, columns_to_write(table, columns, its_rows), its_rows


# --- Customers as the papers assume ---------------------------------------------------------------


class PaperShop(Shop):
    """Customers as the papers assume: each with a rate, a loyalty and a mean value."""

    TABLES = ("customers", "orders", "refunds", "subscriptions", "marketing_spend")
    FIRST_DAY = date(2023, 3, 20)
    INTERVALS = (("month", 1), ("month", 3), ("year", 1), ("week", 1))
    # Too few of each to be fitted.
    RARE_INTERVALS = (("day", 1), ("week", 2), ("year", 2))
    # Noon is the same day in UTC. The others are often another day there.
    CLOCKS = (time(0, 15), time(12), time(12), time(23, 30))

    def __init__(self, seed, customers, zone, as_of, has_merges=False):
        super().__init__(zone)
        self.chance, self.as_of = np.random.default_rng(seed), as_of
        # In some shops all orders cost the same.
        self.price = Decimal("19.99") if self.happens(0.2) else None
        self.days = (as_of - self.FIRST_DAY).days
        self.add_marketing_spend()
        for number in range(customers):
            customer_id = f"c{number:03}"
            if self.happens(0.8):
                self.add_orders(customer_id)
            if self.happens(0.6):
                self.add_subscriptions(customer_id)
            self.add_customer(customer_id)
        for _ in range(20):
            self.add_order(None, self.chance.integers(self.days), 20)
        if has_merges:
            accounts = [f"c{number:03}" for number in range(customers)]
            days = [as_of + timedelta(days=9 * n) for n in (*[0] * 10, *range(-100, 10))]
            self.merge_accounts(seed, accounts, accounts, days)

    def pick(self, values):
        return values[self.chance.integers(len(values))]

    def add_marketing_spend(self):
        """From before the first order until after as_of. Nobody comes from the radio."""
        self.tables["marketing_spend"] += [
            {
                "spend_date": self.FIRST_DAY + timedelta(days=day),
                "channel": channel,
                "amount": self.pick(["0", "9.90", "40", "150"]),
                "currency": self.pick([None, "EUR"]),
            }
            for day in range(-70, self.days + 9, 3)
            for channel in ["email", "referral", "radio"]
            if self.happens(0.4)
        ]

    def moment(self, day):
        """A moment of that day of the reporting timezone, counted from the first day."""
        return self.at(self.FIRST_DAY + timedelta(days=int(day)), self.pick(self.CLOCKS))

    def add_orders(self, customer_id):
        """The orders of a customer, some of them after as_of."""
        day = self.chance.integers(self.days)
        a_day, leaves = self.chance.gamma(0.8) / 40, self.chance.beta(0.9, 2)
        mean = 80 / self.chance.gamma(3.5)
        while day < self.days + 60:
            for _ in range(self.pick([1, 1, 1, 1, 2])):
                self.add_order(customer_id, day, mean)
            if self.happens(leaves):
                break
            day += 1 + self.chance.exponential(1 / a_day)

    def add_order(self, customer_id, day, mean):
        amount = Decimal(self.chance.gamma(4, mean / 4)).quantize(CENT)
        order = {
            "order_id": f"o{len(self.tables['orders'])}",
            "customer_id": customer_id,
            "subscription_id": "s1" if self.happens(0.05) else None,
            "ordered_at": self.moment(day),
            "amount": self.price or (Decimal(0) if self.happens(0.05) else amount),
            "currency": None if self.price else self.pick([None, "USD", "EUR"]),
            "status": self.pick([None, *["paid"] * 20, "cancelled"]),
            "is_test": self.pick([None, *[False] * 20, True]),
        }
        self.tables["orders"].append(order)
        for _ in range(self.pick([0, 0, 0, 0, 0, 0, 1, 1, 2])):
            later = timedelta(days=self.pick([0, 1, 20, 45, 200]))
            amount = (order["amount"] * self.pick([1, 2, 3]) / 2).quantize(CENT, ROUND_DOWN)
            is_credit_note = self.happens(0.1)
            self.add_refund(
                None if is_credit_note else order["order_id"],
                customer_id if is_credit_note else None,
                order["ordered_at"] + later,
                amount,
                order["currency"],
            )

    def add_subscriptions(self, customer_id):
        """One subscription, sometimes a second one beside it, and sometimes another one later."""
        day = self.chance.integers(self.days)
        end = self.add_subscription(customer_id, day)
        if self.happens(0.15):
            self.add_subscription(customer_id, day + self.chance.integers(60))
        if end and self.happens(0.3):
            self.add_subscription(customer_id, end + self.pick([0, 1, 50]))

    def add_subscription(self, customer_id, day):
        """Most subscriptions end with an interval, others within one. Some change their price."""
        rows = self.tables["subscriptions"]
        interval, number = self.pick(self.INTERVALS if self.happens(0.94) else self.RARE_INTERVALS)
        length = float(MONTHS_OF[interval] * number) * 30.4375
        end = day + self.chance.geometric(self.chance.beta(0.8, 2.5)) * length
        end += self.pick([0, 0, 0, 9])
        started_at = self.moment(day)
        row = {
            "subscription_id": f"s{len(rows)}",
            "customer_id": customer_id,
            "started_at": started_at,
            "effective_at": started_at,
            "amount": self.pick(["0", *["9.99", "30", "120.50"] * 5]),
            "billing_interval": interval,
            "interval_count": number,
            "quantity": self.pick([None, 1, 2]),
            "discount_amount": self.pick([None, None, "2.50"]),
            "currency": self.pick([None, "EUR"]),
            "plan_id": self.pick(["basic", "pro"]),
            "status": None,
            "trial_ends_at": None,
            "current_period_ends_at": None,
            # Some subscriptions run on the last day and have an end set for later.
            "ended_at": self.moment(end) if end < self.days + 400 else None,
        }
        rows.append(row)
        if self.happens(0.2) and (changes := day + 5 + self.chance.integers(200)) < end:
            terms = {"amount": "45", "billing_interval": self.pick(["month", "year"])}
            rows.append(row | {"effective_at": self.moment(changes)} | terms)
        return end if end < self.days else None
