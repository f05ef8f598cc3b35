"""Say what is wrong with the raw files, in seconds: `python -m landing.check [--write]`.

Every file of $TENURE_RAW_DIR is looked into, the first records of each are judged as the build
would judge them, and for a folder that nobody knows a _mapping.yml is proposed. With --write it is
written into that folder, never over another one. The exit codes:

    0    a build would read these files
    1    a build would stop, or would reject every record of a file that was looked at
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from landing import report
from landing.files import MAPPING, files_below, kind_of
from landing.guess import Guess, guess_mapping
from landing.inventory import FAULTS, FEW, Found, look_at_all, nothing_to_build
from landing.judging import Judge, Judged
from landing.layouts import MODELS, Layouts, read_layouts
from landing.places import Zone, survey
from landing.sample import Sample, take_sample

# So many bytes are read to the end, the smallest files first. Of the others, the beginning is.
_READ_WHOLE = 60_000_000
_UNPACKED = 5
# Records of all samples together.
_ALL_RECORDS = 40_000
# A mapping joins the files of a system, so a small part of them says less.
_OF_A_SYSTEM = 5_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the landing zone and print the result; return the exit code."""
    parser = argparse.ArgumentParser(prog="landing.check", description="Check the raw files.")
    parser.add_argument("--write", action="store_true", help="write the proposed _mapping.yml")
    options = parser.parse_args(arguments)
    sample = MODELS.parent / "data" / "sample"
    raw_dir = Path(os.environ.get("TENURE_RAW_DIR") or sample).absolute()
    started = time.monotonic()
    try:
        lines, is_fine = check(raw_dir, write=options.write)
    except (ValueError, OSError) as error:
        # a folder, a layout or .tenureignore that cannot be read
        lines, is_fine = [str(error)], False
    print("\n".join(lines))
    print(f"{'Fine' if is_fine else 'Not fine'}, {time.monotonic() - started:.1f} s.")
    return 0 if is_fine else 1


def check(raw_dir: Path, *, write: bool = False) -> tuple[list[str], bool]:
    """Return what there is to say of a landing zone, and whether a build would read it."""
    layouts = read_layouts(MODELS)
    zone = survey(raw_dir, layouts)
    session = duckdb.connect()
    whole = _read_whole(zone)
    found, faults = look_at_all(raw_dir, zone, session, lambda path: path in whole)
    samples, unreadable = _samples(found)
    faults = [*zone.faults, *faults, *unreadable]
    if not faults and (lacking := nothing_to_build(raw_dir, found, layouts)):
        faults = [lacking]
    judged = _judged(samples, layouts, session)
    hopeless = report.hopeless(samples, judged)
    files = sum(len(place.files) for place in zone.places)
    curious = [
        *judged.unjudged,
        *report.unknown_columns(samples, layouts),
        *report.empty(samples),
    ]
    lines = [
        f"{raw_dir}: {len(samples):,} of {files:,} files can be read",
        *report.places(samples, whole),
        *report.titled("A build would stop:", report.shared(faults)),
        *report.titled(
            "Every record that was looked at would be rejected:",
            report.shared(list(hopeless.values())),
        ),
        *report.titled(
            "Would be rejected, of the first records of each file:",
            report.rejected(judged.rejections, hopeless),
        ),
        *report.titled("Worth a look:", curious),
        *_left_out(raw_dir, zone, layouts, session, write=write),
    ]
    return lines, not faults and not hopeless


def _read_whole(zone: Zone) -> set[Path]:
    """Return the files that are read to the end."""
    files = [path for place in zone.places for path in place.files]
    whole, size = set(), 0
    for path in sorted(files, key=_cost):
        size += _cost(path)
        if size > _READ_WHOLE:
            break
        whole.add(path)
    return whole


def _cost(path: Path) -> int:
    """Return the bytes that are to be read of a file; Parquet tells all in its last ones."""
    kind = kind_of(path)
    try:
        size = path.stat().st_size
    except OSError:
        return 0
    return 0 if kind.format == "parquet" else size * (_UNPACKED if kind.compression else 1)


def _samples(found: Sequence[Found]) -> tuple[list[Sample], list[str]]:
    few = max(50, min(FEW, _ALL_RECORDS // max(len(found), 1)))
    samples, faults = [], []
    for one in found:
        try:
            samples.append(take_sample(one, _OF_A_SYSTEM if one.place.entities else few))
        except FAULTS as fault:
            faults.append(f"{one.file}: {fault}")
    return samples, faults


def _judged(
    samples: Sequence[Sample], layouts: Layouts, session: duckdb.DuckDBPyConnection
) -> Judged:
    if not samples:
        return Judged([], [], {})
    from landing.macros import Macros

    # Raw texts may be personal, so they stay in the folder that holds such texts anyway.
    scratch = Path(os.environ.get("TENURE_HOME") or MODELS.parent / "var") / "build"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="check-raw-") as folder:
        macros = Macros(MODELS.parent)
        return Judge(layouts, macros, session, Path(folder)).judge(samples)


def _left_out(
    raw_dir: Path,
    zone: Zone,
    layouts: Layouts,
    session: duckdb.DuckDBPyConnection,
    *,
    write: bool,
) -> Iterator[str]:
    """Yield what is not read, and for a folder a first guess of its mapping."""
    for path, meant in zone.left_out:
        name = path.relative_to(raw_dir).as_posix()
        if not path.is_dir():
            folder = next(iter(layouts.tables))
            yield f"Not read: {name}, for it lies in no folder, such as {folder}/"
            continue
        question = f"; is it {meant}?" if meant else ""
        yield f"Not read: {name}/, for nobody knows a folder of that name{question}"
        guess = guess_mapping(path, files_below(path), layouts, session)
        yield from _proposed(path, guess, write=write)


def _proposed(folder: Path, guess: Guess, *, write: bool) -> Iterator[str]:
    if guess.why_none:
        yield f"  no {MAPPING} is proposed: {guess.why_none}"
    elif not write:
        yield f"  a first guess of {folder.name}/{MAPPING} (make check-raw WRITE=1 writes it):"
        yield from (f"    {line}" for line in guess.text.splitlines())
    else:
        yield f"  {_written(folder / MAPPING, guess.text)}"


def _written(file: Path, text: str) -> str:
    """Write a proposed mapping, never over another file; return what was done."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        return f"{file} cannot be written: {error.strerror}"
    return f"written: {file}; answer its questions, then run make check-raw again"


if __name__ == "__main__":
    sys.exit(main())
