"""dbt as a child process that never outlives its parent.

The parent holds the build lock. When the parent is killed, the lock is free and the next build may
start. If dbt went on writing then, two processes would write one warehouse. So this process watches
its standard input: the kernel closes it whenever the parent dies, and this process ends at once.
"""

import os
import threading


def main() -> None:
    """Run dbt with this process's arguments. Exit with dbt's code, or with 1 if the parent died."""
    end_with_parent()

    from dbt.cli.main import cli

    cli()


def end_with_parent() -> None:
    """Let this process end when its parent does, from now on."""
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    # os.read and not sys.stdin: a thread that waits in sys.stdin blocks the normal exit.
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
