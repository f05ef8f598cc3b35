"""When the job runs by itself."""

import dagster as dg

from orchestration.defs.jobs import nightly
from orchestration.settings.variables import project_defaults

# Nobody is there to try again: a build by hand that still runs at night is waited for.
UNATTENDED = {"resources": {"build": {"config": {"wait": "2h"}}}}

nightly_schedule = dg.ScheduleDefinition(
    name="nightly_schedule",
    job=nightly,
    cron_schedule="0 2 * * *",
    # The day that a night closes is a day of the reports.
    execution_timezone=project_defaults()["reporting_timezone"],
    run_config=UNATTENDED,
    # Nights that nobody has switched on would be missed without a word.
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
