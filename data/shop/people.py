"""Who the generated customers are, and what the shop's customer file says about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shop.chance import Dice
from shop.days import AS_OF, DAYS, OPENING, clock, day_of_shop, growth, season
from shop.tables import Row

CUSTOMERS = 2000


@dataclass(frozen=True)
class Channel:
    """An acquisition channel: its share of the customers, how long they stay, and its cost."""

    share: float
    drop_out: tuple[float, float]  # beta parameters: does a buyer leave for good after a purchase?
    churn_factor: float  # on the hazard of the subscribers
    cost_per_customer: float


# Customers sent by a friend stay longest. Customers from an advertisement in a feed leave first.
CHANNELS = {
    "organic": Channel(0.29, (0.56, 1.30), 1.0, 0.0),
    "paid_search": Channel(0.20, (0.70, 1.25), 1.1, 21.0),
    "paid_social": Channel(0.18, (0.85, 1.25), 1.5, 27.0),
    "referral": Channel(0.13, (0.38, 1.85), 0.6, 11.0),
    "email": Channel(0.08, (0.52, 1.45), 0.9, 4.0),
    "marketplace": Channel(0.08, (0.80, 1.25), 1.3, 13.0),
    "": Channel(0.04, (0.70, 1.25), 1.0, 0.0),
}
COUNTRIES = {"US": 0.57, "GB": 0.12, "DE": 0.10, "CA": 0.09, "FR": 0.07, "": 0.05}
CURRENCY_OF_COUNTRY = {"GB": "GBP", "DE": "EUR", "FR": "EUR"}
# What a customer takes: orders, subscriptions, both or neither.
KINDS = {"orders": 0.69, "both": 0.17, "subscriptions": 0.11, "neither": 0.03}


@dataclass(frozen=True)
class Shopper:
    """One generated customer and what stays the same about the customer."""

    customer_id: str
    arrived_on: int  # a day of the shop
    kind: str
    channel: str
    country: str
    currency: str
    referred_by: str | None

    @property
    def buys(self) -> bool:
        """Return whether the customer buys by the order."""
        return self.kind in ("orders", "both")

    @property
    def subscribes(self) -> bool:
        """Return whether the customer buys by subscription."""
        return self.kind in ("subscriptions", "both")


def shoppers() -> list[Shopper]:
    """Return the generated customers in order of arrival."""
    people: list[Shopper] = []
    for number, day in enumerate(arrival_days()):
        customer_id = f"c-{number + 1:05d}"
        dice = Dice(customer_id, "who")
        channel = dice.pick({name: channel.share for name, channel in CHANNELS.items()})
        country = dice.pick(COUNTRIES)
        currency = CURRENCY_OF_COUNTRY.get(country, "USD") if dice.chance(0.8) else "USD"
        friend = people[int(dice.unit() * number)].customer_id if number else None
        people.append(
            Shopper(
                customer_id,
                day,
                dice.pick(KINDS),
                channel,
                country,
                currency,
                friend if channel == "referral" and dice.chance(0.8) else None,
            )
        )
    return people


def arrival_days() -> list[int]:
    """Return the day of arrival of every generated customer: mild growth, more in winter."""
    weights = {day: growth(day) * season(day_of_shop(day)) for day in range(DAYS)}
    dice = Dice("arrivals")
    return sorted(dice.pick(weights) for _ in range(CUSTOMERS))


def customer_records(people: list[Shopper], first_seen: dict[str, datetime]) -> list[Row]:
    """Return the records of all customers. `first_seen` is the first order or subscription."""
    return [
        record
        for person in people
        for record in records_of(person, first_seen.get(person.customer_id))
    ]


def records_of(person: Shopper, first_seen: datetime | None) -> list[Row]:
    """Return the record of one customer, and a second one after a move or a new address."""
    dice = Dice(person.customer_id, "record")
    seen = first_seen or clock(dice, person.arrived_on)
    signed_up_at = max(seen - timedelta(minutes=dice.between(1, 30)), OPENING)
    if person.channel == "marketplace" and dice.chance(0.05):
        return []  # the marketplace did not hand over the address
    record: Row = {
        "customer_id": person.customer_id,
        "signed_up_at": None if dice.chance(0.01) else signed_up_at,
        "email": f"{person.customer_id}@example.com",
        "country": person.country,
        "acquisition_channel": person.channel,
        "referred_by_customer_id": person.referred_by,
        "utm_campaign": dice.pick({"": 6, "spring-roast": 2, "podcast": 1, "new-year": 1}),
        "updated_at": signed_up_at,
    }
    if not dice.chance(0.07):
        return [record]
    changed_at = signed_up_at + timedelta(seconds=int(dice.exponential(250.0) * 86400.0))
    if changed_at >= AS_OF:
        return [record]
    moved: Row = {"country": dice.pick(COUNTRIES)}
    wrote: Row = {"email": f"{person.customer_id}.new@example.com"}
    changed = moved if dice.chance(0.4) else wrote
    return [record, record | changed | {"updated_at": changed_at}]
