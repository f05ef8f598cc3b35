"""When raw files arrive, for those who do not want to wait for the night."""

import json

import dagster as dg

from orchestration import paths
from orchestration.defs.jobs import nightly
from orchestration.defs.schedules import UNATTENDED
from orchestration.guarding.landing_zone import listing


@dg.sensor(job=nightly, minimum_interval_seconds=60)
def new_raw_files(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Run the job once the files in the landing zone have changed and lain still since last time.

    Off until it is switched on in the UI. What lies there on the first look is left to the night.
    """
    now = listing(paths.raw_dir())
    known = json.loads(context.cursor) if context.cursor else {"seen": now, "requested": now}
    runs = []
    if now == known["seen"] and now != known["requested"]:
        # Asked twice for the same change, as after a crash, Dagster runs it once.
        change = f"{known['requested'][:12]}-{now[:12]}"
        runs = [dg.RunRequest(run_key=change, run_config=UNATTENDED)]
        known["requested"] = now
    reason = "Files are still arriving." if now != known["seen"] else "No new files."
    return dg.SensorResult(
        run_requests=runs,
        skip_reason=None if runs else reason,
        cursor=json.dumps({"seen": now, "requested": known["requested"]}),
    )
