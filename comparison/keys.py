"""The key of each published table, as the models' YAML declares it."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml


def published_keys(project: Path) -> Mapping[str, list[str]]:
    """Return the key columns of each mart ('schema.table'), from its `unique_key` data test.

    The schema of a mart is its folder under models/marts. Raises KeyError for a mart without that
    test.
    """
    keys = {}
    for file in sorted((project / "models" / "marts").rglob("*.yml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for model in content.get("models", []):
            [key] = [
                test["unique_key"]["arguments"]["columns"]
                for test in model.get("data_tests", [])
                if isinstance(test, Mapping) and "unique_key" in test
            ]
            # A key column that may be NULL is tested as coalesce(column, ...), or with a cast.
            keys[f"{file.parent.name}.{model['name']}"] = [
                re.sub(r"coalesce\((?:cast\()?(\w+).*", r"\1", column) for column in key
            ]
    # Written by the publisher, not by a model.
    number = ["schema_name", "table_name", "key", "measure"]
    return keys | {
        "meta.builds": ["build_id"],
        "meta.restatements": ["build_id", *number],
        "meta.reported_values": number,
    }
