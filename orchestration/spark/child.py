"""dbt on Spark as a child process that never outlives its parent."""

import sys

from orchestration.spark.lakehouse import finish_stopped_change
from orchestration.spark.running import run_dbt
from orchestration.warehouse.child import end_with_parent


def main() -> int:
    """Run dbt with this process's arguments; return 0 if it succeeded, else 1."""
    end_with_parent()
    return 0 if run_dbt(sys.argv[1:], finish_stopped_change) else 1


if __name__ == "__main__":
    sys.exit(main())
