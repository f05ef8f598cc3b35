"""dbt as a child process that never outlives its parent.

The parent holds the build lock. If it is killed, the lock is free and the next build may start; a
dbt that went on writing then would share the warehouse with it. So this process ends as soon as
its standard input does, which the kernel closes however the parent dies.
"""

import os
import threading


def main() -> None:
    """Run dbt with this process's arguments; exit as dbt does, or with 1 when orphaned."""
    threading.Thread(target=_end_with_parent, daemon=True).start()

    from dbt.cli.main import cli

    cli()


def _end_with_parent() -> None:
    # os.read and not sys.stdin: a thread blocked inside sys.stdin breaks the normal exit.
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
