"""Two DuckDB files of the same tables, compared table by table and key by key.

Decimals, dates, texts, whole numbers and booleans must be equal; doubles may differ by a stated
relative tolerance. Names that changed on purpose stand in one list, `renames.yml`.
"""

from comparison.compare import Difference, Renames, compare

__all__ = ["Difference", "Renames", "compare"]
