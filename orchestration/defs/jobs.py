"""The one job."""

import dagster as dg

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Read the raw files, build and test the private warehouse, publish the marts.",
)
