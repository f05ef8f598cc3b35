"""Say what is wrong with the raw files, in seconds: `python -m landing.check [--write]`.

Every file of $TENURE_RAW_DIR is looked into, the first records of each are judged as the build
would judge them, and for a folder that nobody knows a _mapping.yml is proposed. With --write it is
written into that folder, never over another one. The exit codes:

    0    a build would read these files
    1    faults: a build would stop, or would reject all that was looked at of a file
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from landing.files import MAPPING, files_below, kind_of
from landing.forms import label_of
from landing.guess import Guess, guess_mapping
from landing.inventory import FAULTS, FEW, Found, look_at_all, nothing_to_build
from landing.judging import Judge, Rejection
from landing.layouts import CONTRACT, MODELS, Layouts, read_layouts
from landing.places import Zone, survey
from landing.recognition import DELIMITERS
from landing.sample import Sample, each_column, take_sample
from landing.words import nearest

# Columns that loaders add for themselves.
LOADERS = ("_dlt_", "_airbyte_", "_sdc_", "_fivetran_", "_rivery_", "_estuary_", "_stitch_")
# So many bytes are read to the end, the smallest files first. Of the others, the beginning is.
_READ_WHOLE = 60_000_000
# Records of all samples together.
_ALL_RECORDS = 40_000
# A mapping joins files, so a part of them says less.
_OF_A_SYSTEM = 5_000
_SHOWN = 20
_WIDTH = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the landing zone and print the result; return the exit code."""
    parser = argparse.ArgumentParser(prog="landing.check", description="Check the raw files.")
    parser.add_argument("--write", action="store_true", help="write the proposed _mapping.yml")
    options = parser.parse_args(arguments)
    root = MODELS.parent
    raw_dir = Path(os.environ.get("TENURE_RAW_DIR") or root / "data" / "sample").absolute()
    started = time.monotonic()
    try:
        is_fine = _check(raw_dir, root, write=options.write)
    except ValueError as error:
        print(error)
        is_fine = False
    print(f"{'Fine' if is_fine else 'Not fine'}, {time.monotonic() - started:.1f} s.")
    return 0 if is_fine else 1


def _check(raw_dir: Path, root: Path, *, write: bool) -> bool:
    layouts = read_layouts(MODELS)
    zone = survey(raw_dir, layouts)
    session = duckdb.connect()
    whole = _read_whole(zone)
    found, faults = look_at_all(raw_dir, zone, session, lambda path: path in whole)
    samples, broken = _samples(found)
    faults = [*zone.faults, *faults, *broken]
    files = sum(len(place.files) for place in zone.places)
    print(f"{raw_dir}: {len(samples):,} of {files:,} files can be read")
    _print_places(samples, whole)
    rejections, unjudged = _judged(samples, layouts, root, session)
    faults += _hopeless(samples, rejections)
    if not faults and (lacking := nothing_to_build(raw_dir, found, layouts)):
        faults.append(lacking)
    _print_list("Faults, with which a build would stop:", _grouped(faults))
    _print_list("Would be rejected, of the first records of each file:", _rejected(rejections))
    _print_list("Worth a look:", [*unjudged, *_unknown_columns(samples, layouts), *_empty(samples)])
    _print_left_out(raw_dir, zone, layouts, session, write=write)
    return not faults


