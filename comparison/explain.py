"""Why one published row moved: `python -m comparison.explain` (`make explain`).

    make explain BUILD=<build id> TABLE=churn.rpt_mrr KEY='<key of meta.restatements>'

The build is compared with the one that readers had before it. Two more states are built: the old
raw files with the new code and settings, and the new raw files with the old ones. So each step of
the bridge is a difference between two built states, and all steps add up exactly. Behind the bridge
stand the customers and records in which the two published files differ.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import yaml

from comparison.behind import records_behind
from orchestration import paths
from orchestration.restating.fingerprints import (
    changed,
    code_hashes,
    code_of,
    mapping_hashes,
    mappings_of,
    seed_hashes,
    settings_of,
)
from orchestration.restating.watched import Report, watched_reports
from orchestration.serving.published import FILE_NAME
from orchestration.warehouse.parsing import prepare_manifest


class CannotExplainError(Exception):
    """A state cannot be built again. The message says why, and what would help."""


@dataclass(frozen=True)
class State:
    """A published build: its row of meta.builds, and its file.

    Attributes:
        row: the columns of meta.builds.
        file: the published DuckDB file.

    """

    row: Mapping[str, Any]
    file: Path

    def made_by(self, code: set[str], seeds: set[str]) -> Mapping[str, str | None]:
        """Return the hash of each of these models and macros, seeds and mappings, by name."""
        hashes = json.loads(self.row["code_hashes"]), self.seed_hashes()
        return {
            name: found.get(name)
            for names, found in zip((code, seeds), hashes, strict=True)
            for name in sorted(names)
        }

    def seed_hashes(self) -> dict[str, str]:
        """Return the hashes of all seeds and mappings, by name."""
        return json.loads(self.row["seed_hashes"])


def main() -> int:
    """Print the bridge and what is behind it; return 0, or 1 if that is impossible."""
    parser = argparse.ArgumentParser(prog="explain", description="Why did a number move?")
    parser.add_argument("--build", required=True, help="the build with which it moved")
    parser.add_argument("--table", required=True, help="the report, as churn.rpt_mrr")
    parser.add_argument("--key", required=True, help="the row, as in meta.restatements.key")
    arguments = parser.parse_args()
    try:
        print("\n".join(explain(arguments.build, arguments.table, arguments.key)))
    except CannotExplainError as error:
        print(f"Cannot be explained: {error}")
        return 1
    return 0


def explain(build_id: str, table: str, key: str) -> list[str]:
    """Return the lines of the bridge. Raises CannotExplainError if a state cannot be built."""
    manifest = json.loads(prepare_manifest().read_bytes())
    reports = {report.name: report for report in watched_reports(manifest)}
    reports |= {report.table: report for report in reports.values()}
    if table not in reports:
        watched = sorted(name for name in reports if "." in name)
        raise CannotExplainError(f"TABLE={table} is not watched; watched are {', '.join(watched)}")
    report = reports[table]
    after = _state(build_id)
    previous = after.row["previous_build_id"]
    if not previous:
        raise CannotExplainError(f"{build_id} was compared with no build before it")
    before = _state(previous)
    values = {"before": _row(before.file, report, key), "after": _row(after.file, report, key)}
    if not values["before"] and not values["after"]:
        raise CannotExplainError(f"KEY={key}: no such row; copy a key of meta.restatements")
    mappings = mapping_hashes(paths.raw_dir())
    names = [*mappings, *(name for state in (before, after) for name in state.seed_hashes())]
    mapped_by = mappings_of(manifest, report, names)
    made_by = code_of(manifest, report), settings_of(manifest, report)[1] | mapped_by
    same_code = before.row["vars"] == after.row["vars"] and (
        before.made_by(*made_by) == after.made_by(*made_by)
    )
    same_files = before.row["inputs_hash"] == after.row["inputs_hash"]
    if same_code or same_files:
        # One of the two has not changed, so the state between is one of those published.
        values["new code"] = values["before"] if same_code else values["after"]
        values["new files"] = values["before"] if same_files else values["after"]
    else:
        for state in (before, after):
            if other := changed(state.seed_hashes(), mappings, mapped_by):
                raise CannotExplainError(
                    f"build {state.row['build_id']} had another {other[0]}, or does not say which;"
                    " nothing keeps it"
                )
        hashes = code_hashes(manifest, [report]) | seed_hashes(manifest) | mappings
        here = {name: hashes.get(name) for names in made_by for name in names}
        with tempfile.TemporaryDirectory(prefix="tenure-explain-") as scratch:
            folder = Path(scratch)
            for name, files, code in [("new code", before, after), ("new files", after, before)]:
                is_here = code.made_by(*made_by) == here
                built = _build(files, code, is_here, folder / name.replace(" ", "-"))
                values[name] = _row(built, report, key)
    return [
        f"{report.name}, {key}",
        f"{previous} -> {build_id}",
        "",
        *([_what_else(before, after), ""] if same_code and same_files else []),
        *_bridge(report, values),
        *records_behind(before.file, after.file, report, _place(after, before, report, key)),
    ]


def _what_else(before: State, after: State) -> str:
    """Return what may have moved a number, if neither raw files nor code nor settings did."""
    if before.row["versions"] == after.row["versions"]:
        return "Raw files, code, settings and software are the same. The cause is not known."
    return "Raw files, code and settings are the same; software is not (meta.builds.versions)."


def _state(build_id: str) -> State:
    file = paths.serve() / "versions" / build_id / FILE_NAME
    if not file.exists():
        raise CannotExplainError(
            f"the version of build {build_id} is no longer on disk, and nothing else knows its raw"
            " files; TENURE_KEEP_VERSIONS says how many are kept"
        )
    with duckdb.connect(str(file), read_only=True) as connection:
        relation = connection.sql("select * from meta.builds where is_current")
        if "code_hashes" not in relation.columns:
            raise CannotExplainError(f"build {build_id} is of a release without restatements")
        return State(dict(zip(relation.columns, relation.fetchall()[0], strict=True)), file)


def _row(file: Path, report: Report, key: str) -> dict[str, Any]:
    """Return the watched measures of a row, by name; empty if the file has no such row."""
    measures = ", ".join(f"cast({each.name} as decimal(38, 10))" for each in report.measures)
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(
            f"select {measures} from {report.name} where {report.key_text('')} = ?", [key]
        ).fetchall()
    names = [each.name for each in report.measures]
    return dict(zip(names, found[0], strict=True)) if found else {}


def _place(after: State, before: State, report: Report, key: str) -> dict[str, Any]:
    """Return the period, the cohort and the segment of a row, from the file that has it."""
    columns = (
        f"{report.grain}, cast({report.period} as date), {report.column('cohort_start')},"
        f" {report.column('segment_name')}, {report.column('segment_value')}"
    )
    for state in (after, before):
        with duckdb.connect(str(state.file), read_only=True) as connection:
            found = connection.execute(
                f"select {columns} from {report.name} where {report.key_text('')} = ?", [key]
            ).fetchall()
        if found:
            break
    names = ("grain", "start", "cohort", "segment_name", "segment_value")
    return dict(zip(names, found[0], strict=True))


def _build(files: State, code: State, is_work_tree: bool, folder: Path) -> Path:
    """Build the raw files of one state with the code and settings of another one.

    `is_work_tree` says that the work tree has that code.
    """
    (folder / "zone").mkdir(parents=True)
    _raw_files(files, folder / "zone" / "raw")
    variables = yaml.safe_dump(json.loads(code.row["vars"]))
    (folder / "zone" / "vars.yml").write_text(variables, encoding="utf-8")
    project = paths.ROOT if is_work_tree else _project(code, folder / "project")
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "comparison.build", "--project", project),
            *("--out", folder / "built", folder / "zone"),
        ],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        raise CannotExplainError(
            f"the files of {files.row['build_id']} do not build with the code of"
            f" {code.row['build_id']}:\n{ended.stderr.strip()}"
        )
    return folder / "built" / "zone.duckdb"


def _raw_files(state: State, raw: Path) -> None:
    """Link the raw files that a build has read, if each is still there as it was."""
    with duckdb.connect(str(state.file), read_only=True) as connection:
        files = connection.sql("select distinct file, sha256 from meta.source_files").fetchall()
    missing = []
    for name, sha256 in files:
        source = paths.raw_dir() / name
        if not source.exists() or hashlib.sha256(source.read_bytes()).hexdigest() != sha256:
            missing.append(name)
            continue
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).symlink_to(source)
    if missing:
        raise CannotExplainError(
            f"raw files of {state.row['build_id']} are gone, or were changed in place:"
            f" {', '.join(sorted(missing)[:5])}"
        )
    # A mapping is no raw file of its own, so no build says what it was.
    for mapping in paths.raw_dir().rglob("_mapping.yml"):
        target = raw / mapping.relative_to(paths.raw_dir())
        if target.parent.exists():
            target.symlink_to(mapping)


def _project(state: State, folder: Path) -> Path:
    """Return the project of the commit that made a build, unpacked into `folder`."""
    sha = state.row["git_sha"] or ""
    if not sha or sha.endswith("-dirty"):
        raise CannotExplainError(
            f"build {state.row['build_id']} was made by files that no commit has"
            f" ({sha or 'no git'}), and the work tree is another one"
        )
    folder.mkdir()
    archive = subprocess.run(["git", "archive", sha], cwd=paths.ROOT, capture_output=True)
    if archive.returncode:
        raise CannotExplainError(f"git does not know the commit {sha} any more")
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def _bridge(report: Report, values: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the lines of the bridge of each measure that moved, in both orders of the steps."""
    lines = []
    for measure in report.measures:
        steps = {name: row.get(measure.name) for name, row in values.items()}
        if steps["before"] == steps["after"]:
            continue
        lines += [f"{measure.name}", _line("before", steps["before"])]
        first_code = _difference(steps["before"], steps["new code"])
        then_files = _difference(steps["new code"], steps["after"])
        lines.append(_line("code and settings, with the old files", first_code))
        lines.append(_line("raw files, with the new code", then_files))
        lines.append(_line("after", steps["after"]))
        first_files = _difference(steps["before"], steps["new files"])
        if first_files != then_files:
            lines.append(
                f"  in the other order: raw files {_number(first_files)}, then code and settings"
                f" {_number(_difference(steps['new files'], steps['after']))}"
            )
        lines.append("")
    return lines or ["No watched number of this row moved.", ""]


def _difference(before: Decimal | None, after: Decimal | None) -> Decimal:
    return (after or Decimal(0)) - (before or Decimal(0))


def _line(step: str, value: Decimal | None) -> str:
    return f"  {step:<40}{_number(value):>20}"


def _number(value: Decimal | None) -> str:
    if value is None:
        return "(no row)"
    text = f"{value:,.10f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(2, '0')}"


if __name__ == "__main__":
    sys.exit(main())
