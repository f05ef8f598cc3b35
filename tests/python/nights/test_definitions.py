"""What Dagster sees of the project."""

from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest
import yaml

from orchestration import paths
from orchestration.guarding.findings import rows
from orchestration.restating.ledger import Settings
from orchestration.settings.variables import project_defaults
from orchestration.warehouse.manifest import group, marts


@pytest.fixture(scope="module")
def definitions(manifest):
    from orchestration.definitions import defs

    return defs()


def nodes(manifest, *kinds):
    """The nodes that are built. dbt keeps the tests of a disabled model, disabled."""
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in kinds and node["config"]["enabled"]
    ]


def assets(manifest):
    """The models and seeds that are tables or views; a mapping is part of a staging model."""
    return [
        node
        for node in nodes(manifest, "model", "seed")
        if node["config"]["materialized"] != "ephemeral"
    ]


def key(node):
    return dg.AssetKey([node["schema"], node["name"]])


def test_the_code_location_is_valid(definitions):
    dg.Definitions.validate_loadable(definitions)


def test_every_model_and_seed_is_an_asset_in_the_group_of_its_folder(definitions, manifest):
    specs = {spec.key: spec for spec in definitions.resolve_all_asset_specs()}
    for node in assets(manifest):
        spec = specs[key(node)]
        assert spec.group_name == group(node)
        assert node["description"] in spec.description


def test_the_raw_tables_stand_before_staging(definitions, manifest):
    raw = {spec.key for spec in definitions.resolve_all_asset_specs() if spec.group_name == "raw"}
    assert raw == {
        dg.AssetKey(["raw", node["name"]])
        for node in manifest["sources"].values()
        if node["source_name"] == "raw"
    }


def test_groups_are_the_folders_and_for_marts_the_schemas(manifest):
    groups = {group(node) for node in assets(manifest)}
    assert groups == {
        *("seeds", "staging", "intermediate"),
        *("core", "cohorts", "churn", "clv", "journey", "plays", "meta", "bi"),
    }
    assert all(group(node) == node["schema"] for node in marts(manifest))


def test_every_data_test_is_an_asset_check(definitions, manifest):
    from orchestration.defs.transform import warehouse

    assert {spec.name for spec in warehouse.check_specs} == {
        node["name"] for node in nodes(manifest, "test")
    }


def test_publishing_waits_for_all_marts(definitions, manifest):
    from orchestration.defs.publish import published_warehouse

    [spec] = published_warehouse.specs
    assert {dep.asset_key for dep in spec.deps} == {key(node) for node in marts(manifest)}
    assert spec.group_name == "publish"


def test_the_job_runs_everything_in_one_process(definitions, manifest):
    job = definitions.resolve_job_def("nightly")
    assert job.executor_def.name == "in_process"
    # Besides the tables: the published warehouse, the private lists and the boards.
    assert len(job.asset_layer.executable_asset_keys) == len(assets(manifest)) + 3


def test_assets_materialized_by_hand_run_in_one_process_too(definitions):
    assert definitions.resolve_implicit_global_asset_job_def().executor_def.name == "in_process"


