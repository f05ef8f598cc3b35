"""What the shop's customer file says: address, birth, consent, and the loyalty programme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from shop.chance import Dice
from shop.days import AS_OF, FIRST_DAY, OPENING, clock
from shop.people import COUNTRIES, Shopper
from shop.tables import Row

# Who buys often joins more often, so members buy more than others before they have any benefit.
JOINS = {"often": 0.48, "seldom": 0.22, "never": 0.06}
OFTEN = 3
WAYS_TO_JOIN = {"before": 0.1, "at the till": 0.5, "later": 0.4}
UNSUBSCRIBES = 0.09


def customer_records(
    people: Iterable[Shopper],
    first_seen: Mapping[str, datetime],
    ordered: Mapping[str, Sequence[datetime]],
) -> list[Row]:
    """Return the records of all customers.

    `first_seen` is the first order or subscription, `ordered` are the moments of the orders.
    """
    return [
        record
        for person in people
        for record in records_of(
            person, first_seen.get(person.customer_id), ordered.get(person.customer_id, ())
        )
    ]


def records_of(
    person: Shopper, first_seen: datetime | None, ordered: Sequence[datetime]
) -> list[Row]:
    """Return the record of one customer, and one more after each change."""
    dice = Dice(person.customer_id, "record")
    seen = first_seen or clock(dice, person.arrived_on)
    signed_up_at = max(seen - timedelta(minutes=dice.between(1, 30)), OPENING)
    if person.channel == "marketplace" and dice.chance(0.05):
        return []  # the marketplace did not hand over the address
    profile = profile_of(person)
    record: Row = {
        "customer_id": person.customer_id,
        "signed_up_at": None if dice.chance(0.01) else signed_up_at,
        "email": f"{person.customer_id}@example.com",
        "country": person.country,
        "acquisition_channel": person.channel,
        "referred_by_customer_id": person.referred_by,
        **profile,
        "utm_campaign": dice.pick({"": 6, "spring-roast": 2, "podcast": 1, "new-year": 1}),
        "updated_at": signed_up_at,
    }
    changes: list[tuple[datetime, Row]] = []
    if dice.chance(0.07):
        changed_at = signed_up_at + timedelta(seconds=int(dice.exponential(250.0) * 86400.0))
        moved: Row = {"country": dice.pick(COUNTRIES)}
        wrote: Row = {"email": f"{person.customer_id}.new@example.com"}
        changes.append((changed_at, moved if dice.chance(0.4) else wrote))
    for column, moment in (
        ("loyalty_joined_at", loyalty_joined_at(person, signed_up_at, ordered)),
        ("unsubscribed_at", unsubscribed_at(person, profile, signed_up_at)),
    ):
        if moment == signed_up_at:
            record[column] = moment
        elif moment:
            changes.append((moment, {column: moment}))
    records = [record]
    for moment, change in sorted(changes, key=lambda entry: entry[0]):
        if moment < AS_OF:
            records.append(records[-1] | change | {"updated_at": moment})
    return records


def profile_of(person: Shopper) -> Row:
    """Return what a customer tells on signing up; many give no birth date, some no answer."""
    dice = Dice(person.customer_id, "profile")
    age = min(18.0 + dice.gamma(4.0, 5.5), 95.0)
    born_on = FIRST_DAY - timedelta(days=int(age * 365.25))
    return {
        "birth_date": born_on if dice.chance(0.55) else None,
        "marketing_consent": dice.pick({True: 0.58, False: 0.25, None: 0.17}),
    }


def loyalty_joined_at(
    person: Shopper, signed_up_at: datetime, ordered: Sequence[datetime]
) -> datetime | None:
    """Return when a customer joins the loyalty programme: on signing up, at the till, or later."""
    dice = Dice(person.customer_id, "loyalty")
    habit = ("often" if len(ordered) >= OFTEN else "seldom") if ordered else "never"
    if not dice.chance(JOINS[habit]):
        return None
    way = dice.pick(WAYS_TO_JOIN)
    if not ordered or way == "before":
        return signed_up_at
    days = dice.exponential(60.0) if way == "later" else 0.0
    return ordered[0] + timedelta(seconds=dice.between(20, 240) + int(days * 86400.0))


def unsubscribed_at(person: Shopper, profile: Row, signed_up_at: datetime) -> datetime | None:
    """Return when a customer who had agreed to letters asks for no more of them."""
    dice = Dice(person.customer_id, "letters")
    if not profile["marketing_consent"] or not dice.chance(UNSUBSCRIBES):
        return None
    return signed_up_at + timedelta(seconds=3600 + int(dice.exponential(200.0) * 86400.0))
