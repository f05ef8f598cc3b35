"""The files around the project: units, container, CI, hooks, editor settings and links.

Nothing of the project reads them, so only these tests notice when they no longer fit.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def check_command(command: list[str]) -> None:
    """The command is a module of ours, and the module knows each option."""
    python, dash_m, module, *options = command
    assert (Path(python).name, dash_m) == ("python", "-m")
    shown = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stderr
    for option in options:
        assert option.split("=")[0] in shown.stdout


@pytest.mark.parametrize("service", SERVICES, ids=lambda unit: unit.stem)
def test_services_start_commands_that_exist(service):
    [command] = re.findall(r"^ExecStart=(.*)$", service.read_text(), flags=re.M)
    check_command(shlex.split(command))


def test_each_service_has_its_timer():
    timers = {unit.stem for unit in UNITS if unit.suffix == ".timer"}
    assert timers == {service.stem for service in SERVICES}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_accepts_the_units(tmp_path):
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    for unit in UNITS:
        here = unit.read_text().replace("/srv/tenure/", f"{tmp_path}/")
        (tmp_path / unit.name).write_text(here)
    verify = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(tmp_path / unit.name for unit in UNITS)],
        capture_output=True,
        text=True,
    )
    # Units of the machine may have faults of their own.
    assert "tenure" not in verify.stderr, verify.stderr


def test_the_container_has_all_that_a_night_reads():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    missing = [name for name in copied if not (ROOT / name).exists()]
    assert not missing
    dbt = yaml.safe_load((ROOT / "dbt_project.yml").read_text())
    folders = {folder for key in dbt if key.endswith("-paths") for folder in dbt[key]}
    assert copied >= folders | {*PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    assert copied >= {"dbt_project.yml", "profiles.yml", "Makefile", "requirements.lock"}


def test_the_container_starts_a_command_that_exists():
    [command] = re.findall(r"^CMD (.*)$", (DEPLOY / "Containerfile").read_text(), flags=re.M)
    check_command(yaml.safe_load(command))


def test_ci_runs_our_script_on_each_python_that_the_project_allows():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    job = workflow["jobs"]["checks"]
    versions = PROJECT["project"]["requires-python"]
    least, below = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", versions).groups()
    allowed = [f"3.{minor}" for minor in range(int(least), int(below))]
    assert job["strategy"]["matrix"]["python"] == allowed
    [step] = [step for step in job["steps"] if "run" in step]
    assert (ROOT / step["run"]).stat().st_mode & 0o111
    assert step["env"] == {"PYTHON": "python${{ matrix.python }}"}


def test_hooks_run_our_locked_tools_and_download_nothing():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    for repository in config["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            assert hook["language"] == "system"
            tool = Path(hook["entry"].split()[0])
            assert tool.parent == Path(".venv/bin")
            assert Path(sys.executable).with_name(tool.name).exists()


def test_editor_settings_can_be_read():
    settings = ConfigParser()
    settings.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    assert settings["top"]["root"] == "true"
    assert settings["*"]["end_of_line"] == "lf"
    assert settings["Makefile"]["indent_style"] == "tab"
    assert settings["*.{py,sql}"]["max_line_length"] == str(PROJECT["tool"]["ruff"]["line-length"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        file, _, heading = target.partition("#")
        path = page.parent / file if file else page
        assert path.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", path.read_text(), flags=re.M)
            # A heading's anchor has no punctuation, but for hyphens and underscores.
            anchors = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
            assert heading in anchors, target
