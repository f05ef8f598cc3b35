"""The parsed dbt project. Only this module makes its manifest.json."""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from dagster_dbt import DbtProject

from orchestration import paths
from orchestration.runs.durable import flush_to_disk
from orchestration.runs.lock import wait_for_lock
from orchestration.settings.engine import engine
from orchestration.warehouse.arguments import parse_arguments
from orchestration.warehouse.process import dbt_events

_FILES = ("dbt_project.yml", "profiles.yml")
_FOLDERS = ("models", "macros", "seeds", "tests/data")


def dbt_project() -> DbtProject:
    """Return the project for Dagster. Its target is the folder that `prepare_manifest` fills."""
    return DbtProject(project_dir=paths.ROOT, target_path=paths.parsed())


def prepare_manifest() -> Path:
    """Return the path of a manifest.json that fits the project's files; parse only if needed.

    Every process that loads the definitions calls this. So it is fast when no file has changed.
    Raises DbtFailedError, with dbt's message, if the project does not parse.
    """
    folder = paths.parsed()
    manifest, stamp = folder / "manifest.json", folder / "fingerprint"
    # Two processes may both find the manifest out of date. Only one of them may write it.
    with wait_for_lock(folder / "lock"):
        fingerprint = project_fingerprint()
        if not manifest.exists() or not stamp.exists() or stamp.read_text() != fingerprint:
            # A killed parse may leave a wrong manifest. With no stamp, the next call parses again.
            stamp.unlink(missing_ok=True)
            for _ in dbt_events(parse_arguments(folder)):
                pass
            # The stamp must never be on disk before the manifest, even after a loss of power.
            flush_to_disk(manifest)
            stamp.write_text(fingerprint)
    return manifest


def project_fingerprint() -> str:
    """Return a hash of all files from which dbt makes a manifest, of the engine and of dbt."""
    # Contents and not modification times. Two checkouts may share one TENURE_HOME, and a checkout
    # of older files is a change too.
    digest = hashlib.sha256(f"{paths.ROOT} {engine()} dbt-core {version('dbt-core')}".encode())
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
