"""The rooms of the house: which models may read which, and which test modules may import which."""

import ast
import re
from collections import defaultdict

import pytest
from conftest import ROOT

MART_SCHEMAS = {"core", "cohorts", "churn", "clv", "journey", "plays", "meta", "bi"}


def models(manifest):
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["package_name"] == "tenure"
    ]


def room(node):
    """The room of a node: source, seed, sources, staging, intermediate, or marts/<schema>."""
    if node["resource_type"] in ("source", "seed"):
        return node["resource_type"]
    # The list of files is read by everything that reads files.
    if node["name"] == "stg_source_files":
        return "source"
    folders = node["original_file_path"].split("/")[1:-1]
    return "sources" if folders[0] == "sources" else "/".join(folders)


def parents(manifest, node):
    for unique_id in node["depends_on"]["nodes"]:
        yield manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]


# The rooms that each room reads, apart from itself. The calendar starts with the first event of
# any kind, so it reads the rooms of events, and they read as_of.
PARENTS = {
    "source": set(),
    "sources": {"source", "seed"},
    "staging": {"source", "sources", "seed"},
    "intermediate/calendar": {
        *("staging", "intermediate/orders", "intermediate/subscriptions", "intermediate/value"),
    },
    "intermediate/orders": {"seed", "staging", "intermediate/calendar"},
    # Whose account it is now, is told with the customers.
    "intermediate/subscriptions": {
        *("seed", "staging", "intermediate/calendar", "intermediate/orders"),
    },
    "intermediate/retention": {
        *("seed", "intermediate/calendar", "intermediate/orders", "intermediate/subscriptions"),
    },
    "intermediate/value": {
        *("staging", "intermediate/calendar", "intermediate/orders", "intermediate/subscriptions"),
    },
    "intermediate/journey": {
        *("seed", "staging", "intermediate/calendar", "intermediate/orders"),
        *("intermediate/subscriptions", "intermediate/retention"),
    },
    "intermediate/plays": {
        *("seed", "staging", "intermediate/calendar", "intermediate/orders"),
        *("intermediate/subscriptions", "intermediate/retention", "intermediate/journey"),
    },
    "intermediate/records": {
        *("source", "staging"),
        *("intermediate/orders", "intermediate/subscriptions", "intermediate/value"),
        *("intermediate/journey", "intermediate/plays", "intermediate/retention"),
    },
    "marts/core": {
        *("intermediate/calendar", "intermediate/orders", "intermediate/subscriptions"),
        *("intermediate/retention", "intermediate/journey"),
    },
    "marts/cohorts": {
        *("intermediate/calendar", "intermediate/orders", "intermediate/subscriptions"),
        *("intermediate/retention", "marts/core"),
    },
    "marts/churn": {
        *("seed", "intermediate/calendar", "intermediate/orders", "intermediate/subscriptions"),
        *("intermediate/retention", "marts/core"),
    },
    "marts/clv": {
        *("intermediate/calendar", "intermediate/subscriptions", "intermediate/value"),
        "marts/core",
    },
    # The scorecard takes all its numbers from reports.
    "marts/journey": {
        *("seed", "intermediate/calendar", "intermediate/orders", "intermediate/retention"),
        *("intermediate/journey", "intermediate/plays"),
        *("marts/core", "marts/cohorts", "marts/churn", "marts/clv", "marts/plays"),
    },
    "marts/plays": {
        *("seed", "intermediate/calendar", "intermediate/subscriptions", "intermediate/retention"),
        *("intermediate/plays", "marts/core", "marts/churn", "marts/clv"),
    },
    "marts/meta": {"intermediate/records"},
    "marts/bi": {"marts/core", "marts/cohorts", "marts/churn", "marts/clv", "marts/journey"},
}
MOST_LINES, MOST_CTES = 220, 12


def test_data_goes_one_way_down_the_rooms(manifest):
    found = defaultdict(set)
    for node in models(manifest):
        found[room(node)] |= {room(parent) for parent in parents(manifest, node)} - {room(node)}
    assert found == PARENTS


def test_every_model_fits_a_screen_and_a_half(manifest):
    sizes = {
        node["name"]: (
            len(node["raw_code"].splitlines()),
            len(re.findall(r"(?m)^[a-z_0-9]+ as \($", node["raw_code"])),
        )
        for node in models(manifest)
    }
    assert not {
        name: size for name, size in sizes.items() if size[0] > MOST_LINES or size[1] > MOST_CTES
    }


def test_every_model_is_named_after_its_room(manifest):
    prefixes = {
        "staging": ("stg_",),
        "intermediate": ("int_",),
        "marts": ("dim_", "fct_", "rpt_"),
    }
    wrong = [
        node["name"]
        for node in models(manifest)
        if room(node) not in ("marts/meta", "marts/bi", "sources", "source")
        # The interface names this table after what it is.
        and node["name"] != "audiences"
        and not node["name"].startswith(prefixes[room(node).split("/")[0]])
    ]
    assert not wrong


