"""Three plays of one year: who got a contact, and who bought because of it.

A part of those who got the first contact of a play, and would not have come anyway, come. How large
that part is differs by play, and is the truth that a report has to find. Nobody else is moved, and
each customer has a stream of chance of its own for this. The hard cases are in the plays too, and
nobody writes to them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from shop.chance import Dice
from shop.days import AS_OF, LAST_DAY
from shop.orders import Order, basket, basket_rate
from shop.people import Shopper
from shop.tables import SUBSCRIPTIONS, Row, moment_of
from truth.money import Rates
from truth.plays import DAY, Customer, Enrolment, refusals, walk
from truth.subscriptions import by_customer, spells

# The shop writes itself a letter of each play. From the next morning on the plays run.
TRIAL_LETTERS = datetime(2024, 12, 16, 15, 30)
STAFF = "c-00001"
# Of those who would not have come anyway, the part that comes. One in six comes back anyway, and
# one in four buys again within a month, so these are 8 and 3 points of all. A birthday
# moves nobody.
COMES = {"win_back_buyers": 0.08 / (1 - 0.16), "first_order_follow_up": 0.03 / (1 - 0.27)}
COMES_WITHIN = 18
NOT_SENT, SENT_LATE = 0.02, 0.04
LATE = (2, 5)
EMAIL_COST = Decimal("0.02")
# Two of the holdout of this play got a letter by mistake: the 10th and the 40th.
MISTAKES = {"win_back_buyers": (10, 40)}


class Plays:
    """What plays add to the shop: contacts, orders, and who came because of a play."""

    def __init__(
        self,
        people: Iterable[Shopper],
        orders: Sequence[Order],
        subscriptions: Sequence[Row],
        records: Iterable[Row],
        rates: Path,
    ) -> None:
        """Walk all customers through the year."""
        self.orders: list[Order] = []
        # Play, customer and day of each enrolment whose conversion the play has caused.
        self.brought: set[tuple[str, str, date]] = set()
        self.sent: list[Row] = [
            contact(STAFF, play_id, "1", TRIAL_LETTERS)
            for play_id in ("win_back_buyers", "first_order_follow_up", "birthday")
        ]
        self.people = {person.customer_id: person for person in people}
        held_out: defaultdict[str, list[Enrolment]] = defaultdict(list)
        for customer in customers(self.people, orders, subscriptions, records, rates):
            starts_on = TRIAL_LETTERS.date() + DAY
            for enrolment in walk(customer, starts_on, AS_OF.date(), self.send):
                if enrolment.is_held_out:
                    held_out[enrolment.play.play_id].append(enrolment)
        for play_id, places in MISTAKES.items():
            for place in places:
                self.add_contact(held_out[play_id][place], 1, held_out[play_id][place].day)

    @property
    def contacts(self) -> list[Row]:
        """Return the contacts by time, each with its number."""
        ordered = sorted(
            self.sent, key=lambda row: (row["sent_at"], row["customer_id"], row["play_id"])
        )
        return [row | {"contact_id": f"m-{n:05d}"} for n, row in enumerate(ordered, start=1)]

    def send(self, enrolment: Enrolment, number: int, morning: date) -> None:
        """Send a contact in time, late, or not at all. The first one may bring an order."""
        dice = Dice(enrolment.customer.customer_id, "plays", enrolment.play.play_id, f"{morning}")
        if dice.chance(NOT_SENT):
            return
        sent_on = morning + (dice.between(*LATE) if dice.chance(SENT_LATE) else 0) * DAY
        if sent_on > LAST_DAY:
            return
        self.add_contact(enrolment, number, sent_on)
        comes, waits = (
            dice.chance(COMES.get(enrolment.play.play_id, 0.0)),
            dice.between(1, COMES_WITHIN),
        )
        bought_on = sent_on + waits * DAY
        is_in_time = bought_on < enrolment.window_ends_on and bought_on <= LAST_DAY
        comes_anyway = enrolment.converted_on(date.max) is not None
        if number == 1 and comes and is_in_time and not comes_anyway:
            self.add_order(dice, enrolment.customer, bought_on)
            self.brought.add(
                (enrolment.play.play_id, enrolment.customer.customer_id, enrolment.day)
            )

    def add_contact(self, enrolment: Enrolment, number: int, sent_on: date) -> None:
        """Send an e-mail in the morning."""
        customer_id, play_id = enrolment.customer.customer_id, enrolment.play.play_id
        dice = Dice(customer_id, "letter", play_id, f"{sent_on}")
        moment = datetime.combine(sent_on, time(8)) + timedelta(seconds=dice.between(0, 7_200))
        self.sent.append(contact(customer_id, play_id, str(number), moment))

    def add_order(self, dice: Dice, customer: Customer, day: date) -> None:
        """Let a customer order on the web, at an hour after that of the letters."""
        person = self.people[customer.customer_id]
        moment = datetime.combine(day, time(11)) + timedelta(seconds=dice.between(0, 36_000))
        worth = basket(dice, basket_rate(dice))
        row: Row = {
            "customer_id": customer.customer_id,
            "ordered_at": moment,
            "amount": worth,
            "discount_amount": Decimal("0.00"),
            "tax_amount": Decimal("0.00"),
            "shipping_amount": Decimal("4.90") if worth < 40 else Decimal("0.00"),
            "currency": person.currency,
            "status": "paid",
            "is_test": False,
            "channel": "web",
            "updated_at": moment,
        }
        self.orders.append(Order(row, person.country))
        customer.bought = sorted({*customer.bought, day})

    def numbered_orders(self, after: int) -> list[Order]:
        """Return the orders with numbers after those of all others, which so keep theirs."""
        ordered = sorted(
            self.orders,
            key=lambda item: (moment_of(item.row, "ordered_at"), str(item.row["customer_id"])),
        )
        for number, item in enumerate(ordered, start=after + 1):
            item.row["order_id"] = f"o-{number:06d}"
        return ordered


def customers(
    people: Mapping[str, Shopper],
    orders: Sequence[Order],
    subscriptions: Sequence[Row],
    records: Iterable[Row],
    rates: Path,
) -> Iterable[Customer]:
    """Yield what plays look at, of each generated customer."""
    bought: defaultdict[str, set[date]] = defaultdict(set)
    for row in (item.row for item in orders):
        counts = row["status"] in ("paid", "fulfilled") and not row["is_test"]
        if counts and row["customer_id"]:
            bought[str(row["customer_id"])].add(moment_of(row, "ordered_at").date())
    versions = [
        dict.fromkeys(SUBSCRIPTIONS)
        | row
        | {"effective_at": row.get("effective_at") or row["updated_at"]}
        for row in subscriptions
        if not row["is_test"]
    ]
    owned = by_customer(versions, Rates(rates), AS_OF)
    told: defaultdict[str, list[Row]] = defaultdict(list)
    for row in records:
        told[str(row["customer_id"])].append(row)
    for customer_id in people:
        latest = told[customer_id][-1] if told[customer_id] else {}
        signed_up_at, born_on = latest.get("signed_up_at"), latest.get("birth_date")
        yield Customer(
            customer_id,
            sorted(bought[customer_id]),
            spells(owned.get(customer_id, ()), AS_OF),
            refusals(told[customer_id]),
            born_on if isinstance(born_on, date) else None,
            signed_up_at.date() if isinstance(signed_up_at, datetime) else None,
        )


def contact(customer_id: str, play_id: str, step: str, moment: datetime) -> Row:
    """Return an e-mail that was sent."""
    return {
        "customer_id": customer_id,
        "play_id": play_id,
        "step": step,
        "sent_at": moment,
        "channel": "email",
        "cost": EMAIL_COST,
    }
