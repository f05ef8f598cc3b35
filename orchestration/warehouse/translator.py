"""The look of dbt's nodes in Dagster."""

from collections.abc import Mapping
from typing import Any

from dagster import AssetSpec
from dagster_dbt import DagsterDbtTranslator, DbtProject

from orchestration.warehouse.manifest import group


class TenureTranslator(DagsterDbtTranslator):
    """Groups assets by folder. Keys are [schema, name]; descriptions come from the YAML files."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> AssetSpec:
        """Return the asset of one model, seed or source table."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.replace_attributes(
            group_name=group(self.get_resource_props(manifest, unique_id))
        )
