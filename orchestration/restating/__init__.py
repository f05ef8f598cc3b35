"""Restatements: published numbers of closed periods that moved, and why."""
