"""The progress of a running dbt, for people: a line per finished group, and each warning once."""

import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from orchestration.warehouse.manifest import Manifest, Node, group, is_built, tested_node
from orchestration.words import first_few

SHOWN_WARNINGS = 8

_RESULTS = {"LogSeedResult", "LogModelResult", "LogTestResult"}
# dbt repeats the warnings of tests at the end of its run.
_REPEATED = {"RunResultWarning", "RunResultWarningMessage"}

_logger = logging.getLogger(__name__)


class DbtProgress:
    """Follows the events of one `dbt build`; logs a line per group and at most 9 for warnings.

    The lines go to Python's logging. From there they reach the console of `make build` and the
    page of the run in Dagster.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Start the clock, and count the nodes of each group in `manifest`."""
        self._manifest = manifest
        self._started = time.monotonic()
        self._expected = Counter(
            _group(manifest, node)
            for unique_id, node in manifest["nodes"].items()
            if node["resource_type"] in ("seed", "model", "test") and is_built(manifest, unique_id)
        )
        self._done: dict[str, Counter[str]] = {}
        self._warnings: set[str] = set()

    def observe(self, event: Mapping[str, Any]) -> None:
        """Count one event of dbt; log a line if it ends a group or is a new warning."""
        name, data = event["info"]["name"], event["data"]
        if name in _RESULTS:
            node = self._manifest["nodes"].get(data["node_info"]["unique_id"])
            if node and is_built(self._manifest, data["node_info"]["unique_id"]):
                self._finish(node, data["status"])
        if event["info"]["level"] == "warn" and name not in _REPEATED:
            self._warn(_warning(self._manifest, event))

    def close(self) -> None:
        """Log how many warnings were not shown."""
        _, others = first_few(list(self._warnings), SHOWN_WARNINGS)
        if others:
            _logger.warning("warning: %s, see dbt.log", others)

    def _finish(self, node: Node, status: str) -> None:
        name = _group(self._manifest, node)
        done = self._done.setdefault(name, Counter())
        done[node["resource_type"]] += 1
        done["failed"] += status in ("error", "fail")
        if done["seed"] + done["model"] + done["test"] == self._expected[name]:
            _logger.info("%6.1f s  %-13s %s", time.monotonic() - self._started, name, _counts(done))

    def _warn(self, text: str) -> None:
        if text in self._warnings:
            return
        self._warnings.add(text)
        if len(self._warnings) <= SHOWN_WARNINGS:
            _logger.warning("warning: %s", text)


def _group(manifest: Manifest, node: Node) -> str:
    if node["resource_type"] != "test":
        return group(node)
    tested = tested_node(manifest, node)
    return group(tested) if tested else "other"


def _warning(manifest: Manifest, event: Mapping[str, Any]) -> str:
    if event["info"]["name"] == "LogTestResult":
        node = manifest["nodes"].get(event["data"]["node_info"]["unique_id"], {})
        advice = node.get("config", {}).get("meta", {}).get("advice")
        found = f"{event['data']['num_failures']} rows"
        return f"test {event['data']['name']}: {found}" + (f": {advice}" if advice else "")
    return " ".join(event["info"]["msg"].split()).removeprefix("[WARNING]: ")


def _counts(done: Counter[str]) -> str:
    counts = [
        f"{done[kind]} {kind}{'s' if done[kind] > 1 else ''}"
        for kind in ("seed", "model", "test")
        if done[kind]
    ]
    if done["failed"]:
        counts.append(f"{done['failed']} failed")
    return ", ".join(counts)
