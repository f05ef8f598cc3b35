"""Amounts in USD."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path


def cents(amount: Decimal) -> Decimal:
    """Round half up to the cent."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


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
