"""The versions on disk, and the current one, which readers get.

    serve/versions/<build_id>/   complete, on disk; only boards/ is written after that
    serve/current                a link to one of them

One rename makes a version current. So a reader sees the old version or the new one, and never a
mixture. The same is true after a loss of power.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.runs.durable import flush_to_disk
from orchestration.runs.lock import wait_for_lock

DEFAULT_KEPT = 7

_logger = logging.getLogger(__name__)


class UnknownVersionError(ValueError):
    """There is no such version on disk. The message is its name."""


def kept_versions() -> int:
    """Return the number of versions to keep on disk: $TENURE_KEEP_VERSIONS, else 7.

    Raises ValueError if the variable is no whole number from 1 on.
    """
    text = os.environ.get("TENURE_KEEP_VERSIONS") or str(DEFAULT_KEPT)
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"TENURE_KEEP_VERSIONS: {text!r} is not allowed; give a number from 1 on")
    return int(text)


def current_build(serve: Path) -> str | None:
    """Return the id of the build that readers get now, or None before the first build."""
    link = serve / "current"
    return Path(os.readlink(link)).name if link.is_symlink() else None


def complete_versions(serve: Path) -> list[Path]:
    """Return the folders of the versions on disk, oldest build first."""
    return sorted(path for path in _versions(serve).glob("*") if not path.name.startswith("."))


def served_versions(serve: Path) -> list[Path]:
    """Return the folders of the versions that readers have had: the current one, then from newest.

    One that a killed build could not serve any more is none of them.
    """
    current = current_build(serve)
    if current is None:
        return []
    unknown = {current, _marked_as_unserved(serve)}
    others = [path for path in complete_versions(serve) if path.name not in unknown]
    return [_versions(serve) / current, *reversed(others)]


@contextmanager
def new_version(serve: Path, build_id: str) -> Iterator[Path]:
    """Yield an empty folder for the caller to fill; then flush it to disk and make it current.

    The caller holds the build lock. If the body raises, nothing is published, and the next call
    removes the folder. Raises FileExistsError if that build was published before.
    """
    _versions(serve).mkdir(parents=True, exist_ok=True)
    with flipping(serve):
        _remove_leftovers(serve)
    final = _versions(serve) / build_id
    if final.exists():
        raise FileExistsError(f"{final} exists; a published version is never rewritten")
    partial = _hidden(final)
    partial.mkdir()

    yield partial

    _make_durable(partial)
    # The next-link marks this version as not yet served. If this build dies before the flip, a
    # later build knows by the link that the version was never published, and removes it.
    _next_link(serve).symlink_to(_target(build_id))
    flush_to_disk(serve)
    partial.rename(final)
    flush_to_disk(_versions(serve))
    with flipping(serve):
        _flip(serve, _next_link(serve))
        _prune(serve)


def make_room(serve: Path) -> None:
    """Remove what killed builds left, and the versions above the number to keep.

    A build that is published does the same. The caller holds the build lock.
    """
    if _versions(serve).exists():
        with flipping(serve):
            _remove_leftovers(serve)
            _prune(serve)


def serve_version(serve: Path, build_id: str) -> None:
    """Make the version `build_id` current: an older one, or a newer one again.

    Raises UnknownVersionError if it is not on disk.
    """
    with flipping(serve):
        if build_id not in [path.name for path in complete_versions(serve)]:
            raise UnknownVersionError(build_id)
        link = serve / ".current.back"
        link.unlink(missing_ok=True)
        link.symlink_to(_target(build_id))
        _flip(serve, link)
        # A version that a build could not serve, since it was killed, is served now.
        if _marked_as_unserved(serve) == build_id:
            _next_link(serve).unlink()


def _versions(serve: Path) -> Path:
    return serve / "versions"


def _target(build_id: str) -> Path:
    return Path("versions") / build_id


def _next_link(serve: Path) -> Path:
    return serve / ".current.next"


def _marked_as_unserved(serve: Path) -> str | None:
    """Return the build to which the next-link points, or None without such a link."""
    link = _next_link(serve)
    return Path(os.readlink(link)).name if link.is_symlink() else None


def _hidden(version: Path) -> Path:
    return version.with_name(f".{version.name}.partial")


@contextmanager
def flipping(serve: Path) -> Iterator[None]:
    """Hold the lock under which readers get another version."""
    # A rollback waits only for the last moment of a build, not for all of it. Without this lock,
    # pruning could delete the version that a rollback has just chosen.
    with wait_for_lock(serve / ".lock"):
        yield


def _remove_leftovers(serve: Path) -> None:
    """Remove the files of killed builds: a version that was never served, and partial folders."""
    if unserved := _marked_as_unserved(serve):
        version = _versions(serve) / unserved
        # A rollback that was killed may have served it, and left the mark.
        if version.exists() and unserved != current_build(serve):
            _remove(version)
        _next_link(serve).unlink()
    for folder in _versions(serve).glob(".*.partial"):
        _delete(folder)


def _make_durable(folder: Path) -> None:
    """Flush all files and folders to disk, and make the files read-only for everyone."""
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
            try:
                _remove(version)
            except OSError as error:
                # Readers have the new build. So this is a matter for the next one.
                _logger.warning("warning: cannot remove %s: %s", version, error)


def _remove(version: Path) -> None:
    # Renamed first: nobody must see a version that is half deleted.
    _delete(version.rename(_hidden(version)))


def _delete(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        # A folder that stays only takes room, and the next build tries again. So no build fails.
        _logger.warning("warning: cannot remove %s: %s", folder, error)
