"""Guards: checks of the raw files that can block publishing."""
