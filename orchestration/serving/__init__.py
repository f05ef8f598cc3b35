"""The served versions: write a new one, choose the current one, and read it."""
