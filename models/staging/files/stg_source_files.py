"""One row per file of the landing zone: what it is called, what it holds and what it hashes to."""

from pathlib import Path
from typing import Any

import pandas as pd

from landing.inventory import inventory
from landing.layouts import MODELS


def model(dbt: Any, session: Any) -> pd.DataFrame:
    """Return the model; dbt and session are what dbt gives to every Python model."""
    raw_dir = Path(dbt.config.meta_get("raw_dir")).absolute()
    return pd.DataFrame(inventory(raw_dir, MODELS, session))
