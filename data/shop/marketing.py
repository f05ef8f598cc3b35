"""What the shop pays for its customers."""

from __future__ import annotations

from shop.chance import Dice
from shop.days import DAYS, day_of_shop, growth, season
from shop.people import CHANNELS, CUSTOMERS
from shop.tables import Row, money


def marketing_spend() -> list[Row]:
    """Return one row per week and paid channel."""
    dice = Dice("spend")
    weekly_customers = CUSTOMERS / (DAYS / 7.0)
    rows: list[Row] = []
    for day in range(0, DAYS, 7):
        spend_date = day_of_shop(day)
        relative_growth = growth(day) / growth(DAYS / 2.0)
        for name, channel in CHANNELS.items():
            if channel.cost_per_customer == 0.0:
                continue
            expected = weekly_customers * channel.share * relative_growth * season(spend_date)
            amount = expected * channel.cost_per_customer * (0.8 + 0.4 * dice.unit())
            rows.append(
                {
                    "spend_date": spend_date,
                    "channel": name,
                    "amount": money(round(amount, 2)),
                    "currency": "EUR" if name == "marketplace" else "USD",
                }
            )
    return rows
