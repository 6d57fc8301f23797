"""Asset checks, generated from the table catalog: one for each rule of each table.

Here: their specifications and results. Not here: the rules themselves (negawatt.warehouse.catalog).
"""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg
import polars as pl

from negawatt.pipelines.shown import Shown
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
    seen = SeenParts(table)
    for _ in seen.passing((frame,)):
        pass
    return seen.results()


class SeenParts:
    """Parts of a table's rows, held against its rules as they pass by, also over several writes.

    Attributes:
        shown: What Dagster shows of them.
    """

    def __init__(self, table: str) -> None:
        """Take the table."""
        self.shown = Shown(table)
        self._table = table
        self._outcomes: list[list[catalog.CheckOutcome]] = []

    def passing(self, parts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield each part, at least one."""
        for part in parts:
            self.shown.add(part)
            conforming = catalog.conform(self._table, part)
            self._outcomes.append(catalog.check(self._table, conforming))
            yield part

    def results(self) -> list[dg.AssetCheckResult]:
        """Return what each rule says of all parts: of the first that breaks it, if one does."""
        return [
            dg.AssetCheckResult(
                asset_key=self._table,
                check_name=outcome.name,
                passed=outcome.passed,
                metadata={"found": outcome.found},
            )
            for of_parts in zip(*self._outcomes, strict=True)
            for outcome in [min(of_parts, key=lambda outcome: outcome.passed)]
        ]
