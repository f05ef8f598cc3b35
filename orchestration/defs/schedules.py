"""The schedule of the job."""

import dagster as dg

from orchestration.defs.jobs import nightly
from orchestration.settings.variables import project_defaults

# At night nobody is there to try again. So a night waits for a manual build that still runs.
UNATTENDED = {"resources": {"build": {"config": {"wait": "2h"}}}}

nightly_schedule = dg.ScheduleDefinition(
    name="nightly_schedule",
    job=nightly,
    cron_schedule="0 2 * * *",
    # The timezone of the reports, so that a night starts when a day of the reports has ended.
    execution_timezone=project_defaults()["reporting_timezone"],
    run_config=UNATTENDED,
    # On from the start: nobody would notice a schedule that was never switched on.
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