def test_the_schedule_is_on_and_fires_at_two_in_the_reporting_timezone(definitions):
    schedule = definitions.resolve_schedule_def("nightly_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "nightly"
    assert schedule.cron_schedule == "0 2 * * *"
    assert schedule.execution_timezone == project_defaults()["reporting_timezone"]


def test_what_was_not_tested_in_the_same_run_is_not_published(definitions, scratch_home):
    from orchestration.defs.publish import published_warehouse
    from orchestration.defs.resources import BuildResource

    result = dg.materialize(
        [published_warehouse], resources={"build": BuildResource()}, raise_on_error=False
    )
    assert not result.success
    assert not (scratch_home / "serve").exists()


def test_boards_wait_for_publishing_and_a_fault_of_theirs_is_a_warning(
    definitions, monkeypatch, caplog, tmp_path
):
    from orchestration.defs import boards
    from orchestration.defs.resources import BuildResource

    [spec] = boards.boards.specs
    assert [dep.asset_key for dep in spec.deps] == [dg.AssetKey(["published_warehouse"])]

    def fall(version):
        raise RuntimeError(f"no chart for {version.parent.name}")

    def materialize():
        return dg.materialize(
            [boards.boards], resources={"build": BuildResource()}, raise_on_error=False
        )

    monkeypatch.setenv("TENURE_BOARDS", "on")
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.setattr(boards, "make_boards", fall)
    # Nothing was published in this run.
    assert not materialize().success

    monkeypatch.setattr(BuildResource, "build_id", property(lambda _: "tonight"))
    (tmp_path / "serve/versions/tonight").mkdir(parents=True)
    assert materialize().success
    assert "a board is missing: RuntimeError: no chart for versions" in caplog.text


def test_private_lists_are_written_before_the_boards_which_do_not_wait_for_them(
    definitions, monkeypatch, tmp_path
):
    from orchestration.defs import audiences, boards
    from orchestration.defs.resources import BuildResource
    from orchestration.defs.step_failures import step_failures
    from orchestration.serving.boards import Boards

    [spec] = audiences.private_audiences.specs
    assert [dep.asset_key for dep in spec.deps] == [dg.AssetKey(["published_warehouse"])]

    def materialize():
        return dg.materialize(
            [boards.boards, audiences.private_audiences],
            resources={"build": BuildResource()},
            raise_on_error=False,
        )

    monkeypatch.setenv("TENURE_BOARDS", "on")
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.setenv("TENURE_AUDIENCE_COLUMNS", "email")
    monkeypatch.setattr(boards, "make_boards", lambda _: Boards([], []))
    # Nothing was published in this run.
    assert not materialize().success
    assert not (tmp_path / "audiences").exists()

    monkeypatch.setattr(BuildResource, "build_id", property(lambda _: "tonight"))
    (tmp_path / "serve/versions/tonight").mkdir(parents=True)
    (tmp_path / "audiences").write_text("a file in the way")
    result = materialize()
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "private_audiences"
    [told], _ = step_failures(failure)
    assert f"Import no list of {tmp_path / 'audiences'}" in told.message
    ended = [event.step_key for event in result.all_events if event.is_step_success]
    assert ended == ["boards"]
    steps = [event.step_key for event in result.all_events if event.is_step_start]
    assert steps == ["private_audiences", "boards"]


def test_every_guard_of_every_raw_table_is_a_check_that_blocks(definitions, manifest):
    from orchestration.defs.guards import guards

    # Of each watched report whether its closed periods moved, and of each raw table:
    assert {spec.name for spec in guards.check_specs} - {"restatements"} == {
        f"{guard}_{node['name']}"
        for guard in (
            *("freshness", "volume", "schema_drift"),
            *("conflicts", "undated_versions", "lookalike_ids"),
            *("matched_customers", "amounts_in_cents"),
        )
        for node in manifest["sources"].values()
        if node["source_name"] == "raw"
    }
    assert all(spec.blocking for spec in guards.check_specs)
    job = definitions.resolve_job_def("nightly")
    assert set(guards.check_keys) <= set(job.asset_layer.asset_graph.asset_check_keys)


def nothing(*_, **__):
    """Stand in for a step that has nothing to say."""


@pytest.fixture
def run_guards(definitions, monkeypatch):
    """Run the guards and publishing after a replaced warehouse; the guards give these results."""
    from orchestration.defs import guards, publish
    from orchestration.defs.resources import BuildResource
    from orchestration.guarding.guards import Result
    from orchestration.guarding.restatements import Result as Restated

    def run(
        volume_drop_reason="",
        restatement_reason="",
        restated=None,
        write_ledger=nothing,
        **severities,
    ):
        checked = [["meta", "source_files"], *(each.name.split(".") for each in guards.WATCHED)]

        @dg.multi_asset(specs=[dg.AssetSpec(key) for key in checked], name="meta__source_files")
        def stand_in(build: BuildResource):
            build.mark_tested(Settings({}, {}, {}, {}))
            yield from (dg.MaterializeResult(asset_key=key) for key in checked)

        results = [
            Result(guard, table, severities.get(f"{guard}_{table}"), f"{table}: {guard}!", {})
            for table, limits in guards.THRESHOLDS.items()
            for guard in limits
        ]
        published = []

        def publish_nothing(build, *_, **__):
            published.append(build)
            raise RuntimeError("published in a test")

        moved = [
            Restated(report.name, restated, f"{report.name} moved", {"largest_share": 1.0})
            for report in guards.WATCHED
        ]
        monkeypatch.setattr(guards, "evaluate", lambda *_: results)
        monkeypatch.setattr(guards, "write_ledger", write_ledger)
        monkeypatch.setattr(guards, "evaluate_limits", lambda *_: moved)
        monkeypatch.setattr(publish, "publish", publish_nothing)
        result = dg.materialize(
            [publish.published_warehouse, guards.guards, stand_in],
            resources={
                "build": BuildResource(
                    volume_drop_reason=volume_drop_reason, restatement_reason=restatement_reason
                )
            },
            raise_on_error=False,
        )
        return result, published

    return run


def test_what_is_published_has_passed_the_guards_before(run_guards, caplog):
    result, [build] = run_guards()
    assert build.volume_drop_reason is None
    assert not caplog.records
    steps = [
        event.step_key for event in result.all_events if event.event_type_value == "STEP_START"
    ]
    assert steps == ["meta__source_files", "guards", "published_warehouse"]
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) == 88 + 7 and all(evaluation.passed for evaluation in evaluations)


