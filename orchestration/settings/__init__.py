"""The settings that people choose, checked before anything starts."""
