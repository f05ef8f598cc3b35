"""Customer value with the package lifetimes: `python lifetimes_value.py ORDERS.parquet`.

Reads the published orders. Gives P(alive), expected purchases and the value of 36 months for every
customer. BG/NBD and Gamma-Gamma are fitted once, without a holdout. Prints the number of customers
as JSON.
"""

import json
import sys

import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.utils import summary_data_from_transaction_data


def main() -> None:
    """Print how many customers were valued."""
    orders = pd.read_parquet(sys.argv[1], columns=["customer_id", "ordered_at", "amount"])
    orders = orders[orders["customer_id"].notna()]
    orders["amount"] = orders["amount"].astype(float)
    summary = summary_data_from_transaction_data(
        orders, "customer_id", "ordered_at", "amount", freq="D"
    )
    history = summary["frequency"], summary["recency"] / 7, summary["T"] / 7
    purchases = BetaGeoFitter()
    purchases.fit(*history)
    values = GammaGammaFitter()
    repeat = summary[summary["frequency"] > 0]
    values.fit(repeat["frequency"], repeat["monetary_value"])
    purchases.conditional_probability_alive(*history)
    for days in (30, 90, 365):
        purchases.conditional_expected_number_of_purchases_up_to_time(days / 7, *history)
    monthly_rate = 1.1 ** (1 / 12) - 1
    values.customer_lifetime_value(
        purchases, *history, summary["monetary_value"], 36, monthly_rate, freq="W"
    )
    print(json.dumps({"customers": len(summary)}))


if __name__ == "__main__":
    main()