def test_a_guard_at_error_blocks_publishing_in_the_words_of_make_build(run_guards):
    from orchestration.nightly import _failures

    result, published = run_guards(freshness_orders="error", schema_drift_refunds="warn")
    assert published == []
    failures, _ = _failures(result)
    assert [(failure.kind, failure.name) for failure in failures] == [("guard", "freshness")]
    assert failures[0].message.startswith("orders: freshness!\n")
    assert {
        evaluation.check_name: evaluation.severity.value
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed
    } == {"freshness_orders": "ERROR", "schema_drift_refunds": "WARN"}


def test_a_guard_at_warn_is_told_and_does_not_block(run_guards, caplog):
    _, published = run_guards(volume_orders="warn", freshness_refunds="warn")
    assert len(published) == 1
    assert caplog.messages == ["warning: orders: volume!", "warning: refunds: freshness!"]


def test_many_warnings_of_guards_are_not_all_told(run_guards, caplog):
    names = ("customers", "marketing_spend", "orders", "refunds", "subscriptions")
    run_guards(**{f"{guard}_{name}": "warn" for guard in ("volume", "freshness") for name in names})
    assert len(caplog.messages) == 5
    assert caplog.messages[-1].startswith("warning: and 6 more")


def test_a_reason_accepts_a_drop_and_is_kept(run_guards, caplog):
    _, [build] = run_guards("archived", volume_orders="error")
    assert build.volume_drop_reason == "archived"
    assert caplog.messages == ["warning: orders: volume!; accepted: archived"]


def test_a_reason_accepts_nothing_but_a_drop_and_is_kept_for_one_only(run_guards):
    assert run_guards("archived", freshness_orders="error")[1] == []
    _, [build] = run_guards("archived", volume_orders="warn")
    assert build.volume_drop_reason is None


