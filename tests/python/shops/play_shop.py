"""A random shop for plays: customers who buy, pause, come back, complain, and ask for no letters.

Its rows are those of the raw contract, so small that each day of each customer can be walked
through. Many times are midnights, or minutes beside them.
"""

from datetime import date, time, timedelta
from decimal import Decimal
from random import Random

from shops.oracle import in_utc, read_seed

FIRST_DAY = date(2024, 7, 1)
# Each play runs from the day after its first contact: so do those of the seed.
FIRST_CONTACTS = date(2024, 12, 31)
CLOCKS = [time(0), time(0, 1), time(9, 30), time(13), time(23, 59)]
TABLES = ["orders", "customers", "subscriptions", "carts", "feedback", "milestones", "contacts"]


class PlayShop:
    """`tables` has the rows of each raw table, as dicts; a few lie after the day `as_of`."""

    def __init__(self, seed, customers, zone, as_of):
        self.random, self.zone, self.as_of = Random(f"{seed}"), zone, as_of
        self.tables = {table: [] for table in TABLES}
        self.days = (as_of - FIRST_DAY).days
        self.names = [f"k{number}" for number in range(customers)]
        for name in self.names:
            self.add_customer(name)
        self.begin_plays()

    def chance(self, share):
        return self.random.random() < share

    def moment(self, day, clock=None):
        return in_utc(day, clock or self.random.choice(CLOCKS), self.zone)

    def day(self):
        """A day of the shop, or one of the first three days after as_of."""
        return FIRST_DAY + timedelta(days=self.random.randrange(self.days + 3))

    def add(self, table, **row):
        rows = self.tables[table]
        rows.append({f"{table.rstrip('s')}_id": f"{table[0]}{len(rows)}"} | row)

    def add_customer(self, name):
        if self.chance(0.9):
            self.add_records(name)
        if self.chance(0.8):
            self.add_orders(name)
        if self.chance(0.3):
            self.add_subscriptions(name)
        for _ in range(self.random.choice([0, 0, 1, 3])):
            self.add("carts", customer_id=name, created_at=self.moment(self.day()))
        for _ in range(self.random.choice([0, 0, 1, 2])):
            kind = self.random.choice(["nps", "csat", "complaint"])
            self.add(
                "feedback", customer_id=name, given_at=self.moment(self.day()), kind=kind, score=7
            )

    def add_records(self, name):
        first = FIRST_DAY + timedelta(days=self.random.randrange(self.days))
        record = {
            "customer_id": name,
            "signed_up_at": self.moment(first) if self.chance(0.7) else None,
            "country": self.random.choice(["DE", "US", None]),
            "birth_date": date(1980, 2, 29)
            if self.chance(0.2)
            else date(1970, 1, 1) + timedelta(days=self.random.randrange(12_000)),
            "referred_by_customer_id": self.random.choice([None, None, *self.names[:20]]),
            "marketing_consent": self.random.choice([None, True, True, False]),
            "unsubscribed_at": None,
            "is_deleted": None,
            "merged_into_customer_id": None,
            "merged_at": None,
            "updated_at": self.moment(first),
        }
        self.tables["customers"].append(record)
        day = first
        for _ in range(self.random.choice([0, 0, 1, 2, 3])):
            day += timedelta(days=self.random.randint(1, 120))
            record = dict(record)
            change = self.random.choice(["consent", "unsubscribed", "back", "deleted"])
            if change == "consent":
                record["marketing_consent"] = self.random.choice([None, True, False])
            elif change == "unsubscribed":
                record["unsubscribed_at"] = self.moment(day - timedelta(days=3))
            elif change == "back":
                record |= {"unsubscribed_at": None, "is_deleted": None}
            else:
                record["is_deleted"] = True
            record["updated_at"] = self.moment(day)
            self.tables["customers"].append(record)

    def add_orders(self, name):
        day = self.day()
        pace = self.random.choice([2, 20, 45, 75])
        while day <= self.as_of:
            # Nobody spends enough for a tier of the loyalty programme.
            self.add(
                "orders",
                customer_id=name,
                ordered_at=self.moment(day),
                amount=Decimal(self.random.randint(1, 300)) / 100,
            )
            day += timedelta(days=self.random.choice([0, 1, pace, 2 * pace, 60, 61]))
            if self.chance(0.1):
                break

    def add_subscriptions(self, name):
        """One after the other. Some end by a request, some by a pause; long ones are renewed."""
        day = self.day()
        for _ in range(self.random.choice([1, 1, 2, 3])):
            start, length = self.moment(day), self.random.choice([20, 61, 200])
            asked = self.random.choice([None, 5, 29, 30, 31, 45])
            end = self.moment(day + timedelta(days=length)) if asked else None
            unit, count = self.random.choice([("month", 1)] * 4 + [("year", 1), ("month", 3)])
            pause_ends = None
            if end and self.chance(0.3):
                asked = None
                pause = self.random.choice([None, 1, 9, 40])
                pause_ends = pause and self.moment(day + timedelta(days=length + pause))
            self.add(
                "subscriptions",
                customer_id=name,
                started_at=start,
                effective_at=start,
                status="active",
                amount=Decimal("10.00") * (count if unit == "month" else 12),
                billing_interval=unit,
                interval_count=count,
                current_period_ends_at=self.moment(day + timedelta(days=91 * count))
                if self.chance(0.8)
                else None,
                cancel_requested_at=max(end - timedelta(days=asked), start) if asked else None,
                ended_at=end if asked else None,
            )
            if not end:
                break
            if not asked:
                self.pause(end, pause_ends)
            # Some come back at once, so that the end is none.
            day += timedelta(days=length + self.random.choice([0, 1, 2, 3, 40]))
            if self.chance(0.2):
                break

    def pause(self, start, end):
        """Pause the latest subscription, told twice, and let it end at the end of the pause."""
        active = self.tables["subscriptions"][-1]
        paused = active | {"status": "paused", "current_period_ends_at": None}
        self.tables["subscriptions"].append(paused | {"effective_at": start})
        if end:
            later = start + (end - start) / 2
            ended = {"status": "canceled", "effective_at": end, "ended_at": end}
            self.tables["subscriptions"] += [paused | {"effective_at": later}, paused | ended]

    def begin_plays(self):
        """Send a first contact for each play: nothing is due yet."""
        for play in read_seed("plays"):
            self.send(self.names[0], play["play_id"], None, FIRST_CONTACTS)

    def send_contacts(self, due, holdouts):
        """Send some of the due steps, some late, some twice; and some to nobody who is due.

        `due` has (customer, play, step, day), `holdouts` (customer, play, day of enrolment).
        """
        self.tables["contacts"] = []
        self.begin_plays()
        for customer, play, step, day in due:
            for _ in range(self.random.choice([0, 1, 1, 1, 2])):
                days_later = self.random.choice([-1, 0, 0, 1, 2, 9])
                self.send(customer, play, step, day + timedelta(days=days_later))
        for customer, play, day in holdouts:
            if self.chance(0.2):
                self.send(customer, play, "1", day + timedelta(days=self.random.randint(-3, 70)))
        for name in self.names[:5]:
            self.send(name, self.random.choice(["birthday", "nobody knows"]), None, self.day())

    def send(self, customer, play, step, day):
        self.add(
            "contacts",
            customer_id=customer,
            play_id=play,
            step=step,
            sent_at=self.moment(day),
            channel="email",
            cost=Decimal(self.random.choice(["0.02", "0.50"])),
        )

    @property
    def files(self):
        return [
            (table, "all.csv", list(rows[0]), rows) for table, rows in self.tables.items() if rows
        ]
