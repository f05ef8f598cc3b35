"""One row per fit, model and purchase history: whether such customers come again, and how often.

Each distinct history is scored once; customers get their scores by a join. A model that did not
converge has no rows.
"""

from typing import Any

import numpy as np
import pandas as pd

from estimation.beta_geometric_nbd import BG_NBD, MBG_NBD

MODELS = {"bg_nbd": BG_NBD, "mbg_nbd": MBG_NBD}
DAYS_PER_WEEK = 7
DAYS_PER_MONTH = 30.4375
KEYS = ["fit", "model", "frequency", "recency_days", "age_days"]
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
    # dbt finds what a model reads of its config only where it stands by itself.
    horizon_months = dbt.config.get("clv_horizon_months")
    holdout_days = dbt.config.get("clv_holdout_days")
    annual_discount_rate = dbt.config.get("annual_discount_rate")
    fitted = dbt.ref("int_clv_models_fitted").df()
    statistics = dbt.ref("int_histories_aggregated_to_statistics").df()
    months = np.arange(1, horizon_months + 1)
    # What is bought in a month is discounted to as_of from the month's end.
    discounts = (1 + annual_discount_rate) ** (-months / 12)

    scored = [pd.DataFrame(columns=[*KEYS, *SCORES])]
    for (fit_name, model_name), rows in fitted[fitted["converged"]].groupby(["fit", "model"]):
        if model_name not in MODELS:
            continue
        parameters = dict(zip(rows["parameter"], rows["value"], strict=True))
        scores = statistics[statistics["fit"] == fit_name].assign(model=model_name)[KEYS]
        history = (
            scores["frequency"],
            scores["recency_days"] / DAYS_PER_WEEK,
            scores["age_days"] / DAYS_PER_WEEK,
        )
        days = [holdout_days] if fit_name == "holdout" else [30, 90, 365, *months * DAYS_PER_MONTH]
        expected = MODELS[model_name].expected_purchases(
            parameters, *history, np.array(days) / DAYS_PER_WEEK
        )
        scores["p_alive"] = MODELS[model_name].p_alive(parameters, *history)
        if fit_name == "holdout":
            scores["expected_in_holdout"] = expected[:, 0]
        else:
            scores[SCORES[1:4]] = expected[:, :3]
            scores["discounted_orders"] = np.diff(expected[:, 3:], axis=1, prepend=0) @ discounts
        scored.append(scores)
    types = {"fit": "str", "model": "str", **dict.fromkeys(KEYS[2:], "int64")}
    return pd.concat(scored).astype(types | dict.fromkeys(SCORES, "float64"))
