"""One row per planned step of an enrolment: the day on which the weekly cap lets it be due."""

from typing import Any

import numpy as np
import pandas as pd

from estimation.contact_days import due_days


def model(dbt: Any, session: Any) -> pd.DataFrame:
    """Return the model; dbt and session are what dbt gives to every Python model."""
    steps = (
        dbt.ref("int_play_steps_planned")
        .project("customer_number, planned_on, enrollment_number, step_number, left_on")
        .order("customer_number, planned_on, enrollment_number, step_number")
        .df()
    )
    return pd.DataFrame(
        {
            "enrollment_number": steps["enrollment_number"].to_numpy("int64"),
            "step_number": steps["step_number"].to_numpy("int64"),
            "due_day": due_days(
                steps["customer_number"].to_numpy("int64"),
                _days(steps["planned_on"]),
                _days(steps["left_on"]),
                dbt.config.meta_get("contacts_per_week"),
            ),
        }
    )


def _days(dates: pd.Series) -> np.ndarray:
    return dates.to_numpy("datetime64[D]").astype("int64")
