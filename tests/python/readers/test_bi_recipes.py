"""The examples of docs/bi.md, run as they stand there, each with its own new installation.

An example is a section with two blocks of code: what to install, and what to run.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from conftest import ROOT
from installations import install, new_python

PAGE = (ROOT / "docs/bi.md").read_text(encoding="utf-8")
PLACE = "var/serve/current"
LATEST = "select month, mrr from bi.mrr_by_month order by month desc limit 1"


class Recipe(NamedTuple):
    """What to install by pip or npm, and the code with its language."""

    install: list[str]
    language: str
    code: str

    @property
    def packages(self) -> list[str]:
        return [word.strip('"') for word in self.install[2:]]


def recipes() -> dict[str, Recipe]:
    """Each example of the page by its heading."""
    found = {}
    for section in re.split(r"(?m)^## ", PAGE)[1:]:
        blocks = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", section)
        if blocks and re.match(r"(pip|npm) install ", blocks[0][1]) and len(blocks) == 2:
            (_, install), (language, code) = blocks
            found[section.splitlines()[0]] = Recipe(install.split(), language, code)
    return found


RECIPES = recipes()


def pinned(recipe: Recipe) -> bool:
    sign = "==" if recipe.install[0] == "pip" else "@"
    return all(re.search(rf".{sign}\d", package) for package in recipe.packages)


def test_the_page_has_these_examples_with_pinned_versions():
    assert set(RECIPES) == {
        *("DuckDB's command line", "pandas", "polars", "ibis", "marimo", "SQLAlchemy", "ADBC"),
        *("chDB", "Node"),
    }
    assert not [name for name, recipe in RECIPES.items() if not pinned(recipe)]
    assert not [name for name, recipe in RECIPES.items() if PLACE not in recipe.code]
    # The table at the top leads to each of them.
    anchors = {re.sub(r"[^a-z -]", "", name.lower()).replace(" ", "-") for name in RECIPES}
    assert anchors <= set(re.findall(r"\(#([a-z-]+)\)", PAGE))


@pytest.fixture
def current(build, built_home) -> Path:
    return built_home / "serve/current"


def run(recipe: Recipe, folder: Path, current: Path) -> str:
    """Install an example in `folder`, run it on the published file, and return what it prints."""
    code = recipe.code.replace(PLACE, str(current))
    if recipe.install[0] == "npm":
        (folder / "package.json").write_text(json.dumps({"private": True}))
        install(["npm", "install", "--no-audit", "--no-fund"], recipe.packages, folder)
        command = ["node", "recipe.mjs"]
    else:
        python = new_python(folder / "venv", *recipe.packages)
        command = [python, "recipe.py"] if recipe.language == "python" else ["sh", "recipe.sh"]
    (folder / Path(command[1]).name).write_text(code, encoding="utf-8")
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": f"{folder}/venv/bin:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.torture
@pytest.mark.parametrize("name", RECIPES)
def test_an_example_prints_the_published_number(name, current, tmp_path, reliability):
    with duckdb.connect(current / "tenure.duckdb", read_only=True) as connection:
        [(month, mrr)] = connection.execute(LATEST).fetchall()
    printed = run(RECIPES[name], tmp_path, current).strip().splitlines()[-1]
    shown_month, shown_mrr = re.split(r"[\s|]+", printed)
    assert (shown_month, float(shown_mrr)) == (str(month), float(mrr))
    reliability(
        "versions",
        f"the example for {name} in docs/bi.md",
        "run as it stands there, in a new installation; it prints the published number",
        tried=1,
        lost="nothing",
    )


# --- The traps that the page names ----------------------------------------------------------------
# If one of these tests fails, the fault is repaired, and the page no longer has to warn of it.

QUOTIENTS = """
import json, sys
import chdb
import polars as pl
file = sys.argv[1]
months = pl.read_parquet(file).filter(pl.col("opening_mrr") > 0).sort("month")
lost, opening = pl.col("churned_mrr"), pl.col("opening_mrr")
polars = months.select(
    rounded=(lost / opening).cast(pl.Float64),
    whole=lost.cast(pl.Float64) / opening.cast(pl.Float64),
)
clickhouse = json.loads(str(chdb.query(
    "select toFloat64(churned_mrr / opening_mrr) as rounded,"
    " toFloat64(churned_mrr) / toFloat64(opening_mrr) as whole"
    f" from file('{file}') where opening_mrr > 0 order by month", "JSONColumns")))
print(json.dumps([polars.to_dict(as_series=False), clickhouse]))
"""


@pytest.mark.torture
def test_polars_and_chdb_lose_digits_when_decimals_divide(current, tmp_path):
    python = new_python(tmp_path / "venv", *RECIPES["polars"].packages, *RECIPES["chDB"].packages)
    done = subprocess.run(
        [python, "-c", QUOTIENTS, current / "parquet/bi/mrr_by_month.parquet"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with duckdb.connect(current / "tenure.duckdb", read_only=True) as connection:
        rates = connection.execute(
            "select cast(churned_mrr as double) / cast(opening_mrr as double)"
            " from bi.mrr_by_month where opening_mrr > 0 order by month"
        ).fetchall()
    expected = [rate for (rate,) in rates]
    for found in json.loads(done.stdout):
        assert found["whole"] == expected
        assert found["rounded"] == [round(rate, 2) for rate in found["rounded"]]
        assert found["rounded"] != expected


@pytest.mark.torture
def test_a_newer_sqlalchemy_cannot_look_at_a_table(current, tmp_path):
    recipe = RECIPES["SQLAlchemy"]
    newer = [word.replace("sqlalchemy==2.0.54", "sqlalchemy==2.0.55") for word in recipe.install]
    assert newer != recipe.install
    with pytest.raises(AssertionError, match="REGCLASS does not exist"):
        run(recipe._replace(install=newer), tmp_path, current)


@pytest.mark.torture
def test_the_short_way_of_adbc_locks_all_others_out(current, tmp_path):
    python = new_python(tmp_path / "venv", *RECIPES["ADBC"].packages)
    # A copy, since a reader that may write is what this shows.
    file = tmp_path / "tenure.duckdb"
    file.write_bytes((current / "tenure.duckdb").read_bytes())
    held = (
        "import sys, adbc_driver_duckdb.dbapi as adbc\n"
        "connection = adbc.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [python, "-c", held, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(duckdb.IOException, match="Conflicting lock"):
            duckdb.connect(file, read_only=True)
        holder.communicate("\n")
    duckdb.connect(file, read_only=True).close()


@pytest.mark.torture
def test_the_safe_mode_of_the_command_line_opens_nothing(current, tmp_path):
    new_python(tmp_path / "venv", *RECIPES["DuckDB's command line"].packages)
    done = subprocess.run(
        [
            tmp_path / "venv/bin/duckdb",
            "-safe",
            "-readonly",
            current / "tenure.duckdb",
            "-c",
            "from x",
        ],
        capture_output=True,
        text=True,
    )
    assert "extension_directories" in done.stderr
