"""Wrong edits of models that people might make: each makes a law fail that runs every night.

tests/wrong_edits.yml is the list. `make torture` applies each edit to a copy of the project and
builds it on the sample shop. Unit tests are left out, because they do not run at night.

A law is a data test. A test of its own file in tests/data goes by its name. A generic test in the
YAML of a model goes by both names: `unique_key(rpt_mrr)`.
"""

import os
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, SAMPLE, project_copy

EDITS = yaml.safe_load((ROOT / "tests/wrong_edits.yml").read_text(encoding="utf-8"))
FIELDS = ["name", "file", "find", "replace", "caught_by", "because"]


def law_names(manifest):
    """The name of each law by its id in the manifest."""
    names = {}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] == "test":
            generic = node.get("test_metadata")
            model = (node.get("attached_node") or "").split(".")[-1]
            names[unique_id] = f"{generic['name']}({model})" if generic else node["name"]
    return names


# --- The list -------------------------------------------------------------------------------------


def test_every_edit_is_complete_and_has_a_name_of_its_own():
    names = [edit["name"] for edit in EDITS]
    assert len(names) >= 20 and len(names) == len(set(names))
    for edit in EDITS:
        assert list(edit) == FIELDS, edit["name"]
        # Only the replacement may be empty: some edits take text away.
        assert all(edit[field] for field in FIELDS if field != "replace"), edit["name"]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit["name"])
def test_an_edit_changes_one_place(edit):
    assert edit["file"].startswith(("models/", "macros/", "seeds/"))
    assert (ROOT / edit["file"]).read_text(encoding="utf-8").count(edit["find"]) == 1
    assert edit["find"] != edit["replace"]


def test_every_law_that_an_edit_names_exists(manifest):
    named = {law for edit in EDITS for law in edit["caught_by"]}
    assert named <= set(law_names(manifest).values())


def test_properties_name_the_edits_of_each_law(manifest):
    """A generic law has no entry there: its edits stand in the list only."""
    of_properties = {
        node["name"]: set(node["config"]["meta"].get("wrong_edits", []))
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and not node.get("test_metadata")
    }
    of_list = defaultdict(set)
    for edit in EDITS:
        for law in edit["caught_by"]:
            of_list[law].add(edit["name"])
    assert of_properties == {law: of_list[law] for law in of_properties}


# --- The edits ------------------------------------------------------------------------------------


class EditableProject:
    """A copy of the project with a warehouse of the sample shop, built by dbt in this process."""

    def __init__(self, folder: Path):
        self.home, self.project = folder, project_copy(folder / "project")
        self.file, self.unedited = folder / "build/warehouse.duckdb", folder / "unedited.duckdb"
        self.file.parent.mkdir()
        statuses = self.dbt_build()
        # The sample has an end in 2099, merges in a circle, customers who refer themselves, and two
        # contacts that went to a holdout.
        warned = [node.split(".")[2] for node, status in statuses.items() if status == "warn"]
        assert sorted(warned) == [
            "int_accounts_merged__has_no_circle",
            "int_referrals_assessed__names_who_referred_themselves",
            "int_subscription_versions_bounded__ends_are_no_placeholders",
            "rpt_play_contacts__spare_the_holdout",
        ]
        # An exposure has nothing to build.
        assert set(statuses.values()) == {"success", "pass", "warn", "no-op"}, statuses
        shutil.move(self.file, self.unedited)

    def dbt_build(self, *arguments: str) -> dict[str, str]:
        """Build without unit tests, and return the status of each node by its id."""
        # dbt takes seconds to load, and other tests need not wait for it.
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        flags = [
            *("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-write-json"),
            *("--project-dir", str(self.project), "--profiles-dir", str(self.project)),
            *("--target-path", str(self.home / "target"), "--log-path", str(self.home / "logs")),
            *("--exclude-resource-type", "unit_test"),
        ]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TENURE_HOME", str(self.home))
            patch.setenv("TENURE_RAW_DIR", str(SAMPLE))
            done = dbtRunner().invoke(["build", *flags, *arguments])
            # dbt would hold the warehouse open until its next command.
            DuckDBConnectionManager.close_all_connections()
        assert not done.exception, done.exception
        return {result.node.unique_id: str(result.status) for result in done.result}

    def build_with(self, edit: dict) -> dict[str, str]:
        """Apply the edit, build what reads the edited file, and take the edit back."""
        path = self.project / edit["file"]
        for left_over in self.file.parent.iterdir():
            os.remove(left_over) if left_over.is_file() else shutil.rmtree(left_over)
        shutil.copy(self.unedited, self.file)
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(edit["find"], edit["replace"]), encoding="utf-8")
        # Every model may call a macro.
        selection = [] if edit["file"].startswith("macros/") else ["--select", f"{path.stem}+"]
        try:
            return self.dbt_build(*selection)
        finally:
            path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def editable_project(tmp_path_factory: pytest.TempPathFactory) -> EditableProject:
    return EditableProject(tmp_path_factory.mktemp("edited"))


@pytest.mark.torture
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit["name"])
def test_a_wrong_edit_is_caught(edit, editable_project, manifest):
    statuses = editable_project.build_with(edit)
    # An edit that breaks the SQL proves nothing, since dbt itself would say so.
    assert not [node for node, status in statuses.items() if status == "error"]
    laws = law_names(manifest)
    failed = {laws[node] for node, status in statuses.items() if status == "fail"}
    assert set(edit["caught_by"]) <= failed, f"failed: {sorted(failed)}"
