"""What dbt's modules look like to the linter."""


class pytz:
    """Stand in for modules.pytz."""

    @staticmethod
    def timezone(name: str) -> str:
        """Stand in for a timezone."""
        return name
