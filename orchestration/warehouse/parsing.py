"""The dbt project as Dagster sees it, and the only place where its manifest is made."""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from dagster_dbt import DbtProject

from orchestration import paths
from orchestration.runs.lock import wait_for_lock
from orchestration.serving.versions import flush_to_disk
from orchestration.warehouse.arguments import parse_arguments
from orchestration.warehouse.process import dbt_events

_FILES = ("dbt_project.yml", "profiles.yml")
_FOLDERS = ("models", "macros", "seeds", "tests/data")


def dbt_project() -> DbtProject:
    """Return the project, with the folder that `prepare_manifest` fills as its target."""
    return DbtProject(project_dir=paths.ROOT, target_path=paths.parsed())


def prepare_manifest() -> Path:
    """Return the path of a manifest.json that fits the project's files; parse only if none does.

    Every process that loads the definitions passes here, so this must cost nothing on a usual
    night. Raises DbtFailedError, with dbt's words, if the project does not parse.
    """
    folder = paths.parsed()
    manifest, stamp = folder / "manifest.json", folder / "fingerprint"
    # Two processes that find the manifest out of date must not write it at the same time.
    with wait_for_lock(folder / "lock"):
        fingerprint = _fingerprint()
        if not manifest.exists() or not stamp.exists() or stamp.read_text() != fingerprint:
            # A parse that is cut off may leave a manifest that the old stamp does not fit.
            stamp.unlink(missing_ok=True)
            for _ in dbt_events(parse_arguments(folder)):
                pass
            # The stamp vouches for the manifest, also after the machine lost power.
            flush_to_disk(manifest)
            stamp.write_text(fingerprint)
    return manifest


def _fingerprint() -> str:
    # Contents and not modification times: one TENURE_HOME may serve two checkouts in turn, and a
    # checkout of older files must count as a change.
    digest = hashlib.sha256(f"{paths.ROOT} dbt-core {version('dbt-core')}".encode())
    for path in _project_files():
        digest.update(f"\n{path.relative_to(paths.ROOT)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _project_files() -> Iterator[Path]:
    yield from (paths.ROOT / name for name in _FILES)
    for folder in _FOLDERS:
        yield from sorted(
            path
            for path in (paths.ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
