"""The nightly build, killed at one point: `python killed_nightly.py POINT [ARGUMENT...]`.

The product has no hook for this. The process replaces one function, and then runs the build. The
new function calls the old one and sends SIGKILL to the process, just before or just after. So no
`finally`, no `except` and no `atexit` runs, as when the kernel kills a process for its memory.
"""

import functools
import itertools
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from orchestration import paths

# What readers get after the kill. OLD: what they had. NAMED: what they had, while the new version
# has its name but was never served. NEW: the new build.
OLD, NAMED, NEW = "old", "named", "new"


class Point(NamedTuple):
    """A moment of the build: how to make the process die there, and what readers then get."""

    stage: str
    name: str
    arm: Callable[[], None]
    readers_get: str = OLD


def always(*_, **__) -> bool:
    return True


def before(target: str, call: int = 1, given: Callable[..., bool] = always, action=None):
    """Die before the `call`th call of `target` with arguments that satisfy `given`."""
    return functools.partial(_arm, target, call, given, action or die, None)


def after(target: str, call: int = 1, given: Callable[..., bool] = always):
    """Die after that call."""
    return functools.partial(_arm, target, call, given, None, die)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(target, call, given, action_before, action_after) -> None:
    owner_name, _, name = target.rpartition(".")
    owner = pkgutil.resolve_name(owner_name)
    original = getattr(owner, name)
    calls = itertools.count(1)

    @functools.wraps(original)
    def armed(*args, **kwargs):
        is_it = given(*args, **kwargs) and next(calls) == call
        if is_it and action_before:
            action_before()
        result = original(*args, **kwargs)
        if is_it and action_after:
            action_after()
        return result

    setattr(owner, name, armed)


# --- Moments that dbt reports ---------------------------------------------------------------------

OBSERVE = "orchestration.warehouse.progress.DbtProgress.observe"


def _event(progress, event) -> tuple[str, str, str]:
    """The name of the event, and the kind and the layer of its node."""
    node = event["data"].get("node_info")
    if not node:
        return event["info"]["name"], "", ""
    return event["info"]["name"], node["resource_type"], node["node_relation"]["schema"]


def first_start(kind: str, layer: str):
    """Die when the first `kind` (seed, model, test) of the `layer`, a schema, starts."""
    started = ("LogStartLine", kind, layer)
    return before(OBSERVE, given=lambda *observed: _event(*observed) == started)


def last_end(kind: str, layer: str):
    """Die when the last `kind` of the `layer` has ended."""
    ended = (f"Log{kind.capitalize()}Result", kind, layer)

    def arm() -> None:
        manifest = json.loads((paths.parsed() / "manifest.json").read_bytes())
        number = sum(
            (node["resource_type"], node["schema"]) == (kind, layer)
            for node in manifest["nodes"].values()
        )
        before(OBSERVE, call=number, given=lambda *observed: _event(*observed) == ended)()

    return arm


def runs(model: str):
    """Die half a second after the `model` has started."""

    def is_it(_, event) -> bool:
        node = event["data"].get("node_info", {})
        return event["info"]["name"] == "LogStartLine" and node.get("node_name") == model

    def wait_and_die() -> None:
        time.sleep(0.5)
        die()

    return before(OBSERVE, given=is_it, action=wait_and_die)


def kill_dbt() -> None:
    """Kill dbt alone, as the kernel does when memory runs out, when its first model starts."""
    children = []
    start = subprocess.Popen.__init__

    def remember(self, arguments, *args, **kwargs) -> None:
        start(self, arguments, *args, **kwargs)
        if "orchestration.warehouse.child" in arguments:
            children.append(self.pid)

    subprocess.Popen.__init__ = remember
    before(
        OBSERVE,
        given=lambda *observed: _event(*observed) == ("LogStartLine", "model", "intermediate"),
        action=lambda: os.kill(children[-1], signal.SIGKILL),
    )()


# --- The points -----------------------------------------------------------------------------------


def named(name: str) -> Callable[..., bool]:
    return lambda path, *_, **__: Path(path).name == name


def for_boards(path, *_, **__) -> bool:
    return path.name.endswith(".boards.partial")


def is_page(path, _) -> bool:
    return Path(path).suffix == ".html"


def in_parquet(path, *_, **__) -> bool:
    return path.parent.name == "parquet"


def is_partial(path, *_, **__) -> bool:
    return path.name.endswith(".partial")


def keeping_one(setting: str, arm: Callable[[], None]) -> Callable[[], None]:
    """Let the build keep only one of what it deletes when there are many: it deletes something."""

    def arm_too() -> None:
        owner, _, name = setting.rpartition(".")
        setattr(pkgutil.resolve_name(owner), name, 1)
        arm()

    return arm_too


START = "while it starts"
PARSE = "while dbt parses the project, on the first night"
MODELS = "while dbt builds and tests"
COPY = "while the marts are copied"
FLIP = "around the flip of the link"
PRUNE = "while old versions are deleted"
BOARDS = "while boards are rendered"
END = "after publishing"
CLEAR = "while it clears what another killed build has left"

LAYERS = (
    *("staging", "intermediate"),
    *("core", "cohorts", "churn", "clv", "journey", "plays", "meta", "bi"),
)
KEPT_VERSIONS = "orchestration.serving.versions.DEFAULT_KEPT"
KEPT_RUNS = "orchestration.runs.history.KEPT_RUNS"


def to_current(_, new) -> bool:
    return Path(new).name == "current"


def to_partial(path, target) -> bool:
    return path.parent.name == "versions" and target.name.endswith(".partial")


def from_partial(path, _) -> bool:
    return path.name.endswith(".partial")


