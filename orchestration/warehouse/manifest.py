"""Questions to dbt's manifest.json.

The manifest is the only thing that the orchestration knows about the models.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Node = Mapping[str, Any]
Manifest = Mapping[str, Any]


def group(node: Node) -> str:
    """Return the group of `node`: its first folder under models/; for marts, the folder below that.

    Seeds have the group `seeds`. A table of a source has the name of the source.
    """
    if node["resource_type"] == "seed":
        return "seeds"
    if node["resource_type"] == "source":
        return node["source_name"]
    folders = node["fqn"][1:]
    return folders[1] if folders[0] == "marts" else folders[0]


def is_built(manifest: Manifest, unique_id: str) -> bool:
    """Return whether the project builds this node: dbt keeps the tests of disabled models, too."""
    node = manifest["nodes"].get(unique_id)
    return node is not None and node.get("config", {}).get("enabled", True)


def left_out_tests(manifest: Manifest, results: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the data tests that dbt should have run and that have no result.

    `results` are those of dbt's run_results.json.
    """
    done = {result["unique_id"] for result in results}
    return [
        node["name"]
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "test"
        and is_built(manifest, unique_id)
        and unique_id not in done
    ]


def marts(manifest: Manifest) -> list[Node]:
    """Return the models under models/marts, ordered by schema and name."""
    found = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["original_file_path"].startswith("models/marts/")
    ]
    return sorted(found, key=lambda node: (node["schema"], node["name"]))


def is_view(node: Node) -> bool:
    """Return whether dbt makes a view of the model `node`, and no table."""
    return node["config"]["materialized"] == "view"


def passed_through(manifest: Manifest) -> dict[str, str]:
    """Return the description of each raw column that a mart hands on, by its name.

    Such a column is declared in models/staging/_sources.yml, so a mart's own YAML does not have it.
    """
    return {
        column["name"]: column["description"]
        for source in manifest.get("sources", {}).values()
        for column in source["columns"].values()
        if column.get("config", {}).get("meta", {}).get("pass_through")
    }


def tested_node(manifest: Manifest, test: Node) -> Node | None:
    """Return the model or seed that `test` checks, or None if the test names none."""
    candidates = [test.get("attached_node"), *reversed(test["depends_on"]["nodes"])]
    return next((manifest["nodes"][name] for name in candidates if name in manifest["nodes"]), None)


def compiled_file(target: Path, node: Node) -> Path:
    """Return the file below dbt's `target` with the compiled SQL of a model or a test."""
    return target / "compiled" / node["package_name"] / _compiled_name(node)


def _compiled_name(node: Node) -> Path:
    # dbt compiles a test of a YAML file into a folder with the name of that file.
    source = Path(node["original_file_path"])
    return source / node["path"] if source.suffix in (".yml", ".yaml") else source
