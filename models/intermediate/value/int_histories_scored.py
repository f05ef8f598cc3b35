"""One row per training data, model and purchase history: P(alive) and expected purchases.

Each distinct history is scored once. Customers get their scores by a join. A model that did not
converge has no rows.
"""

from typing import Any

import numpy as np
import pandas as pd

from estimation.beta_geometric_nbd import BG_NBD, MBG_NBD
from estimation.units import DAYS_PER_MONTH, DAYS_PER_WEEK

MODELS = {"bg_nbd": BG_NBD, "mbg_nbd": MBG_NBD}
KEYS = ["trained_on", "model", "frequency", "recency_days", "age_days"]
SCORES = [
    "p_alive",
    "expected_orders_30d",
    "expected_orders_90d",
    "expected_orders_365d",
    "discounted_orders",
    "expected_in_holdout",
]


def model(dbt: Any, session: Any) -> pd.DataFrame:
    """Return the model; dbt and session are what dbt gives to every Python model."""
    # dbt finds the names only in calls that stand alone on the right-hand side.
    horizon_months = dbt.config.meta_get("clv_horizon_months")
    holdout_days = dbt.config.meta_get("clv_holdout_days")
    annual_discount_rate = dbt.config.meta_get("annual_discount_rate")
    fitted = dbt.ref("int_clv_models_fitted").df()
    # Sorted, because the place of a row among the others can change the last digit of its scores.
    statistics = (
        dbt.ref("int_histories_aggregated_to_statistics")
        .order("trained_on, frequency, recency_days, age_days")
        .df()
    )
    months = np.arange(1, horizon_months + 1)
    # The purchases of a month are discounted from the month's end to as_of.
    discounts = (1 + annual_discount_rate) ** (-months / 12)

    scored = [pd.DataFrame(columns=[*KEYS, *SCORES])]
    converged = fitted[fitted["converged"]]
    for (trained_on, model_name), rows in converged.groupby(["trained_on", "model"]):
        if model_name not in MODELS:
            continue
        parameters = dict(zip(rows["parameter"], rows["value"], strict=True))
        scores = statistics[statistics["trained_on"] == trained_on].assign(model=model_name)[KEYS]
        history = (
            scores["frequency"],
            scores["recency_days"] / DAYS_PER_WEEK,
            scores["age_days"] / DAYS_PER_WEEK,
        )
        is_calibration = trained_on == "calibration"
        days = [holdout_days] if is_calibration else [30, 90, 365, *months * DAYS_PER_MONTH]
        expected = MODELS[model_name].expected_purchases(
            parameters, *history, np.array(days) / DAYS_PER_WEEK
        )
        scores["p_alive"] = MODELS[model_name].p_alive(parameters, *history)
        if is_calibration:
            scores["expected_in_holdout"] = expected[:, 0]
        else:
            scores[SCORES[1:4]] = expected[:, :3]
            scores["discounted_orders"] = np.diff(expected[:, 3:], axis=1, prepend=0) @ discounts
        scored.append(scores)
    types = {"trained_on": "str", "model": "str", **dict.fromkeys(KEYS[2:], "int64")}
    return pd.concat(scored).astype(types | dict.fromkeys(SCORES, "float64"))
