"""One row per billing interval and number of renewals made: the expected payments to come."""

from typing import Any

import numpy as np
import pandas as pd

from estimation.shifted_beta_geometric import discounted_residual_lifetime


def model(dbt: Any, session: Any) -> pd.DataFrame:
    """Return the model; dbt and session are what dbt gives to every Python model."""
    horizon = dbt.config.meta_get("clv_horizon_months")
    annual_discount_rate = dbt.config.meta_get("annual_discount_rate")
    spells = dbt.ref("int_spells_counted_in_intervals")
    running = spells.filter("not is_ended").project(
        "billing_interval, months_per_interval, renewals"
    )
    fitted = dbt.ref("int_clv_models_fitted").filter("model = 'shifted_beta_geometric'").df()
    # Without any row pandas would not know that the interval is a text.
    scored = running.distinct().order("billing_interval, renewals").df()
    scored = scored.astype({"billing_interval": "str"})
    scored["discounted_intervals"] = np.nan
    for billing_interval, rows in fitted[fitted["converged"]].groupby("billing_interval"):
        its_rows = scored["billing_interval"] == billing_interval
        if not its_rows.any():
            continue
        months = scored.loc[its_rows, "months_per_interval"].iloc[0]
        scored.loc[its_rows, "discounted_intervals"] = discounted_residual_lifetime(
            dict(zip(rows["parameter"], rows["value"], strict=True)),
            scored.loc[its_rows, "renewals"],
            discount_rate=(1 + annual_discount_rate) ** (months / 12) - 1,
            # The renewals that fall due before the horizon. The next one is due now.
            horizon=np.ceil(round(horizon / months, 6)),
        )
    reasons = fitted.groupby("billing_interval")["reason"].first()
    scored["reason"] = scored["billing_interval"].map(reasons).astype("str")
    return scored.drop(columns="months_per_interval")
