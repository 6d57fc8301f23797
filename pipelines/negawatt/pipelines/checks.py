"""Asset checks, generated from the table catalog: one for each rule of each table.

Here: their specifications and results. Not here: the rules themselves (negawatt.warehouse.catalog).
"""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from negawatt.warehouse import catalog

_EMPTY_OUTCOMES = ("key_is_unique", "required_values_are_known", "values_are_in_range")


def check_specs(tables: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """Return a blocking check for each rule of each table."""
    return [
        dg.AssetCheckSpec(name=rule, asset=table, blocking=True)
        for table in tables
        for rule in _EMPTY_OUTCOMES
    ]


def check_results(table: str, frame: pl.DataFrame) -> list[dg.AssetCheckResult]:
    """Hold a frame against the rules of its table."""
    return [
        dg.AssetCheckResult(
            asset_key=table,
            check_name=outcome.name,
            passed=outcome.passed,
            metadata={"found": outcome.found},
        )
        for outcome in catalog.check(table, catalog.conform(table, frame))
    ]
