"""The project, parsed by dbt once for all homes of a run of the tests.

A parse of all files takes more time than all models of a small shop. dbt uses an earlier one only
for the same warehouse: beside what it parsed, it keeps a hash of the connection, in which the path
of the warehouse stands. So a copy for another home gets the hash of that home. Nothing else of it
depends on the path.
"""

import os
import pprint
import shutil
from hashlib import sha256
from pathlib import Path

from conftest import ROOT


def take_parse(parsed: Path, home: Path) -> None:
    """Let `home` have the parse of another home, of which `parsed` is the folder dbt/parsed."""
    shutil.copytree(parsed, home / "dbt/parsed", dirs_exist_ok=True)
    _move_parse(parsed.parents[1], home)


def copy_home(before: Path, home: Path) -> Path:
    """Copy a home with all that was built there, for a build that goes on from it."""
    shutil.copytree(before, home, symlinks=True)
    _move_parse(before, home)
    return home


def _move_parse(before: Path, home: Path) -> None:
    file = home / "dbt/parsed/partial_parse.msgpack"
    content = file.read_bytes()
    of_before, of_home = (connection_hash(each).encode() for each in (before, home))
    assert content.count(of_before) == 1, "dbt keeps another hash: see build_manifest_state_check"
    file.write_bytes(content.replace(of_before, of_home))


def connection_hash(home: Path) -> str:
    """The hash that dbt keeps of the connection to the private warehouse of `home`."""
    # dbt takes seconds to load, and other tests need not wait for it.
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.config.profile import Profile, read_profile
    from dbt.config.renderer import ProfileRenderer
    from dbt_common.context import set_invocation_context

    set_invocation_context({**os.environ, "TENURE_HOME": str(home)})
    profile = read_profile(str(ROOT))["tenure"]
    _, data = Profile.render_profile(profile, "tenure", "private", ProfileRenderer({}))
    connection = DuckDBCredentials.from_dict(data).connection_info()
    return sha256(pprint.pformat(sorted(connection)).encode()).hexdigest()
