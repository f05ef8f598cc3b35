"""The sample shop: a coffee shop that sells by the order and by subscription.

Same seed, same rows, on every machine and supported Python version. Times are UTC.

Three kinds of rows are mixed in the files:

- some 2,000 generated customers, with ids `c-...`;
- hard cases, written by hand in `data/hard_cases/`, with ids `case-...`;
- faults, written by hand in `data/faults.yml`.
"""
