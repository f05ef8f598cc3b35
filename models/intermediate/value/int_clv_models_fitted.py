"""One row per fit, model, billing interval and parameter: what maximum likelihood finds."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from estimation import gamma_gamma, shifted_beta_geometric
from estimation.beta_geometric_nbd import BG_NBD, MBG_NBD
from estimation.fit import Fit

DAYS_PER_WEEK = 7
PARAMETERS = {
    "bg_nbd": ["r", "alpha", "a", "b"],
    "mbg_nbd": ["r", "alpha", "a", "b"],
    "gamma_gamma": ["p", "q", "v"],
    "shifted_beta_geometric": ["alpha", "beta"],
}


def model(dbt: Any, session: Any) -> pd.DataFrame:
    """Return the model; dbt and session are what dbt gives to every Python model."""
    # Sorted, so that the same data give the same parameters to the last digit.
    statistics = dbt.ref("int_histories_aggregated_to_statistics").order(
        "frequency, recency_days, age_days"
    )
    fits = [
        *purchase_fits(statistics.df()),
        *value_fits(dbt.ref("int_purchases_aggregated_to_histories")),
        *renewal_fits(dbt.ref("int_spells_counted_in_intervals")),
    ]
    rows = [
        {
            "fit": fit_name,
            "model": model_name,
            "billing_interval": billing_interval,
            "parameter": parameter,
            "value": fit.parameters[parameter] if fit.parameters else None,
            "log_likelihood": fit.log_likelihood,
            "customers": int(fit.customers),
            "converged": fit.converged,
            "reason": fit.reason,
        }
        for fit_name, model_name, billing_interval, fit in fits
        for parameter in PARAMETERS[model_name]
    ]
    return pd.DataFrame(rows).astype({"value": float, "log_likelihood": float, "reason": "str"})


def purchase_fits(statistics: pd.DataFrame) -> Iterator[tuple[str, str, str, Fit]]:
    """Fit how often customers come and whether they still do."""
    for fit_name in ("scoring", "holdout"):
        rows = statistics[statistics["fit"] == fit_name]
        history = (
            rows["frequency"],
            rows["recency_days"] / DAYS_PER_WEEK,
            rows["age_days"] / DAYS_PER_WEEK,
            rows["customers"],
        )
        yield fit_name, "bg_nbd", "all", BG_NBD.fit(*history)
        yield fit_name, "mbg_nbd", "all", MBG_NBD.fit(*history)


def value_fits(histories: Any) -> Iterator[tuple[str, str, str, Fit]]:
    """Fit what a purchase is worth, to the repeat purchases of each customer."""
    buyers = (
        histories.filter("frequency > 0")
        .project("fit, frequency, mean_repeat_value")
        .order("frequency, mean_repeat_value")
        .df()
    )
    for fit_name in ("scoring", "holdout"):
        rows = buyers[buyers["fit"] == fit_name]
        fit = gamma_gamma.fit(rows["frequency"], rows["mean_repeat_value"])
        yield fit_name, "gamma_gamma", "all", fit


def renewal_fits(spells: Any) -> Iterator[tuple[str, str, str, Fit]]:
    """Fit how long subscribers stay, by the billing interval they began with."""
    counts = spells.aggregate(
        "billing_interval, renewals, count(*) filter (is_ended) as lost,"
        " count(*) filter (not is_ended) as running"
    )
    counts = counts.order("renewals").df()
    for billing_interval in sorted({*counts["billing_interval"], "all"}):
        rows = counts[counts["billing_interval"] == billing_interval]
        fit = shifted_beta_geometric.fit(rows["renewals"], rows["lost"], rows["running"])
        yield "scoring", "shifted_beta_geometric", billing_interval, fit
