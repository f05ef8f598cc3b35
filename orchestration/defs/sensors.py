"""A sensor that starts the job when raw files arrive, without waiting for the night."""

import json

import dagster as dg

from orchestration import paths
from orchestration.defs.jobs import nightly
from orchestration.defs.schedules import UNATTENDED
from orchestration.guarding.landing_zone import fingerprint


@dg.sensor(job=nightly, minimum_interval_seconds=60)
def new_raw_files(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Run the job when the raw files have changed, and then not changed again between two looks.

    Off until a person switches it on in the UI. The files of the first look wait for the night. The
    cursor keeps as JSON two fingerprints, of the last look and of the last requested run, and the
    number of requested runs.
    """
    now = fingerprint(paths.raw_dir())
    known = json.loads(context.cursor) if context.cursor else {"seen": now, "requested": now}
    # Cursors of older releases have no number.
    number = known.get("number", 0)
    runs = []
    if now == known["seen"] and now != known["requested"]:
        # After a crash the same change may be requested twice. With one key, Dagster runs it once.
        # The number tells it from the same change on another day, after files had gone back.
        number += 1
        change = f"{number}-{known['requested'][:12]}-{now[:12]}"
        runs = [dg.RunRequest(run_key=change, run_config=UNATTENDED)]
        known["requested"] = now
    reason = "Files are still arriving." if now != known["seen"] else "No new files."
    return dg.SensorResult(
        run_requests=runs,
        skip_reason=None if runs else reason,
        cursor=json.dumps({"seen": now, "requested": known["requested"], "number": number}),
    )
