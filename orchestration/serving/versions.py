"""The versions that readers may get, and which one they do get.

    serve/versions/<build_id>/   complete, on disk, never written again
    serve/current                a link to one of them

A version becomes current by one rename, so a reader, or a machine that loses power, sees the old
version or the new one and nothing between.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.runs.lock import wait_for_lock

DEFAULT_KEPT = 7

_logger = logging.getLogger(__name__)


class UnknownVersionError(ValueError):
    """There is no such version to serve; the message names it."""


def kept_versions() -> int:
    """Return how many versions stay on disk: $TENURE_KEEP_VERSIONS, else 7.

    Raises ValueError if that is no whole number of at least 1.
    """
    text = os.environ.get("TENURE_KEEP_VERSIONS") or str(DEFAULT_KEPT)
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"TENURE_KEEP_VERSIONS: {text!r} is not allowed; give a number from 1 on")
    return int(text)


def current_build(serve: Path) -> str | None:
    """Return the id of the build that readers get now, or None before the first one."""
    link = serve / "current"
    return Path(os.readlink(link)).name if link.is_symlink() else None


def complete_versions(serve: Path) -> list[Path]:
    """Return the folders of the versions on disk, oldest build first."""
    return sorted(path for path in _versions(serve).glob("*") if not path.name.startswith("."))


@contextmanager
def new_version(serve: Path, build_id: str) -> Iterator[Path]:
    """Yield an empty folder to be filled; then write it to disk and make it what readers get.

    The caller holds the build lock. If the body raises, nothing was published, and the folder is
    removed by the next call. Raises FileExistsError if that build was published before.
    """
    _versions(serve).mkdir(parents=True, exist_ok=True)
    _remove_leftovers(serve)
    final = _versions(serve) / build_id
    if final.exists():
        raise FileExistsError(f"{final} exists; a published version is never rewritten")
    partial = _hidden(final)
    partial.mkdir()

    yield partial

    _make_durable(partial)
    # What this link points to has not been served yet, so a build that dies from here on leaves
    # no version of which nobody knows whether it was ever published.
    _next_link(serve).symlink_to(_target(build_id))
    flush_to_disk(serve)
    partial.rename(final)
    flush_to_disk(_versions(serve))
    with _flipping(serve):
        _flip(serve, _next_link(serve))
        _prune(serve)


def serve_version(serve: Path, build_id: str) -> None:
    """Make a version that is on disk what readers get: back to an older one, or forth again.

    Raises UnknownVersionError if it is not there.
    """
    with _flipping(serve):
        if build_id not in [path.name for path in complete_versions(serve)]:
            raise UnknownVersionError(build_id)
        link = serve / ".current.back"
        link.unlink(missing_ok=True)
        link.symlink_to(_target(build_id))
        _flip(serve, link)


def flush_to_disk(path: Path) -> None:
    """Return once a file or a folder is where no loss of power can take it away."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _versions(serve: Path) -> Path:
    return serve / "versions"


def _target(build_id: str) -> Path:
    return Path("versions") / build_id


def _next_link(serve: Path) -> Path:
    return serve / ".current.next"


def _hidden(version: Path) -> Path:
    return version.with_name(f".{version.name}.partial")


@contextmanager
def _flipping(serve: Path) -> Iterator[None]:
    # Going back does not wait for a build, only for its last moment: what is pruned must not be
    # what somebody goes back to.
    with wait_for_lock(serve / ".lock"):
        yield


def _remove_leftovers(serve: Path) -> None:
    """Remove what builds that were killed have left."""
    link = _next_link(serve)
    if link.is_symlink():
        if (serve / os.readlink(link)).exists():
            _remove(serve / os.readlink(link))
        link.unlink()
    for folder in _versions(serve).glob(".*.partial"):
        _delete(folder)


def _make_durable(folder: Path) -> None:
    """Write all files and folders to disk, files read-only for everyone."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            path.chmod(0o444)
        flush_to_disk(path)
    flush_to_disk(folder)


def _flip(serve: Path, link: Path) -> None:
    os.replace(link, serve / "current")
    flush_to_disk(serve)


def _prune(serve: Path) -> None:
    for version in complete_versions(serve)[: -kept_versions()]:
        if version.name != current_build(serve):
            _remove(version)


def _remove(version: Path) -> None:
    # Renamed first, so that a version is never seen half deleted.
    _delete(version.rename(_hidden(version)))


def _delete(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        # What stays takes room and is tried again by the next build; it is no reason to fail one.
        _logger.warning("warning: cannot remove %s: %s", folder, error)