def test_restatements_beyond_a_limit_block_unless_somebody_says_why(run_guards):
    from orchestration.nightly import _failures

    result, published = run_guards(restated="error")
    assert published == []
    [failure] = _failures(result)[0]
    assert (failure.kind, failure.name) == ("guard", "restatements")
    assert "RESTATEMENT_REASON" in failure.message

    result, [build] = run_guards(restated="error", restatement_reason="the till was off")
    assert build.restatement_reason == "the till was off"
    told = [each for each in result.get_asset_check_evaluations() if not each.passed]
    assert {each.severity.value for each in told} == {"WARN"}
    assert ["churn", "rpt_mrr"] in [each.asset_key.path for each in told]

    _, [build] = run_guards(restated="warn", restatement_reason="the till was off")
    assert build.restatement_reason is None


def test_a_build_keeps_the_settings_that_dbt_has_read(definitions, monkeypatch, tmp_path):
    """While dbt runs, somebody edits dbt_project.yml and a mapping, and commits both."""
    from orchestration.defs import guards, publish, transform
    from orchestration.defs.resources import BuildResource
    from orchestration.guarding.guards import Result
    from orchestration.guarding.restatements import Result as Restated

    mapping = tmp_path / "raw/orders/_mapping.yml"
    mapping.parent.mkdir(parents=True)
    mapping.write_text("table: orders")
    defaults, commits = {"lost_days": 100}, ["before"]
    compared, published = [], []

    def edit_files(_):
        (paths.built() / "manifest.json").write_text('{"nodes": {}}')
        (paths.built() / "run_results.json").write_text('{"results": []}')
        mapping.write_text("table: orders\nminor_units: true")
        defaults["lost_days"] = 200
        commits.append("after")
        yield from ()

    def publish_nothing(build, *_, **__):
        published.append(build)
        raise RuntimeError("published in a test")

    monkeypatch.setenv("TENURE_RAW_DIR", str(tmp_path / "raw"))
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "home"))
    for module in (transform, guards, publish):
        monkeypatch.setattr(module, "project_defaults", lambda: dict(defaults), raising=False)
        monkeypatch.setattr(module, "git_sha", lambda: commits[-1], raising=False)
    monkeypatch.setattr(transform, "lacking_space", lambda *_: None)
    monkeypatch.setattr(transform, "dbt_events", edit_files)
    results = [
        Result(guard, table, None, "passed", {})
        for table, limits in guards.THRESHOLDS.items()
        for guard in limits
    ]
    moved = [Restated(report.name, None, "nothing moved", {}) for report in guards.WATCHED]
    monkeypatch.setattr(guards, "evaluate", lambda *_: results)
    monkeypatch.setattr(guards, "evaluate_limits", lambda *_: moved)
    monkeypatch.setattr(guards, "write_ledger", lambda _, settings, **__: compared.append(settings))
    monkeypatch.setattr(publish, "publish", publish_nothing)

    checked = [["meta", "source_files"], *(each.name.split(".") for each in guards.WATCHED)]

    # The step of the warehouse, without the outputs that dbt's events would be.
    @dg.multi_asset(specs=[dg.AssetSpec(key) for key in checked], name="meta__source_files")
    def stand_in(build: BuildResource):
        context = SimpleNamespace(selected_asset_keys=set(transform.warehouse.keys))
        yield from transform.warehouse.op.compute_fn.decorated_fn(context, build)
        yield from (dg.MaterializeResult(asset_key=key) for key in checked)

    dg.materialize(
        [stand_in, guards.guards, publish.published_warehouse],
        resources={"build": BuildResource(variables={"past_due_pays": False})},
        raise_on_error=False,
    )
    [settings], [build] = compared, published
    for kept in (settings, build):
        assert kept.variables == {"lost_days": 100, "past_due_pays": False}
        assert kept.git_sha == "before"
        [old] = [kept.seed_hashes[name] for name in kept.seed_hashes if "_mapping" in name]
        [new] = transform.mapping_hashes(tmp_path / "raw").values()
        assert old != new


