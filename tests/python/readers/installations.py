"""New installations of what other people read the published file with."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


def install(command: Sequence[str | Path], packages: Sequence[str], folder: Path) -> None:
    """Run the `command` of an installer in `folder`; skip the test if it fails."""
    done = subprocess.run([*command, *packages], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot install {' '.join(packages)}: {done.stderr[-300:]}")


def new_python(folder: Path, *packages: str) -> Path:
    """A Python with these packages, in its own virtual environment."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    install([python, "-m", "pip", "install", "--quiet"], packages, folder)
    return python
