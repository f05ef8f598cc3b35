"""The rooms of our Python code: which may import which, read from the files' own imports."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from conftest import LONG_FILES, ROOT

OURS = {"orchestration", "charts", "estimation", "landing", "benchmarks", "models", "data", "tests"}

# Each room of orchestration/, and the rooms that it imports: no more, and no less. paths and words
# are single files with small helpers for all rooms. A new arrow is a decision, and is written here.
ARROWS = {
    "paths": set(),
    "words": set(),
    "settings": {"paths"},
    "runs": {"paths"},
    "warehouse": {"paths", "words", "settings", "runs"},
    "restating": {"paths", "words", "settings", "warehouse"},
    "serving": {"paths", "settings", "runs", "warehouse", "restating"},
    "telling": {"paths", "words", "settings", "runs", "serving", "warehouse"},
    "spark": {"paths", "settings", "runs", "serving", "telling", "warehouse"},
    "guarding": {"words", "settings", "telling", "warehouse", "restating"},
    "defs": {
        "paths",
        "words",
        "settings",
        "runs",
        "warehouse",
        "restating",
        "serving",
        "telling",
        "spark",
        "guarding",
    },
}
# The commands lie above all rooms. No room imports them.
COMMANDS = {
    "nightly",
    "metrics",
    "boards",
    "query",
    "show",
    "docs",
    "check_published",
    "rollback",
    "definitions",
}

# Tables of the warehouse that the orchestration reads by name. All others come from the manifest.
TABLES_BY_NAME = {
    "int_as_of",
    "int_customers_assessed",
    "int_plays_started",
    "source_files",
    "row_outcomes",
    "rpt_clv_parameters",
    "rpt_clv_calibration",
    "dim_customers",
    "stg_rejected_records",
    "stg_conflicting_records",
    "stg_lookalike_ids",
    "stg_customers",
    "stg_customer_records",
    # The ledger of restatements finds the records behind a number that moved.
    "stg_orders",
    "stg_order_records",
    "stg_refund_records",
    "stg_subscription_records",
    "stg_exchange_rates",
    "stg_exchange_rate_records",
    "int_accounts_merged",
    "dim_dates",
    # The mappings that DuckDB runs for Spark look into the list of files.
    "stg_source_files",
    "audiences",
    "rpt_order_cohorts",
    "rpt_subscription_cohorts",
}


def modules(package: str) -> dict[str, Path]:
    """Each module of a package by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / package).rglob("*.py"))
    }


ORCHESTRATION = modules("orchestration")


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, also inside of functions; relative ones are refused."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}:{node.lineno}: a relative import"
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                yield whole if whole in ORCHESTRATION else node.module


def room(module: str) -> str:
    """The part of a module's name below orchestration: a room, a command, or a single file."""
    return module.split(".")[1] if "." in module else ""


def texts(path: Path) -> Iterator[str]:
    """All strings in a file, docstrings too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def arrows(package_modules: dict[str, Path]) -> dict[str, set[str]]:
    """Each module, and the modules of orchestration that it imports."""
    return {
        module: {name for name in imports(path) if name in ORCHESTRATION} - {module}
        for module, path in package_modules.items()
    }


def test_each_room_imports_the_rooms_of_the_map_and_no_other_one():
    found: dict[str, set[str]] = {room(module): set() for module in ORCHESTRATION if room(module)}
    for module, imported in arrows(ORCHESTRATION).items():
        if room(module):
            found[room(module)] |= {room(name) for name in imported} - {room(module)}
    assert found.keys() == ARROWS.keys() | COMMANDS
    assert {name: found[name] for name in ARROWS} == ARROWS


def test_the_map_has_no_circle_and_no_arrow_up_to_dagster_or_the_commands():
    # Raises CycleError for a circle.
    assert list(TopologicalSorter(ARROWS).static_order())[-1] == "defs"
    assert not [name for name, others in ARROWS.items() if others & ({"defs"} | COMMANDS)]


def test_no_two_modules_import_each_other():
    list(TopologicalSorter(arrows(ORCHESTRATION)).static_order())


def test_what_a_name_imports_is_there():
    """So that a misspelt name cannot hide an arrow from the tests above."""
    unknown = {
        name
        for path in ORCHESTRATION.values()
        for name in imports(path)
        if name.split(".")[0] == "orchestration" and name not in ORCHESTRATION
    }
    assert not unknown


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("estimation", {"estimation"}),
        ("landing", {"landing"}),
        ("orchestration", {"orchestration", "landing"}),
    ],
)
def test_a_package_imports_no_other_one_of_ours(package, allowed):
    imported = {name.split(".")[0] for path in modules(package).values() for name in imports(path)}
    assert package in imported
    assert imported & OURS <= allowed


def test_only_one_module_knows_the_renderer_of_boards():
    everywhere = {path for package in sorted(OURS) for path in modules(package).values()}
    using = [
        path for path in everywhere if "dbt_charts" in {n.split(".")[0] for n in imports(path)}
    ]
    assert using == [ROOT / "charts/render.py"]
    assert not OURS & {name.split(".")[0] for name in imports(using[0])}


def test_the_orchestration_names_no_sql_file_and_few_tables():
    models = {path.stem for kind in ("sql", "py") for path in (ROOT / "models").rglob(f"*.{kind}")}
    words = {
        word
        for path in ORCHESTRATION.values()
        for text in texts(path)
        for word in re.findall(r"[\w./-]+", text)
    }
    assert not [word for word in words if word.endswith(".sql")]
    # A raw table has the name of the view bi.customers, and the word is an ordinary one.
    named = {part for word in words for part in word.split(".")} & (models - {"customers"})
    assert "bi.customers" not in words
    assert named - TABLES_BY_NAME == set()


def test_the_long_files_of_tests_are_there():
    assert [file for file in LONG_FILES if not (ROOT / "tests/python" / file).exists()] == []
