"""dbt's documentation of the project as one page: `python -m orchestration.docs`.

It describes the models as they are in the files now, with the types and the numbers of rows of the
published tables. Exit code 0: written. 1: the project does not parse, or the published file cannot
be read.
"""

import sys

import duckdb

from orchestration import paths
from orchestration.serving.docs_page import write_docs_page
from orchestration.serving.published import served_file
from orchestration.serving.versions import current_build
from orchestration.warehouse.parsing import prepare_manifest
from orchestration.warehouse.process import DbtFailedError


def main() -> int:
    """Write the page and print its path; return the exit code."""
    is_published = current_build(paths.serve()) is not None
    published = served_file(paths.serve()) if is_published else None
    page = paths.home() / "docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_docs_page(prepare_manifest(), published, page)
    except (DbtFailedError, duckdb.Error) as error:
        print(error, file=sys.stderr)
        return 1
    print(page)
    if not published:
        print("Nothing has been published so far, so the page has no types and no rows.")
        print("Run `make build`, then `make docs` again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
