"""Dagster around dbt: one job builds the warehouse in private, tests it, and publishes it.

The commands lie on top: nightly, check_published and rollback. Below them are rooms, one subject
each. tests/python/test_rooms.py keeps the map of the rooms: which room may import which.
"""
