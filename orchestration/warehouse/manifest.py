"""Questions to dbt's manifest.json, which is all that the orchestration knows of the models."""

from collections.abc import Mapping
from typing import Any

Node = Mapping[str, Any]
Manifest = Mapping[str, Any]


def group(node: Node) -> str:
    """Return the first folder under models/ that holds `node`; for marts, the folder below it.

    Seeds are in the group `seeds`, the tables of a source in one that is named after it.
    """
    if node["resource_type"] == "seed":
        return "seeds"
    if node["resource_type"] == "source":
        return node["source_name"]
    folders = node["fqn"][1:]
    return folders[1] if folders[0] == "marts" else folders[0]


def marts(manifest: Manifest) -> list[Node]:
    """Return the models under models/marts, ordered by schema and name."""
    found = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["original_file_path"].startswith("models/marts/")
    ]
    return sorted(found, key=lambda node: (node["schema"], node["name"]))


def tested_node(manifest: Manifest, test: Node) -> Node | None:
    """Return the model or seed that `test` is about, or None if it names none."""
    candidates = [test.get("attached_node"), *reversed(test["depends_on"]["nodes"])]
    return next((manifest["nodes"][name] for name in candidates if name in manifest["nodes"]), None)
