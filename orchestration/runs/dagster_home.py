"""Dagster's own folder under TENURE_HOME.

`python -m orchestration.runs.dagster_home` prepares it, and ends in its history what a crash ended.
"""

import os

from orchestration import paths

_CONFIGURATION = """\
# Written by orchestration/runs/dagster_home.py; changes here are lost.
telemetry:
  enabled: false
nux:
  enabled: false
# What dbt prints is kept in $TENURE_HOME/logs, one folder per build, and pruned there.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
# The progress lines of a build show on its page.
python_logs:
  managed_python_loggers: [orchestration]
  python_log_level: INFO
# After nights without power, one build catches up with all of them.
scheduler:
  module: dagster._core.scheduler
  class: DagsterDaemonScheduler
  config:
    max_catchup_runs: 1
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: 7
"""


def prepare_dagster_home() -> None:
    """Write dagster.yaml and point this process's Dagster at its folder."""
    folder = paths.dagster_home()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(_CONFIGURATION, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(folder)


def main() -> None:
    """Make the folder ready for Dagster's own processes."""
    prepare_dagster_home()

    import dagster as dg

    from orchestration.runs.history import end_dead_runs

    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance, paths.live_runs())


if __name__ == "__main__":
    main()
