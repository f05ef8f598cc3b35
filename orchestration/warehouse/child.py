"""dbt as a child process that never outlives its parent.

The parent holds the build lock. When the parent is killed, the lock is free and the next build may
start. If dbt went on writing then, two processes would write one warehouse. So this process watches
its standard input: the kernel closes it whenever the parent dies, and this process ends at once.
"""

import os
import sys
import threading

from orchestration.settings.engine import engine


def main() -> None:
    """Run dbt with this process's arguments. Exit with dbt's code, or with 1 if the parent died."""
    threading.Thread(target=_end_with_parent, daemon=True).start()

    if engine() == "spark":
        from orchestration.spark.running import run_dbt

        sys.exit(0 if run_dbt(sys.argv[1:]) else 1)

    from dbt.cli.main import cli

    cli()


def _end_with_parent() -> None:
    # os.read and not sys.stdin: a thread that waits in sys.stdin blocks the normal exit.
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
