"""One row per training data, model, billing interval and parameter: the fitted values."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from estimation import gamma_gamma, shifted_beta_geometric
from estimation.beta_geometric_nbd import BG_NBD, MBG_NBD
from estimation.fit import MINIMUM_CUSTOMERS, Fit
from estimation.units import DAYS_PER_WEEK

TRAINING_DATA = ("all_data", "calibration")
# Those of a fit that failed. Data that are simpler than their model have other ones.
PARAMETERS = {
    "bg_nbd": ["r", "alpha", "a", "b"],
    "mbg_nbd": ["r", "alpha", "a", "b"],
    "gamma_gamma": ["p", "q", "v"],
    "shifted_beta_geometric": ["alpha", "beta"],
}


def model(dbt: Any, session: Any) -> pd.DataFrame:
    """Return the model; dbt and session are what dbt gives to every Python model."""
    # Sorted, so that the same data give the same parameters to the last digit.
    statistics = (
        dbt.ref("int_histories_aggregated_to_statistics")
        .order("frequency, recency_days, age_days")
        .df()
    )
    prices = dbt.ref("int_purchases_aggregated_to_prices").df()
    fits = [
        *purchase_fits(statistics),
        *value_fits(dbt.ref("int_purchases_aggregated_to_histories"), statistics, prices),
        *renewal_fits(dbt.ref("int_spells_counted_in_intervals")),
    ]
    rows = [
        {
            "trained_on": trained_on,
            "model": model_name,
            "billing_interval": billing_interval,
            "parameter": parameter,
            "value": value,
            "log_likelihood": fit.log_likelihood,
            "customers": int(fit.customers),
            "converged": fit.converged,
            "reason": fit.reason,
        }
        for trained_on, model_name, billing_interval, fit in fits
        for parameter, value in (fit.parameters or dict.fromkeys(PARAMETERS[model_name])).items()
    ]
    return pd.DataFrame(rows).astype({"value": float, "log_likelihood": float, "reason": "str"})


def purchase_fits(statistics: pd.DataFrame) -> Iterator[tuple[str, str, str, Fit]]:
    """Fit how often customers buy and whether they have left."""
    for trained_on in TRAINING_DATA:
        rows = statistics[statistics["trained_on"] == trained_on]
        history = (
            rows["frequency"],
            rows["recency_days"] / DAYS_PER_WEEK,
            rows["age_days"] / DAYS_PER_WEEK,
            rows["customers"],
        )
        yield trained_on, "bg_nbd", "all", BG_NBD.fit(*history)
        yield trained_on, "mbg_nbd", "all", MBG_NBD.fit(*history)


def value_fits(
    histories: Any, statistics: pd.DataFrame, prices: pd.DataFrame
) -> Iterator[tuple[str, str, str, Fit]]:
    """Fit what a purchase is worth, from the repeat purchases of each customer.

    Where all orders cost the same there is nothing to fit: that price less what is paid back of it.
    """
    buyers = (
        histories.filter("frequency > 0")
        .project("trained_on, frequency, mean_repeat_value")
        .order("frequency, mean_repeat_value")
        .df()
    )
    for trained_on in TRAINING_DATA:
        rows = buyers[buyers["trained_on"] == trained_on]
        fit = one_price(
            statistics[statistics["trained_on"] == trained_on]["customers"].sum(),
            prices[prices["trained_on"] == trained_on],
        ) or gamma_gamma.fit(rows["frequency"], rows["mean_repeat_value"])
        yield trained_on, "gamma_gamma", "all", fit


def one_price(customers: int, prices: pd.DataFrame) -> Fit | None:
    """Return what a purchase is worth if all orders cost the same, else None."""
    if customers < MINIMUM_CUSTOMERS or (prices["lowest_price"] < prices["highest_price"]).any():
        return None
    [price], [orders] = prices["highest_price"], prices["orders"]
    [net_revenue] = prices["net_revenue"]
    # The amounts are exact to the cent, but here they are floating-point numbers.
    if round(orders * price - net_revenue, 2) == 0:
        return gamma_gamma.one_value(customers, price, "every order costs")
    what = f"every order costs {price:.2f}, and after refunds it is worth"
    return gamma_gamma.one_value(customers, net_revenue / orders, what)


def renewal_fits(spells: Any) -> Iterator[tuple[str, str, str, Fit]]:
    """Fit how long subscribers stay, by the billing interval of the start."""
    counts = spells.aggregate(
        "billing_interval, renewals, renewals_before_entry,"
        " count(*) filter (is_ended) as lost, count(*) filter (not is_ended) as running"
    )
    counts = counts.order("renewals, renewals_before_entry").df()
    for billing_interval in sorted({*counts["billing_interval"], "all"}):
        rows = counts[counts["billing_interval"] == billing_interval]
        fit = shifted_beta_geometric.fit(
            rows["renewals"], rows["lost"], rows["running"], rows["renewals_before_entry"]
        )
        yield "all_data", "shifted_beta_geometric", billing_interval, fit
