"""The same SQL on DuckDB and on Spark, over the same values: what comes out of either."""

import duckdb

# Logarithms and powers come from the library of the machine, or of Java.
TOLERANCE = 1e-12


class BothEngines:
    """A table `given` on both engines, and the differences between their answers.

    A case is a function of the macros of an engine that returns an expression, or a query.
    """

    def __init__(self, spark, folder, given):
        self.spark, self.folder = spark, folder
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        self.connection.register("rows_given", given)
        self.connection.execute("create table given as from rows_given")
        file = folder / "given.parquet"
        # A timestamp without a zone would be of another type for Spark.
        columns = ", ".join(
            f"cast({name} as timestamptz) as {name}" if type_ == "TIMESTAMP" else name
            for name, type_ in self._types("given").items()
        )
        self.connection.execute(f"copy (select {columns} from given) to '{file}'")
        spark.read.parquet(str(file)).createOrReplaceTempView("given")

    def differences(self, cases, of_duckdb, of_spark):
        """A line for each expression by name whose values differ: how many, and one example."""
        queries = [
            "select given.*, "
            + ", ".join(f"{case(macros)} as {name}" for name, case in cases.items())
            + " from given"
            for macros in (of_duckdb, of_spark)
        ]
        return self.differences_of_queries(*queries, ["id"], cases)

    def differences_of_queries(self, of_duckdb, of_spark, key, names):
        """The same for the columns `names` of a query on each engine, with `key`."""
        self.connection.execute(f"create or replace table by_duckdb as {of_duckdb}")
        file = self.folder / "answers.parquet"
        self.spark.sql(of_spark).coalesce(1).write.mode("overwrite").parquet(str(file))
        self.connection.execute(f"create or replace table by_spark as from '{file}/*.parquet'")
        return [line for name in names for line in self._difference(name, key)]

    def _difference(self, name, key):
        one, other = f"by_duckdb.{name}", f"by_spark.{name}"
        # Spark keeps times with a zone, in UTC.
        if self._types("by_duckdb")[name] == "TIMESTAMP":
            other = f"cast({other} as timestamp)"
        differs = f"{one} is distinct from {other}"
        if self._types("by_duckdb")[name] == "DOUBLE":
            size = f"greatest(abs({one}), abs({other}))"
            differs += f" and coalesce(abs({one} - {other}) > {TOLERANCE} * {size}, true)"
        on = " and ".join(f"by_duckdb.{k} is not distinct from by_spark.{k}" for k in key)
        rows = self.connection.execute(
            f"select by_duckdb, {one}, {other} from by_duckdb full outer join by_spark on {on}"
            f" where {differs} order by {', '.join(f'by_duckdb.{k}' for k in key)}"
        ).fetchall()
        if rows:
            given, was, now = rows[0]
            shown = {column: str(value) for column, value in (given or {}).items()}
            yield f"{name}: {len(rows)} values, such as {was} and {now} for {shown}"

    def _types(self, table):
        return dict(row[:2] for row in self.connection.execute(f"describe {table}").fetchall())
