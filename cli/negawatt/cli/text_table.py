"""A calm table: columns as wide as what stands in them, numbers to the right.

Not here: what is shown.
"""

from collections.abc import Sequence


def table_lines(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()
) -> list[str]:
    """Return the lines of a table.

    Args:
        heads: Names of the columns.
        rows: Cells, as many in each row as there are heads.
        right: Positions of the columns that stand to the right.

    Examples:
        >>> table_lines(("event", "kWh"), [("e1", "9.5"), ("e10", "120.0")], right=(1,))
        ['event    kWh', 'e1       9.5', 'e10    120.0']
    """
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(
            f"{cell:>{width}}" if place in right else f"{cell:<{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (heads, *rows)
    ]
