"""What a run tells at its end, whoever started it: `make build`, the schedule or a person.

The run's resource calls it as it is closed. Dagster's hooks would seem the place, but Dagster
passes over them when a run is interrupted.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration import paths
from orchestration.serving.versions import current_build
from orchestration.telling import alerts
from orchestration.telling.failures import is_refusal, step_failures


def alert_at_end(
    context: dg.InitResourceContext, build_id: str, variables: Mapping[str, Any]
) -> None:
    """Tell that the run of `context` has published the build `build_id`, or what failed in it."""
    if current_build(paths.serve()) == build_id:
        alerts.published(build_id, datetime.now(UTC))
        return
    records = context.instance.all_logs(
        context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
    )
    for record in records:
        if not is_refusal(record.dagster_event):
            alerts.failed(*step_failures(record.dagster_event), variables)
