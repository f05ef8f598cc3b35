"""The right answers for the sample, worked out from the rows that its generator made.

Nothing here reads a raw file, a model or a database, so that an error of theirs cannot repeat
itself. All follows from two plain questions: which version of a row is in force, and what does a
subscription pay just before a given moment. Slow, and short enough to be checked by eye.

Rows carry `datetime`s in UTC without a zone, and `Decimal`s. Every amount is in USD, rounded once,
half up.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Answer = tuple[Sequence[str], Iterable[Sequence[Any]]]

KEYS = {
    "orders": ("order_id",),
    "refunds": ("refund_id",),
    "customers": ("customer_id",),
    "subscriptions": ("subscription_id", "effective_at"),
    "marketing_spend": ("spend_date", "channel"),
}
INTERVALS_PER_YEAR = {"year": 1, "month": 12, "week": 52, "day": 365}


def write_truth(
    folder: Path,
    delivered: Mapping[str, Sequence[Row]],
    rejected: Counter[tuple[str, str]],
    rates: Path,
    as_of: datetime,
) -> None:
    """Write one CSV file per question into this folder.

    `delivered` holds the readable rows of each table as often as files hold them, those of
    subscriptions with their effective moment; `rejected` counts the others by table and column.
    """
    truth = Truth(delivered, rejected, rates, as_of)
    answers: dict[str, Answer] = {
        "orders_by_month": truth.orders_by_month(),
        "order_cohorts": truth.order_cohorts(),
        "recurring_revenue": truth.recurring_revenue(),
        "movements": truth.movements_of_cases(),
        "spells": truth.spells_of_cases(),
        "row_outcomes": truth.row_outcomes(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (columns, lines) in answers.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(lines)


def cents(amount: Decimal) -> Decimal:
    """Round half up to the cent."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def month_of(moment: datetime) -> date:
    """Return the first day of the moment's month."""
    return moment.date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


def in_force(table: str, rows: Iterable[Row]) -> list[Row]:
    """Return of each key the version with the latest `updated_at`."""
    latest: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[column] for column in KEYS[table])
        rival = latest.setdefault(key, row)
        if row == rival:
            continue
        times = [version.get("updated_at") or datetime.min for version in (rival, row)]
        if times[0] == times[1]:
            raise ValueError(f"{table} {key}: which version is in force is a matter of chance")
        if times[1] > times[0]:
            latest[key] = row
    return list(latest.values())


class Rates:
    """Exchange rates to USD, each valid from its day until the next one."""

    def __init__(self, path: Path) -> None:
        """Read the file that people edit."""
        self.steps: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                if line["reporting_currency"] == "USD":
                    step = date.fromisoformat(line["valid_from"]), Decimal(line["exchange_rate"])
                    self.steps[line["currency"]].append(step)

    def on(self, moment: datetime, currency: str | None) -> Decimal:
        """Return the rate of the moment's day; without a currency the amount is in USD."""
        if currency in (None, "", "USD"):
            return Decimal(1)
        known = [step for step in self.steps[currency] if step[0] <= moment.date()]
        return max(known)[1]


class Subscription:
    """One subscription: its versions, by effective moment."""

    def __init__(self, versions: Iterable[Row], rates: Rates) -> None:
        """Price every version at the rate of the day on which its terms began."""
        self.versions = sorted(versions, key=lambda version: version["effective_at"])
        self.customer_id = self.versions[-1]["customer_id"]
        self.mrr = []
        began_at: dict[tuple, datetime] = {}
        for version in self.versions:
            # The same terms stay worth the same: exchange rates never make a movement.
            began_at.setdefault(terms(version), version["effective_at"])
            rate = rates.on(began_at[terms(version)], version["currency"])
            self.mrr.append(monthly(version, rate))

    def moments(self) -> set[datetime]:
        """Return every moment at which what is paid may change."""
        moments = {self.versions[0]["started_at"]}
        for version in self.versions:
            moments |= {version["effective_at"], version["trial_ends_at"], end_of(version)}
        return moments - {None}

    def pays_before(self, moment: datetime) -> Decimal:
        """Return the MRR just before this moment, 0 if nothing is paid then."""
        if self.versions[0]["started_at"] >= moment:
            return Decimal(0)
        # The earliest version is in force from the start, whenever it was told.
        number = max(
            (n for n, version in enumerate(self.versions) if version["effective_at"] < moment),
            default=0,
        )
        version, later = self.versions[number], self.versions[number + 1 :]
        end = end_of(version)
        # An end that is written a second before the next version is that version's beginning.
        is_bridged = end and later and end + timedelta(seconds=1) == later[0]["effective_at"]
        if end and end < moment and not is_bridged:
            return Decimal(0)
        # An end that was told after it came ends what was told before.
        for told in later:
            end = end_of(told)
            if end and end < told["effective_at"] and end < moment:
                return Decimal(0)
        trial_end = version["trial_ends_at"]
        in_trial = trial_end >= moment if trial_end else version["status"] == "trialing"
        if in_trial or version["status"] in ("paused", "unpaid", "incomplete"):
            return Decimal(0)
        return self.mrr[number]


