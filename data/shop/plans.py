"""The plans to which customers can subscribe, and why subscribers leave."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """A plan: its rhythm, its prices, and how likely its subscribers leave at a renewal."""

    interval: str
    count: int
    prices: dict[str, str]
    hazard: tuple[float, float]  # beta parameters per renewal (shifted beta-geometric)
    share: float
    months: float

    @property
    def is_free(self) -> bool:
        """Return whether the plan costs nothing."""
        return float(self.prices["USD"]) == 0.0


def prices(usd: str, eur: str, gbp: str) -> dict[str, str]:
    """Return the price list of one plan."""
    return {"USD": usd, "EUR": eur, "GBP": gbp}


PLANS = {
    "bean-club": Plan("month", 1, prices("24.00", "22.00", "19.50"), (0.85, 11.5), 0.44, 1.0),
    "bean-club-year": Plan("year", 1, prices("240.00", "220.00", "195.00"), (0.9, 2.4), 0.13, 12.0),
    "espresso-weekly": Plan("week", 1, prices("9.50", "8.90", "7.90"), (0.8, 45.0), 0.13, 12 / 52),
    "office": Plan("month", 1, prices("18.00", "16.50", "14.50"), (0.8, 20.0), 0.11, 1.0),
    "discovery": Plan("month", 3, prices("54.00", "49.50", "43.50"), (0.8, 4.2), 0.11, 3.0),
    "free-taster": Plan("month", 1, prices("0.00", "0.00", "0.00"), (2.0, 8.0), 0.08, 1.0),
}
PLANS_WITH_TRIAL = ("bean-club", "espresso-weekly")
# From a plan to itself: only the quantity changes.
PLAN_CHANGES = {
    "bean-club": {"bean-club": 5.0, "bean-club-year": 2.0, "discovery": 2.0},
    "bean-club-year": {"bean-club-year": 3.0, "bean-club": 1.0},
    "espresso-weekly": {"espresso-weekly": 1.0, "bean-club": 3.0},
    "office": {"office": 1.0},
    "discovery": {"bean-club": 1.0},
    "free-taster": {"bean-club": 1.0},
}
# Of a second subscription: after the first one has ended, or beside the first one.
PLANS_OF_RETURN = {"bean-club": 3, "espresso-weekly": 1, "discovery": 1}
PLANS_BESIDE = {"espresso-weekly": 2, "bean-club": 1, "discovery": 1}

OFFICE_QUANTITIES = {2: 3, 3: 4, 4: 4, 5: 3, 6: 2, 8: 2, 10: 1, 12: 1}
OFFICE_STEPS = {-2: 1, -1: 2, 1: 3, 2: 2, 3: 1}

VOLUNTARY_REASONS = {
    "too expensive": 0.30,
    "too much coffee": 0.21,
    "taste": 0.13,
    "moving": 0.11,
    "": 0.22,
    'my doctor said "no more", sorry': 0.02,
    "Wir ziehen nach Köln, danke für alles!": 0.02,
    "the cat is afraid of the grinder": 0.015,
}
FAILURE_REASONS = {"payment_failed": 0.6, "card_expired": 0.4}
