"""What all tests share: a scratch TENURE_HOME, the parsed project, and a build from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "sample"

# A case of ours is a whole run of dbt, far slower than hypothesis expects; in `make test` always
# the same few. `make torture` (--hypothesis-profile=torture) tries many, other ones each time, and
# shrinks what fails.
settings.register_profile(
    "test",
    max_examples=5,
    derandomize=True,
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "torture",
    settings.get_profile("test"),
    max_examples=200,
    derandomize=False,
    phases=[Phase.generate, Phase.shrink],
    print_blob=True,
)
settings.load_profile("test")


def run_build(
    raw_dir: Path,
    home: Path,
    vars: dict | str | None = None,
    project: Path = ROOT,
    *arguments: str,
) -> subprocess.CompletedProcess:
    """Run a whole build from outside, as `make build` does, and return the finished process.

    It reads `raw_dir` and writes under `home`; `vars` are dbt vars, as a dict or as a person types
    them; `project` is a copy of the project with something changed; `arguments` are further ones.
    """
    text = vars if isinstance(vars, str) else json.dumps(vars or {})
    return subprocess.run(
        [sys.executable, "-m", "orchestration.nightly", f"--vars={text}", *arguments],
        cwd=project,
        env={**os.environ, "TENURE_RAW_DIR": str(raw_dir), "TENURE_HOME": str(home)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="session", autouse=True)
def scratch_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep everything that the tests write out of the real TENURE_HOME."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_HOME", str(home))
        patch.delenv("TENURE_ALERT_WEBHOOK", raising=False)
        yield home


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TENURE_HOME of `build`. A test that builds again takes a copy of it."""
    return tmp_path_factory.mktemp("built")


@pytest.fixture(scope="session")
def build(built_home: Path) -> subprocess.CompletedProcess:
    """One build of the sample for all tests."""
    build = run_build(SAMPLE, built_home)
    assert build.returncode == 0, build.stdout + build.stderr
    return build


@pytest.fixture
def served(
    build: subprocess.CompletedProcess, built_home: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to what `build` published, as the README tells BI tools to open it."""
    with duckdb.connect(
        built_home / "serve/current/tenure.duckdb",
        read_only=True,
        config={"enable_external_access": "false", "lock_configuration": "true"},
    ) as connection:
        yield connection


@pytest.fixture(scope="session")
def manifest(scratch_home: Path) -> dict:
    """The manifest of the project as it stands, parsed once for all tests."""
    from orchestration.project import prepare_manifest

    return json.loads(prepare_manifest().read_bytes())


@pytest.fixture
def reliability():
    return lambda *args, **kwargs: None
