"""All settings of the environment, checked before a build starts.

Some of them say how a version is served, so this stands here and not in the room of settings.
"""

from orchestration.serving.audiences import audience_columns
from orchestration.serving.boards import boards_wanted
from orchestration.serving.versions import kept_versions
from orchestration.settings.duckdb_settings import require_usable_resources
from orchestration.settings.durations import read_duration
from orchestration.settings.engine import require_engine
from orchestration.settings.variables import project_defaults


def check_settings(wait: str, wait_is: str) -> None:
    """Raise ValueError, which names the setting, for the first one that is not allowed.

    `wait` is how long to wait for another build; a person knows this setting as `wait_is`.
    """
    require_engine()
    require_usable_resources()
    project_defaults()
    kept_versions()
    boards_wanted()
    audience_columns()
    try:
        read_duration(wait)
    except ValueError as error:
        raise ValueError(f"{wait_is}: {error}") from None
