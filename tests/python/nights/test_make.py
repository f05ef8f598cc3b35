"""The folders that make hands to every tool."""

import os
import subprocess

import pytest
from conftest import ROOT

PRINT = "print-folders: ; @printenv TENURE_HOME TENURE_RAW_DIR"


def folders(environment=(), typed=()):
    """TENURE_HOME and TENURE_RAW_DIR as make exports them."""
    unset = {"TENURE_HOME", "TENURE_RAW_DIR", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}
    process = subprocess.run(
        ["make", "--silent", "--eval", PRINT, "print-folders", *typed],
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if name not in unset}
        | dict(environment),
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


@pytest.mark.parametrize("is_typed", [False, True])
@pytest.mark.parametrize(
    ("given", "absolute"),
    [
        ("", None),
        ("home", f"{ROOT}/home"),
        ("../home/", f"{ROOT.parent}/home"),
        ("/srv/home", "/srv/home"),
        ("/srv/the  home of/it's", "/srv/the  home of/it's"),
        ("the home", f"{ROOT}/the home"),
    ],
)
def test_a_folder_is_absolute_and_may_have_spaces(given, absolute, is_typed):
    values = {"TENURE_HOME": given, "TENURE_RAW_DIR": given}
    if is_typed:
        found = folders(typed=[f"{name}={text}" for name, text in values.items()])
    else:
        found = folders(environment=values)
    if absolute is None:
        assert found == [f"{ROOT}/var", f"{ROOT}/data/sample"]
    else:
        assert found == [absolute, absolute]
