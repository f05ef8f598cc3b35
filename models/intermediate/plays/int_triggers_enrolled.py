"""One row per trigger that enrolled its customer: the day on which the customer leaves the play."""

from typing import Any

import numpy as np
import pandas as pd

from estimation.enrolment import enrol


def model(dbt: Any, session: Any) -> pd.DataFrame:
    """Return the model; dbt and session are what dbt gives to every Python model."""
    triggers = (
        dbt.ref("int_triggers_followed")
        .project("trigger_number, customer_number, priority, triggered_on, leaves_on")
        .df()
    )
    plays = dbt.ref("plays").project("priority, cooldown_days, max_enrolments_per_year").df()
    most = plays["max_enrolments_per_year"]
    rules = {
        int(priority): (int(cooldown_days), None if pd.isna(limit) else int(limit))
        for priority, cooldown_days, limit in zip(
            plays["priority"], plays["cooldown_days"], most, strict=True
        )
    }
    enrolments = enrol(
        triggers["customer_number"].to_numpy("int64"),
        triggers["priority"].to_numpy("int64"),
        _days(triggers["triggered_on"]),
        _days(triggers["leaves_on"]),
        rules,
    )
    enrolled = triggers["trigger_number"].iloc[enrolments.places].to_numpy("int64")
    return pd.DataFrame(
        {
            "trigger_number": enrolled,
            "left_day": enrolments.leaves,
            "is_outranked": enrolments.is_outranked,
        }
    )


def _days(dates: pd.Series) -> np.ndarray:
    return dates.to_numpy("datetime64[D]").astype("int64")