POINTS = [
    # The first night: a home without a manifest.
    Point(PARSE, "dbt is about to parse", before("orchestration.warehouse.process.dbt_events")),
    Point(PARSE, "dbt parses", before("orchestration.warehouse.process._event")),
    Point(
        PARSE, "parsed, not stamped", before("pathlib.Path.write_text", given=named("fingerprint"))
    ),
    # Every other night.
    Point(START, "the lock is still free", before("fcntl.flock")),
    Point(START, "the lock is taken", after("fcntl.flock")),
    Point(START, "the lock is signed", after("orchestration.runs.lock._sign")),
    Point(START, "Dagster is loaded", before("dagster.DagsterInstance.get")),
    Point(START, "no dead run is ended yet", before("orchestration.runs.history.end_dead_runs")),
    Point(
        START,
        "a run is forgotten",
        keeping_one(KEPT_RUNS, after("dagster.DagsterInstance.delete_run")),
    ),
    Point(
        START,
        "the old warehouse is there",
        before("orchestration.warehouse.fresh_folders.start_afresh"),
    ),
    Point(START, "the old warehouse is removed", before("shutil.rmtree", given=named("built"))),
    Point(START, "dbt says its first word", before("orchestration.warehouse.process._event")),
    Point(MODELS, "first event", before(OBSERVE)),
    Point(MODELS, "first seed starts", first_start("seed", "seeds")),
    Point(MODELS, "last seed ends", last_end("seed", "seeds")),
    Point(MODELS, "raw files are read", runs("stg_source_files")),
    *(
        point
        for layer in LAYERS
        for point in (
            Point(MODELS, f"first model of {layer} starts", first_start("model", layer)),
            Point(MODELS, f"last model of {layer} ends", last_end("model", layer)),
        )
    ),
    Point(MODELS, "a Python model runs", runs("int_clv_models_fitted")),
    Point(MODELS, "first test starts", first_start("test", "dbt_test__audit")),
    Point(MODELS, "last test ends", last_end("test", "dbt_test__audit")),
    Point(MODELS, "dbt has ended", after("orchestration.warehouse.progress.DbtProgress.close")),
    Point(MODELS, "guards have looked", after("orchestration.guarding.guards.evaluate")),
    Point(COPY, "the folder is made", after("pathlib.Path.mkdir", given=is_partial)),
    Point(COPY, "one mart is copied", after("orchestration.serving.publish._copy_mart")),
    Point(
        COPY,
        "half of the marts are copied",
        after("orchestration.serving.publish._copy_mart", call=11),
    ),
    Point(COPY, "all marts are copied", before("orchestration.serving.publish.write_history")),
    Point(COPY, "meta.builds is written", after("orchestration.serving.publish.write_history")),
    Point(COPY, "the views are created", after("orchestration.serving.publish._create_views")),
    Point(
        COPY,
        "half of the Parquet files are written",
        before("pathlib.Path.mkdir", call=15, given=in_parquet),
    ),
    Point(COPY, "Parquet is written", after("orchestration.serving.publish._write_parquet")),
    Point(COPY, "the file is closed", before("orchestration.serving.versions._make_durable")),
    Point(COPY, "one file is on disk", after("orchestration.serving.versions.flush_to_disk")),
    Point(COPY, "all files are on disk", after("orchestration.serving.versions._make_durable")),
    Point(FLIP, "the version has no name yet", before("pathlib.Path.rename", given=from_partial)),
    Point(FLIP, "the new link is made", after("pathlib.Path.symlink_to")),
    Point(
        FLIP, "the version has its name", after("pathlib.Path.rename", given=from_partial), NAMED
    ),
    Point(FLIP, "the name is on disk", before("orchestration.serving.versions._flip"), NAMED),
    Point(FLIP, "the old link still stands", before("os.replace", given=to_current), NAMED),
    Point(FLIP, "the link is flipped", after("os.replace", given=to_current), NEW),
    Point(PRUNE, "nothing is deleted yet", before("orchestration.serving.versions._prune"), NEW),
    Point(
        PRUNE,
        "an old version is renamed",
        keeping_one(KEPT_VERSIONS, after("pathlib.Path.rename", given=to_partial)),
        NEW,
    ),
    Point(
        PRUNE,
        "an old version is half deleted",
        keeping_one(KEPT_VERSIONS, after("os.unlink", given=named("rpt_mrr.parquet"))),
        NEW,
    ),
    Point(PRUNE, "old versions are deleted", after("orchestration.serving.versions._prune"), NEW),
    Point(BOARDS, "their folder is made", after("pathlib.Path.mkdir", given=for_boards), NEW),
    Point(BOARDS, "none is in its place", before("os.replace", given=is_page), NEW),
    Point(BOARDS, "one is in its place", after("os.replace", given=is_page), NEW),
    Point(END, "nobody is told yet", before("orchestration.defs.alerts.alert_at_end"), NEW),
    Point(
        END,
        "nothing is reported yet",
        before("orchestration.telling.console.published_report"),
        NEW,
    ),
    # Only after another kill.
    Point(
        CLEAR,
        "what was never served is renamed",
        after("pathlib.Path.rename", given=to_partial),
    ),
    Point(
        CLEAR,
        "what was never served is half deleted",
        after("os.unlink", given=named("rpt_mrr.parquet")),
    ),
]

BY_NAME = {point.name: point for point in POINTS}
# This is no point: the process itself survives.
DBT_IS_KILLED = "dbt is killed"


def main() -> int:
    """Run the build with the arguments after the point's name; return only if it survived."""
    name, *arguments = sys.argv[1:]
    if name == DBT_IS_KILLED:
        kill_dbt()
    else:
        BY_NAME[name].arm()

    from orchestration import nightly

    sys.argv = ["killed_nightly", *arguments]
    return nightly.main()


if __name__ == "__main__":
    sys.exit(main())