def _read_whole(zone: Zone) -> set[Path]:
    """Return the files that are read to the end."""
    files = [path for place in zone.places for path in place.files]
    whole, size = set(), 0
    for path in sorted(files, key=_size):
        size += 0 if kind_of(path).format == "parquet" else _size(path)
        if size > _READ_WHOLE:
            break
        whole.add(path)
    return whole


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _samples(found: Sequence[Found]) -> tuple[list[Sample], list[str]]:
    few = max(50, min(FEW, _ALL_RECORDS // max(len(found), 1)))
    samples, faults = [], []
    for one in found:
        most = _OF_A_SYSTEM if one.place.entities else few
        try:
            samples.append(take_sample(one, most))
        except (*FAULTS, KeyError, TypeError, AttributeError) as fault:
            faults.append(f"{one.file}: {fault}")
    return samples, faults


def _judged(
    samples: Sequence[Sample], layouts: Layouts, root: Path, session: duckdb.DuckDBPyConnection
) -> tuple[list[Rejection], list[str]]:
    if not samples:
        return [], []
    from landing.macros import Macros

    with tempfile.TemporaryDirectory() as folder:
        return Judge(layouts, Macros(root), session, Path(folder)).judge(samples)


def _hopeless(samples: Sequence[Sample], rejections: Iterable[Rejection]) -> list[str]:
    """Return the files of which every record looked at would be rejected."""
    rejected: dict[str, set[int]] = {}
    reasons: dict[str, Rejection] = {}
    for one in rejections:
        rejected.setdefault(one.file, set()).add(one.record)
        reasons.setdefault(one.file, one)
    faults = []
    for sample in samples:
        file = sample.found.file
        records = len(sample.rows) + len(sample.broken)
        if records and len(rejected.get(file, ())) == records:
            faults.append(
                f"{file}: each of its first {records:,} records would be rejected:"
                f" {reasons[file].reason}" + _said(reasons[file].word)
            )
    return faults


def _print_places(samples: Sequence[Sample], whole: set[Path]) -> None:
    """Print a line for each table of the contract, and for each entity of a system."""
    by_place: dict[str, list[Sample]] = {}
    for sample in samples:
        by_place.setdefault(_place(sample.found), []).append(sample)
    width = max(map(len, by_place), default=0)
    for place, ones in by_place.items():
        counted = [one.found for one in ones]
        records = sum(
            max(one.found.content.records, len(one.rows) + len(one.broken)) for one in ones
        )
        is_part_of_it = any(
            one.path not in whole and one.content.format == "csv" for one in counted
        )
        number = f"{records:,}{'+' if is_part_of_it else ''}"
        print(
            f"  {place:<{width}} {len(ones):>4} {'files' if len(ones) > 1 else 'file '}"
            f" {number:>12} records  {'; '.join(sorted(set(map(_format, counted))))}" + _times(ones)
        )


def _place(found: Found) -> str:
    if found.place.system == CONTRACT:
        return found.table
    if found.place.mapping:
        return f"{found.place.folder.name}, mapped to {found.table}"
    return f"{found.place.system}: {found.entity}"


def _format(found: Found) -> str:
    kind = "JSON lines" if found.content.format == "json" else found.content.format
    kind = "JSON array" if kind == "json_array" else kind
    if found.delimiter:
        kind = f"{kind} ({DELIMITERS[found.delimiter]}, {found.source.encoding})"
    return kind + (f" {found.source.compression}" if found.source.compression else "")


def _times(samples: Sequence[Sample]) -> str:
    """Return the forms of times that were seen."""
    labels: set[str] = set()
    for sample in samples:
        for column, texts in each_column(sample, 50):
            seen = {label_of(text) for text in texts}
            table = sample.found.place.table
            is_own = table is not None and sample.found.place.mapping is None
            if is_own and table.types.get(column) in ("timestamp", "date"):
                labels |= {label or "other" for label in seen}
            elif seen and "" not in seen and "seconds since 1970" not in seen:
                labels |= seen
    return f"; times: {', '.join(sorted(labels))}" if labels else ""


def _unknown_columns(samples: Sequence[Sample], layouts: Layouts) -> list[str]:
    """Return the columns that the contract does not know, with the nearest that no file has."""
    unknown: dict[str, list[str]] = {}
    lacking: dict[str, set[str]] = {}
    for sample in samples:
        if sample.found.place.system != CONTRACT:
            continue
        table = layouts.tables[sample.found.table]
        columns = sample.found.content.columns
        lacking.setdefault(table.name, set(table.columns)).difference_update(columns)
        known = unknown.setdefault(table.name, [])
        known += [
            name
            for name in columns
            if name not in table.columns and name not in known and not name.startswith(LOADERS)
        ]
    return [
        f"{table}: columns that the contract does not know are left out: "
        + ", ".join(
            f"{name} (is it {like}?)" if (like := nearest(name, lacking[table])) else name
            for name in names
        )
        for table, names in unknown.items()
        if names
    ]


def _empty(samples: Sequence[Sample]) -> list[str]:
    empty = [one.found.file for one in samples if not one.rows and not one.broken]
    return _grouped([f"{file}: a heading without records" for file in empty])


def _rejected(rejections: Iterable[Rejection]) -> list[str]:
    """Return a line for each file and reason: how often, and the first record with its text."""
    groups: dict[tuple[str, str], list[Rejection]] = {}
    for one in rejections:
        groups.setdefault((one.file, one.reason), []).append(one)
    lines = []
    for (file, reason), ones in groups.items():
        times = f", {len(ones):,} times, first in" if len(ones) > 1 else ":"
        lines.append(f"{file}{times} record {ones[0].record}: {reason}" + _said(ones[0].word))
    return lines


def _said(word: str) -> str:
    return f": {word[:60]}" if word else ""


def _grouped(faults: Sequence[str]) -> list[str]:
    """Return faults with those that many files share in one line."""
    groups: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        file, _, message = fault.partition(": ")
        folder = file.rpartition("/")[0]
        groups.setdefault((folder, message), []).append(file)
    lines = []
    for (_, message), files in groups.items():
        more = f" and {len(files) - 1} more files of its folder" if len(files) > 1 else ""
        lines.append(f"{files[0]}{more}: {message}" if message else files[0])
    return lines


def _print_list(title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    print(title)
    for line in lines[:_SHOWN]:
        print(f"  {line if len(line) <= 4 * _WIDTH else line[: 4 * _WIDTH] + ' ...'}")
    if len(lines) > _SHOWN:
        print(f"  ... {len(lines) - _SHOWN} more")


def _print_left_out(
    raw_dir: Path,
    zone: Zone,
    layouts: Layouts,
    session: duckdb.DuckDBPyConnection,
    *,
    write: bool,
) -> None:
    """Print what is not read, and for a folder a first guess of its mapping."""
    for path, meant in zone.left_out:
        name = path.relative_to(raw_dir).as_posix()
        if not path.is_dir():
            print(
                f"Not read: {name}, for it lies in no folder, such as {next(iter(layouts.tables))}"
            )
            continue
        print(
            f"Not read: {name}/, for nobody knows a folder of that name"
            + (f"; is it {meant}?" if meant else "")
        )
        guess = guess_mapping(path, files_below(path), layouts.tables, session)
        _print_guess(path, guess, write=write)


def _print_guess(folder: Path, guess: Guess, *, write: bool) -> None:
    if guess.why_none:
        print(f"  no {MAPPING} can be proposed: {guess.why_none}")
        return
    if not write:
        print(f"  a first guess of {folder.name}/{MAPPING} (make check-raw WRITE=1 writes it):")
        print("".join(f"    {line}\n" for line in guess.text.splitlines()), end="")
        return
    try:
        with (folder / MAPPING).open("x", encoding="utf-8") as stream:
            stream.write(guess.text)
    except FileExistsError:
        print(f"  {folder / MAPPING} exists and stays as it is")
    except OSError as error:
        print(f"  {folder / MAPPING} cannot be written: {error.strerror}")
    else:
        print(f"  written: {folder / MAPPING}; look through it, then run make check-raw again")


if __name__ == "__main__":
    sys.exit(main())
