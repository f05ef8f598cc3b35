"""What customers say, and what they leave in carts: surveys, complaints, tickets and carts.

Each customer has streams of chance of its own for this, which move no purchase. So nothing that is
said here ever kept or lost a customer: only the marks get a little better with the years.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from shop.chance import Dice
from shop.days import AS_OF, DAYS, OPENING, add_months, clock, day_of_shop, season
from shop.milestones import end_of, later
from shop.orders import Order, basket, basket_rate
from shop.people import Shopper
from shop.tables import Row, moment_of

# --- Tickets ------------------------------------------------------------------------------------

TICKET_PER_ORDER, DAYS_PER_TICKET = 0.04, 420.0
TICKET_CHANNELS = {"email": 0.46, "chat": 0.29, "phone": 0.16, "": 0.09}
# Mean days until the first answer, and from there to the end.
ANSWERED_IN = {"email": 0.45, "chat": 0.004, "phone": 0.003, "": 0.6}
RESOLVED_IN = {"email": 1.1, "chat": 0.03, "phone": 0.02, "": 1.5}
NEVER_ANSWERED, NEVER_RESOLVED = 0.04, 0.02
TRANSFERS = {0: 0.74, 1: 0.18, 2: 0.06, 3: 0.02}
SEEN_OPEN = 0.15


def tickets_of(
    person: Shopper, ordered: Sequence[datetime], subscriptions: Sequence[Row]
) -> list[Row]:
    """Return the tickets of one customer, some of them also as they were while still open."""
    dice = Dice(person.customer_id, "tickets")
    moments = [
        later(moment, dice.exponential(4.0)) for moment in ordered if dice.chance(TICKET_PER_ORDER)
    ]
    if subscriptions:
        moment, end = begin_of(subscriptions), end_of(subscriptions) or AS_OF
        while (moment := later(moment, dice.exponential(DAYS_PER_TICKET))) < end:
            moments.append(moment)
    rows: list[Row] = []
    for number, moment in enumerate(sorted(m for m in moments if m < AS_OF), start=1):
        rows += ticket(dice, {"customer_id": person.customer_id}, number, moment)
    return rows


def ticket(dice: Dice, owner: Row, number: int, opened_at: datetime) -> Iterator[Row]:
    """Yield the versions of one ticket; what comes after the end of the data is not known."""
    channel = dice.pick(TICKET_CHANNELS)
    answered = later(opened_at, 0.0005 + dice.exponential(ANSWERED_IN[channel]))
    resolved: datetime | None = later(answered, dice.exponential(RESOLVED_IN[channel]))
    response: datetime | None = answered
    if dice.chance(NEVER_ANSWERED):
        # Half of these are closed without a word, half still wait.
        response = None
        resolved = later(opened_at, dice.between(5, 12)) if dice.chance(0.5) else None
    elif dice.chance(NEVER_RESOLVED):
        resolved = None
    moments = {
        column: moment if moment and moment < AS_OF else None
        for column, moment in (("first_response_at", response), ("resolved_at", resolved))
    }
    row: Row = {
        **owner,
        "ticket_id": f"t-{str(owner['customer_id'])[2:]}-{number}",
        "opened_at": opened_at,
        "channel": channel,
        # The telephones do not count transfers.
        "transfers": None if channel == "phone" else dice.pick(TRANSFERS),
    }
    updated_at = max([opened_at, *(moment for moment in moments.values() if moment)])
    if dice.chance(SEEN_OPEN) and updated_at > opened_at:
        yield row | {"updated_at": opened_at}
    yield row | moments | {"updated_at": updated_at}


# --- Feedback -----------------------------------------------------------------------------------

ANSWERS = {"first order": 0.25, "year": 0.45, "ticket": 0.4}
ANSWERS_AGAIN = 0.05
# Shares of promoters and detractors in the first year, and what each further year adds.
PROMOTERS, DETRACTORS = (0.41, 0.05), (0.27, -0.04)
PROMOTER_SCORES = {9: 1, 10: 1.2}
PASSIVE_SCORES = {7: 0.9, 8: 1}
DETRACTOR_SCORES = {0: 1, 1: 0.5, 2: 0.8, 3: 1.2, 4: 1.4, 5: 3, 6: 3}
SLOW_DAYS = 1.0
COMPLAINT_PER_ORDER, COMPLAINS_PER_SUBSCRIBER = 0.02, 0.1
COMPLAINS_AGAIN = 0.15
HEARD = {"in time": 0.6, "late": 0.2, "never": 0.2}
SEEN_UNRESOLVED = 0.3


def feedback_of(
    person: Shopper,
    ordered: Sequence[datetime],
    subscriptions: Sequence[Row],
    tickets: Sequence[Row],
) -> list[Row]:
    """Return the answers and complaints of one customer, some complaints in two versions."""
    dice = Dice(person.customer_id, "feedback")
    said = [*nps_answers(dice, ordered, subscriptions), *csat_answers(dice, tickets)]
    said += complaints(dice, ordered, subscriptions)
    rows: list[Row] = []
    known = [row for row in said if moment_of(row, "given_at") < AS_OF]
    for number, row in enumerate(sorted(known, key=lambda row: moment_of(row, "given_at")), 1):
        row |= {
            "feedback_id": f"f-{person.customer_id[2:]}-{number}",
            "customer_id": person.customer_id,
            "updated_at": row.get("resolved_at") or row["given_at"],
        }
        if row.get("resolved_at") and dice.chance(SEEN_UNRESOLVED):
            rows.append(row | {"resolved_at": None, "updated_at": row["given_at"]})
        rows.append(row)
    return rows


def nps_answers(
    dice: Dice, ordered: Sequence[datetime], subscriptions: Sequence[Row]
) -> Iterator[Row]:
    """Yield the answers after the first order, and each year of a subscriber."""
    moments: list[datetime] = []
    if ordered and dice.chance(ANSWERS["first order"]):
        moments.append(later(ordered[0], 10.0 + dice.exponential(5.0)))
    if subscriptions:
        begin, end = begin_of(subscriptions), end_of(subscriptions) or AS_OF
        # The first time after a quarter, then once a year.
        for months in (3, 15, 27):
            asked_at = add_months(begin, months)
            if asked_at < end and dice.chance(ANSWERS["year"]):
                moments.append(later(asked_at, dice.exponential(2.0)))
    for moment in moments:
        years = (moment - OPENING).days / 365.0
        yield answer("nps", moment, score(dice, years))
        if dice.chance(ANSWERS_AGAIN):
            yield answer("nps", later(moment, 0.1 + dice.exponential(3.0)), score(dice, years))


def csat_answers(dice: Dice, tickets: Sequence[Row]) -> Iterator[Row]:
    """Yield the answers after tickets; who waited long for an answer is less content."""
    for row in tickets:
        resolved_at, answered_at = row.get("resolved_at"), row.get("first_response_at")
        if not isinstance(resolved_at, datetime) or not dice.chance(ANSWERS["ticket"]):
            continue
        waited = (answered_at or resolved_at) - row["opened_at"]
        is_slow = waited > timedelta(days=SLOW_DAYS)
        asked_at = later(resolved_at, 0.02 + dice.exponential(0.5))
        yield answer("csat", asked_at, score(dice, -1.0 if is_slow else 4.0))


def score(dice: Dice, years: float) -> int:
    """Return a mark from 0 to 10; marks get better with the years."""
    promoters, detractors = (start + step * years for start, step in (PROMOTERS, DETRACTORS))
    shares = {"promoter": promoters, "detractor": detractors}
    shares["passive"] = 1.0 - promoters - detractors
    scores = {
        "promoter": PROMOTER_SCORES,
        "detractor": DETRACTOR_SCORES,
        "passive": PASSIVE_SCORES,
    }
    return dice.pick(scores[dice.pick(shares)])


def answer(kind: str, moment: datetime, mark: int) -> Row:
    """Return an answer to a survey."""
    return {"kind": kind, "score": mark, "given_at": moment}


def complaints(
    dice: Dice, ordered: Sequence[datetime], subscriptions: Sequence[Row]
) -> Iterator[Row]:
    """Yield the complaints of a customer, some of them followed by another one."""
    moments = [
        later(moment, 1.0 + dice.exponential(5.0))
        for moment in ordered
        if dice.chance(COMPLAINT_PER_ORDER)
    ]
    if subscriptions and dice.chance(COMPLAINS_PER_SUBSCRIBER):
        begin, end = begin_of(subscriptions), end_of(subscriptions) or AS_OF
        moments.append(later(begin, (end - begin).days * dice.unit()))
    moments += [
        later(moment, 2.0 + dice.exponential(8.0))
        for moment in moments
        if dice.chance(COMPLAINS_AGAIN)
    ]
    for moment in moments:
        heard = dice.pick(HEARD)
        days = 6.5 * dice.unit() if heard == "in time" else 8.0 + dice.exponential(12.0)
        resolved_at = later(moment, days)
        is_resolved = heard != "never" and resolved_at < AS_OF
        yield {
            "kind": "complaint",
            "given_at": moment,
            "resolved_at": resolved_at if is_resolved else None,
        }


def begin_of(subscriptions: Sequence[Row]) -> datetime:
    """Return when the first one of these subscriptions began."""
    return min(moment_of(row, "started_at") for row in subscriptions)


# --- Carts --------------------------------------------------------------------------------------

# The shop keeps a cart only of those who agree to it.
KEEPS_CARTS = 0.11
WITH_CART = ("web", "app")
BOUGHT = {"at once": 0.84, "late": 0.16}
# Of the carts that were bought late: those from another device do not know their order.
SAME_DEVICE = 0.6
LEFT_PER_ORDER = 0.3
SEEN_FULL = 0.12
GUEST_BUYS, GUESTS_WHO_LEAVE = 0.25, 60


def carts_of(people: Iterable[Shopper], orders: Iterable[Order]) -> list[Row]:
    """Return the carts of all, by time and each with its number; some also as left at first."""
    by_owner: dict[str, list[Order]] = {}
    for item in orders:
        by_owner.setdefault(str(item.row["customer_id"] or ""), []).append(item)
    carts = guest_carts(by_owner.pop("", []))
    for person in people:
        dice = Dice(person.customer_id, "carts")
        if person.customer_id in by_owner and dice.chance(KEEPS_CARTS):
            carts += carts_of_buyer(dice, person, by_owner[person.customer_id])
    kept = [cart for cart in carts if OPENING <= moment_of(cart[0], "created_at") < AS_OF]
    kept.sort(key=lambda c: (moment_of(c[0], "created_at"), str(c[0]["customer_id"] or "")))
    return [
        row | {"cart_id": f"k-{number:06d}"}
        for number, cart in enumerate(kept, start=1)
        for row in cart
    ]


def carts_of_buyer(dice: Dice, person: Shopper, orders: Sequence[Order]) -> list[list[Row]]:
    """Return the carts of one customer, each with its versions."""
    carts: list[list[Row]] = []
    rate = basket_rate(dice)
    for item in orders:
        row = item.row
        if row["channel"] in WITH_CART:
            days = dice.between(2, 55) / 1440.0
            if dice.pick(BOUGHT) == "late":
                days = 1.02 + 9.0 * dice.unit()
            names_order = days < 1.0 or dice.chance(SAME_DEVICE)
            carts.append(bought_cart(dice, row, days, names_order=names_order))
        if dice.chance(LEFT_PER_ORDER):
            left_at = later(moment_of(row, "ordered_at"), dice.exponential(45.0))
            carts.append([left_cart(person, left_at, basket(dice, rate))])
    return carts


def bought_cart(dice: Dice, order: Row, days: float, *, names_order: bool) -> list[Row]:
    """Return a cart that was filled some days before its order."""
    ordered_at = moment_of(order, "ordered_at")
    filled_at = later(ordered_at, -days)
    full: Row = {
        "customer_id": order["customer_id"],
        "created_at": filled_at,
        "amount": order["amount"],
        "currency": order["currency"],
        "order_id": None,
        "updated_at": filled_at,
    }
    if not names_order:
        return [full]
    bought = full | {"order_id": order["order_id"], "updated_at": ordered_at}
    return [full, bought] if dice.chance(SEEN_FULL) else [bought]


def left_cart(person: Shopper | None, moment: datetime, amount: Decimal) -> Row:
    """Return a cart that nobody bought."""
    return {
        "customer_id": person.customer_id if person else None,
        "created_at": moment,
        "amount": amount,
        "currency": person.currency if person else "USD",
        "order_id": None,
        "updated_at": moment,
    }


def guest_carts(orders: Sequence[Order]) -> list[list[Row]]:
    """Return the carts of people without an account, bought at once or left."""
    dice = Dice("guest carts")
    carts = [
        bought_cart(dice, item.row, dice.between(2, 55) / 1440.0, names_order=True)
        for item in orders
        if item.row["channel"] in WITH_CART and dice.chance(GUEST_BUYS)
    ]
    weights = {day: season(day_of_shop(day)) for day in range(DAYS)}
    for _ in range(GUESTS_WHO_LEAVE):
        moment = clock(dice, dice.pick(weights))
        carts.append([left_cart(None, moment, basket(dice, basket_rate(dice)))])
    return carts
