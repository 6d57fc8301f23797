"""What Dagster shows of a table before it is written: generated from the table catalog.

Here: descriptions and columns. Not here: what is shown of rows (negawatt.pipelines.shown), and the
rules that they obey (negawatt.pipelines.checks).
"""

from typing import Any, Final

import dagster as dg

from negawatt.warehouse.catalog import fields, table

COLUMNS: Final = "dagster/column_schema"
"""Where Dagster looks for the columns of an asset."""


def table_spec(name: str, **how: Any) -> dg.AssetSpec:  # noqa: ANN401 - what AssetSpec takes
    """Return the asset of a table, described.

    Args:
        name: A table of the catalog.
        how: What else ``dagster.AssetSpec`` takes.

    Examples:
        >>> spec = table_spec("core_gpu__interval_energy")
        >>> spec.description
        'One row for each GPU x minute.'
        >>> [(one.name, one.description) for one in spec.metadata[COLUMNS].columns][6]
        ('energy_j', 'Energy used in the interval [J]')
    """
    columns = [
        dg.TableColumn(
            name=column,
            type=fields()[column].type,
            description=_meaning(column),
            constraints=dg.TableColumnConstraints(nullable=column in table(name).optional),
        )
        for column in table(name).columns
    ]
    return dg.AssetSpec(
        name,
        description=f"One row for each {table(name).grain}.",
        metadata={COLUMNS: dg.TableSchema(columns=columns)},
        kinds={"deltalake"},
        **how,
    )


def _meaning(column: str) -> str:
    field = fields()[column]
    return field.meaning + (f" [{field.unit}]" if field.unit else "")
