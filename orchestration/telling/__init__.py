"""Words for people: what was published and what failed, on the console and in alerts."""