def test_a_mapping_is_ephemeral_and_stays_within_its_system(manifest):
    """A system can be added, changed and taken out without a look at the others.

    Only the systems of one family (stripe_api, stripe_fivetran) share a room, the family's name.
    """
    mappings = [node for node in models(manifest) if room(node) == "sources"]
    assert mappings
    systems = {source["source_name"] for source in manifest["sources"].values()}
    for node in mappings:
        place = node["original_file_path"].split("/")[2]
        assert node["name"].startswith(f"{place}__"), node["name"]
        assert node["config"]["materialized"] == "ephemeral", node["name"]
        if place in systems:
            sources, rooms = {place}, {place, place.split("_")[0]} - (systems - {place})
        else:
            rooms = {place}
            sources = {system for system in systems if system.startswith(f"{place}_")}
        for parent in parents(manifest, node):
            assert (
                room(parent) == "seed"
                or parent["name"] == "stg_source_files"
                or parent.get("source_name") in sources
                or parent["name"].split("__")[0] in rooms
            ), (node["name"], parent["name"])


def test_every_mapping_of_a_contract_table_feeds_it(manifest):
    """A mapping that macros/systems.sql does not name would be left out without a word."""
    tables = {
        source["name"] for source in manifest["sources"].values() if source["source_name"] == "raw"
    }
    read = {
        unique_id
        for node in models(manifest)
        if room(node) == "staging"
        for unique_id in node["depends_on"]["nodes"]
    }
    mappings = [
        node
        for node in models(manifest)
        if room(node) == "sources" and node["name"].split("__")[1] in tables
    ]
    assert mappings
    assert not [node["name"] for node in mappings if node["unique_id"] not in read]


def test_every_layout_says_where_it_is_from_and_what_it_cannot_say(manifest):
    for source in manifest["sources"].values():
        if source["source_name"] != "raw":
            meta = source["source_meta"] or source["config"]["meta"]
            assert meta["layout"], source["source_name"]
            assert isinstance(meta["cannot_say"], list), source["source_name"]
            assert source["description"] and source["source_description"], source["name"]


def test_every_model_opens_with_its_grain_and_describes_every_column(manifest):
    undescribed = [
        node["name"]
        for node in models(manifest)
        if not node["description"].startswith("One row")
        # The columns of a mapping are those of the raw contract.
        or (not node["columns"] and room(node) != "sources")
        or any(not column["description"] for column in node["columns"].values())
    ]
    assert not undescribed


def test_every_mart_has_an_enforced_contract_a_key_and_its_own_file(manifest):
    tested = {
        test["attached_node"]
        for test in manifest["nodes"].values()
        if test["resource_type"] == "test"
        and (test.get("test_metadata") or {}).get("name") == "unique_key"
    }
    marts = [node for node in models(manifest) if room(node).startswith("marts/")]
    assert {room(node).split("/")[1] for node in marts} == MART_SCHEMAS
    assert not [node["name"] for node in marts if not node["config"]["contract"]["enforced"]]
    assert not [node["name"] for node in marts if node["unique_id"] not in tested]
    assert not [node["name"] for node in marts if node["schema"] != room(node).split("/")[1]]


def test_a_view_for_charts_selects_and_calculates_nothing(manifest):
    """One number has one home. A view that breaks under another name of the file is no use."""
    views = [node for node in models(manifest) if room(node) == "marts/bi"]
    assert len(views) == 7
    for node in views:
        code = re.sub(r"--.*|\{\{ without_database\(ref\('\w+'\)\) \}\}", "", node["raw_code"])
        assert node["config"]["materialized"] == "view", node["name"]
        # Every ref goes through the macro, and no function, sum or group stands beside it.
        assert "ref(" not in code, node["name"]
        code = code.replace("{{ pass_through('customers', 'customers') }}", "")
        assert not re.search(r"\b(?!as\b)\w+\s*\((?!\s*select)|[-+/%]|group by", code), node["name"]


def test_every_singular_test_says_why_and_is_a_check_of_one_asset(manifest):
    singular = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and not node.get("test_metadata")
    ]
    assert singular
    names = {node["name"] for node in models(manifest)}
    for test in singular:
        assert test["description"], test["name"]
        ref = test["config"]["meta"]["dagster"]["ref"]["name"]
        assert ref in names and test["name"].startswith(f"{ref}__"), test["name"]


def test_a_data_test_is_an_error_or_says_what_to_do(manifest):
    """A warning may be no fault at all, so it names the remedy."""
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    warnings = [node for node in tests if node["config"]["severity"].lower() != "error"]
    assert tests
    assert not [node["name"] for node in warnings if not node["config"]["meta"].get("advice")]


@pytest.mark.parametrize("word", ["qualify", "exclude (", "asof join", "pivot", "lambda "])
def test_marts_and_intermediate_stay_portable(manifest, word):
    assert not [
        node["name"]
        for node in models(manifest)
        if not room(node).startswith("staging") and word in node["raw_code"].lower()
    ]


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A name that is imported may be a module: `from numbers import test_cdnow`.
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def test_no_test_module_imports_another_test_module():
    """A helper inside a test module is hard to find, and is soon written a second time."""
    modules = sorted((ROOT / "tests/python").rglob("*.py"))
    names = {path.stem for path in modules if path.stem.startswith("test_")}
    assert len(names) >= 30
    assert not [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules
        for module in imported_modules(path)
        if names & set(module.split("."))
    ]


def test_a_law_that_warns_says_so_in_its_sql(manifest):
    """After an edit of a macro, dbt loses what YAML says of a law, and would stop the build."""
    laws = {
        node["name"]: node["config"]["severity"].lower() == "warn"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and "test_metadata" not in node
    }
    files = {
        file.stem: file.read_text(encoding="utf-8") for file in (ROOT / "tests/data").glob("*.sql")
    }
    assert laws == {name: "config(severity='warn')" in sql for name, sql in files.items()}
    assert any(laws.values())
