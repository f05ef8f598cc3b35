"""Makes raw tables in a metastore, as another program would have, and runs dbt on them.

Run by builds.py: `python catalog_of_ones_own.py <file of statements> <arguments of dbt>`.
"""

import sys
from pathlib import Path

from orchestration.spark.running import run_dbt
from orchestration.spark.session import start

if __name__ == "__main__":
    session = start()
    for statement in Path(sys.argv[1]).read_text().split(";"):
        if statement.strip():
            session.sql(statement)
    sys.exit(0 if run_dbt(sys.argv[2:]) else 1)
