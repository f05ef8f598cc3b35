"""Who the generated customers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.chance import Dice
from shop.days import DAYS, day_of_shop, growth, season

CUSTOMERS = 2000
# Sent by a customer, signed up, and never bought.
CURIOUS = 90


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
    for number, day in enumerate(arrival_days("arrivals", CUSTOMERS)):
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


def the_curious(people: Sequence[Shopper]) -> list[Shopper]:
    """Return those who were sent by one of these customers, looked around, and never bought."""
    found: list[Shopper] = []
    for number, day in enumerate(arrival_days("the curious", CURIOUS)):
        customer_id = f"c-{CUSTOMERS + number + 1:05d}"
        dice = Dice(customer_id, "who")
        earlier = [person for person in people if person.arrived_on < day]
        friend = earlier[int(dice.unit() * len(earlier))].customer_id if earlier else None
        country = dice.pick(COUNTRIES)
        found.append(Shopper(customer_id, day, "neither", "referral", country, "USD", friend))
    return found


def arrival_days(stream: str, number: int) -> list[int]:
    """Return the days of arrival of that many customers: mild growth, more in winter."""
    weights = {day: growth(day) * season(day_of_shop(day)) for day in range(DAYS)}
    dice = Dice(stream)
    return sorted(dice.pick(weights) for _ in range(number))
