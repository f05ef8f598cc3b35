"""What a report is made by: hashes of models, macros, seeds and mappings, and names of dbt vars.

A build keeps the hashes in meta.builds. The next build finds by them which reports have other code
or other settings than before, and which models, macros, seeds or vars these are.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from landing.files import mappings_below
from orchestration import paths
from orchestration.restating.watched import Report
from orchestration.warehouse.manifest import Manifest, Node

# The day of the data is no setting: closed periods do not depend on it, unless it goes back.
_NO_SETTING = "as_of_date"
_VAR = re.compile(r"""\bvar\(\s*['"](\w+)['"]""")
# Whole lines of comments, in Jinja, SQL and Python: they change no number.
_COMMENTS = re.compile(r"\{#[\s\S]*?#\}|^[ \t]*(?:--|#).*$", re.MULTILINE)
_ESTIMATION = "estimation"
_BY = " by "


def code_hashes(manifest: Manifest, reports: Iterable[Report]) -> dict[str, str]:
    """Return a hash of each model and macro that a watched report depends on, by its name.

    Comments and blank lines are left out. Packages of dbt are not in it, since `versions` of a
    build names their releases. `estimation` stands for the Python package that models call.
    """
    ids = {each for report in reports for each in _upstream(manifest, report.node["unique_id"])}
    hashes = {}
    for unique_id in sorted(ids):
        kind, package, *_ = unique_id.split(".")
        if kind == "model":
            hashes[_short(unique_id)] = _hash(manifest["nodes"][unique_id]["raw_code"])
        elif kind == "macro" and package == _package(manifest):
            hashes[_short(unique_id)] = _hash(manifest["macros"][unique_id]["macro_sql"])
        elif kind == "source":
            declared = [
                (column["name"], column.get("data_type"), column.get("config"))
                for column in manifest["sources"][unique_id]["columns"].values()
            ]
            hashes[_short(unique_id)] = _hash(str(declared))
    hashes[_ESTIMATION] = _hash(
        "\n".join(
            file.read_text(encoding="utf-8")
            for file in sorted(Path(paths.ROOT / _ESTIMATION).glob("*.py"))
        )
    )
    return hashes


def seed_hashes(manifest: Manifest) -> dict[str, str]:
    """Return the hash of each seed, by its name."""
    return {
        node["name"]: _hash_of_seed(node)[:12]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "seed"
    }


def mapping_hashes(raw_dir: Path) -> dict[str, str]:
    """Return the hash of each _mapping.yml of a landing zone, by its raw table and its path.

    A name is "orders by excel/_mapping.yml".
    """
    hashes = {}
    for file in mappings_below(raw_dir) if raw_dir.is_dir() else ():
        try:
            text = file.read_text(encoding="utf-8")
            table = yaml.safe_load(text)["table"]
        except (UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError):
            # The build has not read it, or it would have been refused.
            continue
        hashes[f"{table}{_BY}{file.relative_to(raw_dir)}"] = _hash(text)
    return hashes


def mappings_of(manifest: Manifest, report: Report, names: Iterable[str]) -> set[str]:
    """Return those of `names`, as in `mapping_hashes`, of raw tables that `report` depends on."""
    upstream = _upstream(manifest, report.node["unique_id"])
    sources = [each.split(".") for each in upstream if each.startswith("source.")]
    tables = {table for _, _, source, table in sources if source == "raw"}
    return {name for name in names if _BY in name and name.partition(_BY)[0] in tables}


def code_of(manifest: Manifest, report: Report) -> set[str]:
    """Return the names in `code_hashes` that `report` depends on."""
    upstream = _upstream(manifest, report.node["unique_id"])
    names = {_short(each) for each in upstream if not each.startswith("seed.")}
    is_python = any(
        manifest["nodes"].get(each, {}).get("language") == "python" for each in upstream
    )
    return names | ({_ESTIMATION} if is_python else set())


def settings_of(manifest: Manifest, report: Report) -> tuple[set[str], set[str]]:
    """Return the names of the dbt vars and of the seeds that `report` depends on."""
    upstream = _upstream(manifest, report.node["unique_id"])
    code = [
        manifest["nodes"].get(each, {}).get("raw_code")
        or manifest["macros"].get(each, {}).get("macro_sql")
        or ""
        for each in upstream
    ]
    variables = {name for text in code for name in _VAR.findall(text)} - {_NO_SETTING}
    return variables, {_short(each) for each in upstream if each.startswith("seed.")}


def changed(before: Mapping[str, Any], now: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return those of `names` that have another value now than before, in order."""
    return sorted(name for name in names if before.get(name) != now.get(name))


def _upstream(manifest: Manifest, unique_id: str) -> set[str]:
    """Return the ids of all nodes and macros that a node depends on, and its own."""
    found, waiting = set(), [unique_id]
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        found.add(each)
        node = manifest["nodes"].get(each) or manifest["macros"].get(each) or {}
        depends_on = node.get("depends_on", {})
        waiting += [*depends_on.get("nodes", []), *depends_on.get("macros", [])]
    return found


def _package(manifest: Manifest) -> str:
    return manifest["metadata"]["project_name"]


def _short(unique_id: str) -> str:
    kind, _, name = unique_id.split(".", 2)
    return f"macro {name}" if kind == "macro" else f"source {name}" if kind == "source" else name


def _hash_of_seed(node: Node) -> str:
    checksum = node["checksum"]
    if checksum["name"] != "path":
        return checksum["checksum"]
    # Of a file above 1 MiB dbt keeps the path, which stays when the file is edited.
    with (paths.ROOT / node["original_file_path"]).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash(code: str) -> str:
    lines = [line.strip() for line in _COMMENTS.sub("", code).splitlines()]
    return hashlib.sha256("\n".join(filter(None, lines)).encode()).hexdigest()[:12]
