"""Which folder of the landing zone is read by what: the contract, a system's layout, a mapping."""

from dataclasses import dataclass, field
from pathlib import Path

from landing.files import (
    FORMATS,
    IGNORE,
    MAPPING,
    READ_FROM_CONTRACT,
    files_below,
    ignored,
    mappings_below,
    top_level,
)
from landing.layouts import CONTRACT, Entity, Layouts, Table
from landing.mapping import FileMapping, read_mapping
from landing.words import nearest


@dataclass(frozen=True)
class Place:
    """A folder and the files in it that are read by one thing: table, entities or mapping.

    `name` is the folder, relative to the landing zone.
    """

    system: str
    name: str
    folder: Path
    files: list[Path]
    table: Table | None = None
    entities: tuple[Entity, ...] = ()
    mapping: FileMapping | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of the files that are read here."""
        return READ_FROM_CONTRACT if self.system == CONTRACT else tuple(FORMATS)


@dataclass
class Zone:
    """A landing zone: its places, what is left out with the name that was meant, and faults."""

    places: list[Place] = field(default_factory=list)
    left_out: list[tuple[Path, str]] = field(default_factory=list)
    # each opens with the file it is about
    faults: list[str] = field(default_factory=list)


def survey(raw_dir: Path, layouts: Layouts) -> Zone:
    """Return what lies in a landing zone and what reads it. No file but mappings is opened."""
    zone = Zone()
    ignore = ignored(raw_dir)
    known = [*layouts.tables, *layouts.systems]
    for path in top_level(raw_dir):
        name = path.relative_to(raw_dir).as_posix()
        if ignore.match_file(f"{name}/" if path.is_dir() else name):
            continue
        if not path.is_dir():
            zone.left_out.append((path, ""))
            continue
        files = [
            file
            for file in files_below(path)
            if not ignore.match_file(file.relative_to(raw_dir).as_posix())
        ]
        mappings = mappings_below(path)
        if path.name in known:
            zone.faults += [_needless(raw_dir, mapping) for mapping in mappings]
            zone.places.append(_known(path, files, layouts))
        elif mappings:
            _add_mapped(zone, raw_dir, path, files, mappings, layouts)
        else:
            zone.left_out.append((path, nearest(path.name, known)))
    return zone


def _known(path: Path, files: list[Path], layouts: Layouts) -> Place:
    if path.name in layouts.tables:
        return Place(CONTRACT, path.name, path, files, table=layouts.tables[path.name])
    return Place(path.name, path.name, path, files, entities=tuple(layouts.systems[path.name]))


def _needless(raw_dir: Path, mapping: Path) -> str:
    folder = mapping.relative_to(raw_dir).parts[0]
    return (
        f"{mapping.relative_to(raw_dir)}: the folder {folder} is read by a layout of its own; move"
        f" {MAPPING} and its files into a folder of another name"
    )


def _add_mapped(
    zone: Zone,
    raw_dir: Path,
    top: Path,
    files: list[Path],
    mappings: list[Path],
    layouts: Layouts,
) -> None:
    """Add a place for each mapping below a folder. The nearest one above a file is the file's."""
    by_folder: dict[Path, list[Path]] = {mapping.parent: [] for mapping in mappings}
    for file in files:
        folder = next((above for above in file.parents if above in by_folder), None)
        if folder:
            by_folder[folder].append(file)
        else:
            zone.faults.append(
                f"{file.relative_to(raw_dir)}: not read, for no {MAPPING} stands beside it or"
                f" above it; write one, or name the file in {IGNORE}"
            )
    for folder, mapped in by_folder.items():
        place = folder / MAPPING
        try:
            mapping = read_mapping(place, layouts.tables)
        except (ValueError, OSError) as error:
            name = place.relative_to(raw_dir)
            zone.faults += [f"{name}: {line}" for line in str(error).splitlines()]
            continue
        name = folder.relative_to(raw_dir).as_posix()
        table = layouts.tables[mapping.table]
        zone.places.append(Place(top.name, name, folder, mapped, table=table, mapping=mapping))