def test_a_damaged_version_is_a_warning_and_an_earlier_one_is_compared(
    run_guards, monkeypatch, tmp_path, caplog
):
    from orchestration.serving.versions import new_version

    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    serve, files = tmp_path / "serve", {}
    for night in ("monday", "tuesday"):
        with (
            new_version(serve, night) as folder,
            duckdb.connect(folder / "tenure.duckdb") as connection,
        ):
            connection.execute("create schema meta")
            connection.execute(f"create table meta.builds as select '{night}' as build_id")
        files[night] = serve / "versions" / night / "tenure.duckdb"
    compared = []

    def write_ledger(*_, served, **__):
        compared.append(served and rows(served, "from meta.builds")[0]["build_id"])

    def run_night():
        compared.clear()
        caplog.clear()
        assert len(run_guards(write_ledger=write_ledger)[1]) == 1
        return compared, caplog.messages

    assert run_night() == (["tuesday"], [])
    damage(files["tuesday"])
    [night], [warning] = run_night()
    assert night == "monday" and str(files["tuesday"]) in warning
    damage(files["monday"])
    [night], warnings = run_night()
    assert night is None and len(warnings) == 3
    assert str(files["monday"]) in warnings[1] and "compared with nothing" in warnings[2]

    # What is no damage of a version is not hidden.
    def fall(*_, **__):
        raise duckdb.OutOfMemoryException("too little memory")

    with new_version(serve, "wednesday") as folder:
        duckdb.connect(folder / "tenure.duckdb").close()
    assert run_guards(write_ledger=fall)[1] == []


def damage(file):
    file.chmod(0o644)
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size // 2)


def test_guards_say_that_they_are_not_run_alone(definitions):
    from orchestration.defs.guards import guards
    from orchestration.defs.resources import BuildResource

    result = dg.materialize(
        [guards],
        selection=dg.AssetSelection.checks(guards),
        resources={"build": BuildResource()},
        raise_on_error=False,
    )
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "in the same run" in failure.step_failure_data.user_failure_data.description


def test_a_part_of_the_warehouse_is_not_built_alone(definitions):
    from orchestration.defs.resources import BuildResource
    from orchestration.defs.transform import warehouse

    result = dg.materialize(
        [warehouse],
        selection=[next(iter(warehouse.keys))],
        resources={"build": BuildResource()},
        raise_on_error=False,
    )
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "as a whole" in failure.step_failure_data.user_failure_data.description


def test_vars_given_in_the_ui_are_validated_too(definitions):
    from orchestration.defs.publish import published_warehouse
    from orchestration.defs.resources import BuildResource

    result = dg.materialize(
        [published_warehouse],
        resources={"build": BuildResource(variables={"gross_margin": 7})},
        raise_on_error=False,
    )
    assert any("gross_margin: 7 is not allowed" in str(event) for event in result.all_events)


def test_dagster_phones_nobody(scratch_home, monkeypatch):
    from orchestration.runs.dagster_home import prepare_dagster_home

    monkeypatch.setenv("DAGSTER_HOME", "set here so that it is put back afterwards")
    prepare_dagster_home()
    with dg.DagsterInstance.get() as instance:
        assert not instance.telemetry_enabled
    configuration = yaml.safe_load((scratch_home / "dagster/dagster.yaml").read_text())
    assert configuration["nux"] == {"enabled": False}


def test_what_only_the_vars_of_a_run_enable_is_no_asset(manifest):
    """A run with `merges_apply: from_the_merge_on` builds models that Dagster does not know."""
    from orchestration.defs.transform import _is_of_vars

    def event(unique_id):
        return {"data": {"node_info": {"unique_id": unique_id}}}

    assert _is_of_vars(event("model.tenure.int_accounts_dated"))
    disabled = [name for name, node in manifest["nodes"].items() if not node["config"]["enabled"]]
    assert disabled and all(_is_of_vars(event(name)) for name in disabled)
    assert not _is_of_vars(event("model.tenure.rpt_mrr"))
    # An exposure and dbt's own events pass.
    assert not _is_of_vars(event("exposure.tenure.board_plays"))
    assert not _is_of_vars({"data": {}})
