"""docs/reliability.md: what was broken on purpose, and what was lost by it.

Tests record what they have proved. A session of pytest writes the records into a file, if every
test passed. `python reliability_page.py FOLDER` makes the page of all files in the folder.
"""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from orchestration.serving.provenance import software_versions

# In the order of the page.
AREAS = (
    "readers",
    "kills",
    "disk and memory",
    "one writer",
    "guards",
    "alerts",
    "catching up",
    "restatements",
    "versions",
    "the reader's side",
)


class Row(NamedTuple):
    """What was broken, how, and what was lost."""

    area: str
    fault: str
    how: str
    lost: str


class Record:
    """The rows of the page in their order, and how often each was tried."""

    def __init__(self) -> None:
        self.tried: dict[Row, int] = {}

    def add(self, area: str, fault: str, how: str, tried: int, lost: str) -> None:
        """Record `tried` cases; the numbers of the same row add up."""
        if area not in AREAS:
            raise ValueError(f"{area!r} is none of the areas {', '.join(AREAS)}")
        row = Row(area, fault, how, lost)
        self.tried[row] = self.tried.get(row, 0) + tried

    def write(self, file: Path) -> None:
        """Keep the rows in a file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = [{**row._asdict(), "tried": tried} for row, tried in self.tried.items()]
        file.write_text(json.dumps(rows, indent=1), encoding="utf-8")

    def read(self, file: Path) -> None:
        """Add the rows of such a file."""
        for row in json.loads(file.read_text(encoding="utf-8")):
            self.add(**row)

    def page(self) -> str:
        """The page in Markdown."""
        versions = ", ".join(f"{name} {number}" for name, number in software_versions().items())
        lines = [
            "# What was broken on purpose, and what was lost",
            "",
            "Each line is a test. Most of them do real damage to a real build. Then they look what"
            " readers have, and whether the",
            "next night repairs it by itself. `make torture REPORT=docs/reliability.md` runs them"
            " all and writes this page again, if",
            "every test passed.",
            "",
            f"Written on {datetime.now(UTC):%Y-%m-%d}, with {versions}, on {platform.system()}"
            f" {platform.machine()} with {os.cpu_count()} cores.",
            "What came to the project after that day was not tried on that day:"
            " [CHANGELOG.md](../CHANGELOG.md) names it.",
        ]
        for area in AREAS:
            rows = [row for row in self.tried if row.area == area]
            lines += ["", f"## {area[0].upper()}{area[1:]}", ""]
            if not rows:
                lines.append("Not tried.")
                continue
            lines += ["| fault | how it is injected | tried | lost |", "|---|---|---:|---|"]
            lines += [_line(row.fault, row.how, f"{self.tried[row]:,}", row.lost) for row in rows]
        return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Print the page of the records in a folder."""
    record = Record()
    for file in sorted(Path(sys.argv[1]).glob("*.json")):
        record.read(file)
    print(record.page(), end="")


if __name__ == "__main__":
    main()
