"""The right answers for the sample, worked out from the rows that its generator made.

Nothing here reads a raw file, a model or a database, so an error of theirs cannot repeat itself
here. Two plain questions decide everything: which version of a row is in force, and what does a
subscription pay just before a given moment? The code is slow, and short enough to check by eye.

Rows carry `datetime`s in UTC without a zone, and `Decimal`s. Every amount is in USD, rounded once,
half up.
"""

from truth.answers import write_truth
from truth.rows import CountedRows

__all__ = ["CountedRows", "write_truth"]