def end_of(version: Row) -> datetime | None:
    """Return when the subscription ends by what this version says."""
    if version["ended_at"] or version["status"] not in ("canceled", "expired"):
        return version["ended_at"]
    return version["current_period_ends_at"] or version["effective_at"]


def terms(version: Row) -> tuple:
    """Return what is paid per billing period, in which currency, and how long that period is."""
    amount = version["amount"] * version["quantity"] - version["discount_amount"]
    return (
        amount,
        version["currency"] or "USD",
        version["billing_interval"],
        version["interval_count"],
    )


def monthly(version: Row, rate: Decimal) -> Decimal:
    """Return the MRR of a version in force."""
    amount, *_ = terms(version)
    # Multiplied first and divided once, so that half a cent stays half a cent.
    per_year = amount * rate * INTERVALS_PER_YEAR[version["billing_interval"]]
    return cents(per_year / (12 * version["interval_count"]))


class Truth:
    """What is in force, and the answers that follow from it."""

    def __init__(
        self,
        delivered: Mapping[str, Sequence[Row]],
        rejected: Counter[tuple[str, str]],
        rates: Path,
        as_of: datetime,
    ) -> None:
        """Sort out what is in force and what of it counts."""
        self.delivered, self.rejected, self.as_of = delivered, rejected, as_of
        self.rates = Rates(rates)
        self.rows = {table: in_force(table, rows) for table, rows in delivered.items()}
        self.not_counted: Counter[tuple[str, str]] = Counter()
        self.orders = {
            row["order_id"]: row for row in self.counted("orders", self.why_order_does_not_count)
        }
        self.refunds = list(self.counted("refunds", self.why_refund_does_not_count))
        lives: dict[str, list[Row]] = defaultdict(list)
        for row in self.counted("subscriptions", self.why_version_does_not_count):
            lives[row["subscription_id"]].append(row)
        self.subscriptions: dict[str, list[Subscription]] = defaultdict(list)
        for versions in lives.values():
            subscription = Subscription(versions, self.rates)
            self.subscriptions[subscription.customer_id].append(subscription)

    def counted(self, table: str, why_not: Callable[[Row], str | None]) -> Iterator[Row]:
        """Yield the rows that count, and keep count of the others."""
        for row in self.rows[table]:
            if reason := why_not(row):
                self.not_counted[table, reason] += 1
            else:
                yield row

    def why_order_does_not_count(self, row: Row) -> str | None:
        """Return the reason, None for an order that counts."""
        if row["ordered_at"] >= self.as_of:
            return "after as_of"
        if row.get("is_test"):
            return "test"
        if row["status"] in ("cancelled", "void", "failed"):
            return "cancelled, void or failed"
        return None

    def why_refund_does_not_count(self, row: Row) -> str | None:
        """Return the reason, None for a refund that counts."""
        if row["order_id"] not in {order["order_id"] for order in self.rows["orders"]}:
            return "order is unknown"
        return None if row["order_id"] in self.orders else "order does not count"

    def why_version_does_not_count(self, row: Row) -> str | None:
        """Return the reason, None for a version that counts."""
        return "test" if row["is_test"] else None

    def months(self, first: date) -> list[date]:
        """Return every month up to the one that is running at as_of."""
        months = [first]
        while (month := next_month(months[-1])) < self.as_of.date():
            months.append(month)
        return months

    def state_at(self, month: date) -> datetime:
        """Return the moment that ends the month; the running month is shown as it is at as_of."""
        end = next_month(month)
        return min(datetime(end.year, end.month, end.day), self.as_of)

    # --- Orders ---------------------------------------------------------------------------------

    def in_usd(self, row: Row) -> Decimal:
        """Return the amount of an order, or of a refund at the rate of its order."""
        order = self.orders[row["order_id"]]
        return cents(row["amount"] * self.rates.on(order["ordered_at"], row["currency"]))

    def orders_by_month(self) -> Answer:
        """Return what was sold in each month; a refund counts on its own day."""
        orders: Counter[tuple[date, str]] = Counter()
        amount: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
        refunded: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
        for row in self.orders.values():
            cell = month_of(row["ordered_at"]), "customer" if row["customer_id"] else "guest"
            orders[cell] += 1
            amount[cell] += self.in_usd(row)
        for row in self.refunds:
            buyer = self.orders[row["order_id"]]["customer_id"]
            cell = month_of(row["refunded_at"]), "customer" if buyer else "guest"
            refunded[cell] += self.in_usd(row)
        columns = ["month", "buyer", "orders", "amount", "net_revenue"]
        return columns, (
            [*cell, orders[cell], cents(amount[cell]), cents(amount[cell] - refunded[cell])]
            for cell in sorted(orders.keys() | refunded.keys())
        )

    def order_cohorts(self) -> Answer:
        """Return how many of each month's new buyers bought again in each month since."""
        bought_in: defaultdict[str, set[date]] = defaultdict(set)
        for row in self.orders.values():
            if row["customer_id"]:
                bought_in[row["customer_id"]].add(month_of(row["ordered_at"]))
        active = Counter((min(months), month) for months in bought_in.values() for month in months)
        cohorts = sorted({min(months) for months in bought_in.values()})
        return ["cohort_start", "periods_since", "active_customers"], (
            [cohort, number, active[cohort, month]]
            for cohort in cohorts
            for number, month in enumerate(self.months(cohort))
        )

    # --- Subscriptions --------------------------------------------------------------------------

    def movements(self) -> Iterator[tuple[str, date, str, Decimal, Decimal]]:
        """Yield customer, month, movement, opening and closing MRR while any is above 0."""
        first = min(
            month_of(subscription.versions[0]["started_at"])
            for owned in self.subscriptions.values()
            for subscription in owned
        )
        for customer_id, owned in sorted(self.subscriptions.items()):
            opening, has_paid = Decimal(0), False
            for month in self.months(first):
                closing = sum(
                    (subscription.pays_before(self.state_at(month)) for subscription in owned),
                    Decimal(0),
                )
                if not opening and closing:
                    movement = "reactivation" if has_paid else "new"
                elif opening and not closing:
                    movement = "churned"
                elif opening != closing:
                    movement = "expansion" if closing > opening else "contraction"
                else:
                    movement = "none"
                if opening or closing:
                    yield customer_id, month, movement, opening, closing
                opening, has_paid = closing, has_paid or closing > 0

    def recurring_revenue(self) -> Answer:
        """Return the movements of each month since somebody first paid, added up."""
        kinds = ["new", "reactivation", "expansion", "contraction", "churned"]
        sums: defaultdict[tuple[date, str], Decimal] = defaultdict(lambda: Decimal("0.00"))
        paying: Counter[date] = Counter()
        for _, month, movement, opening, closing in self.movements():
            sums[month, "opening"] += opening
            sums[month, "closing"] += closing
            sums[month, movement] += abs(closing - opening)
            paying[month] += closing > 0
        columns = ["month", "opening_mrr", *(f"{kind}_mrr" for kind in kinds), "closing_mrr"]
        return [*columns, "customers_at_end"], (
            [
                month,
                *(sums[month, kind] for kind in ["opening", *kinds, "closing"]),
                paying[month],
            ]
            for month in self.months(min(paying))
        )

    def movements_of_cases(self) -> Answer:
        """Return each movement of a hand-written customer."""
        columns = ["customer_id", "month", "movement", "amount", "opening_mrr", "closing_mrr"]
        return columns, (
            [customer_id, month, movement, *map(cents, (abs(closing - opening), opening, closing))]
            for customer_id, month, movement, opening, closing in self.movements()
            if customer_id.startswith("case-") and movement != "none"
        )

    def spells_of_cases(self) -> Answer:
        """Return each stretch in which a hand-written customer pays; one that runs has no end."""
        return ["customer_id", "started_on", "ended_on"], (
            [customer_id, started_on, ended_on]
            for customer_id, owned in sorted(self.subscriptions.items())
            if customer_id.startswith("case-")
            for started_on, ended_on in self.spells(owned)
        )

    def spells(self, owned: Sequence[Subscription]) -> list[tuple[date, date | None]]:
        """Return first day and end of every stretch without a day on which nothing is paid."""
        moments = {moment for subscription in owned for moment in subscription.moments()}
        bounds = [*sorted(moment for moment in moments if moment < self.as_of), self.as_of]
        spells: list[tuple[date, date | None]] = []
        # Between two of these moments nothing changes, so the end of the piece tells about it all.
        for begin, end in pairwise(bounds):
            if not any(subscription.pays_before(end) for subscription in owned):
                continue
            started_on = begin.date()
            if spells and spells[-1][1] and started_on <= spells[-1][1]:
                started_on = spells.pop()[0]
            spells.append((started_on, end.date() if end < self.as_of else None))
        return spells

    # --- Rows -----------------------------------------------------------------------------------

    def row_outcomes(self) -> Answer:
        """Return what became of the rows of each table.

        Every row that was read is accepted, superseded or rejected; of those accepted some do not
        count. The reason of a rejected row is the column at fault.
        """
        lines: list[Sequence[Any]] = []
        for table, rows in sorted(self.delivered.items()):
            accepted = len(self.rows[table])
            lines.append([table, "accepted", "", accepted])
            if len(rows) > accepted:
                lines.append([table, "superseded", "", len(rows) - accepted])
            for outcome, counts in (("rejected", self.rejected), ("not_counted", self.not_counted)):
                for (owner, reason), number in sorted(counts.items()):
                    if owner == table:
                        lines.append([table, outcome, reason, number])
        return ["table_name", "outcome", "reason", "rows"], lines
