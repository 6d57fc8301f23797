"""Piecewise-linear functions of the delivered ratio: what share of a payment a performance earns.

Here: the pieces as a program file states them, and their value. Not here: the ratio itself
(delivered.py), and which program has which pieces (programs/*.toml).
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from negawatt.models.settlement.rounding import exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One straight piece: slope times ratio plus intercept.

    Attributes:
        from_ratio: Key ``from``: where it begins, itself inside; absent for the first.
        to_ratio: Key ``to``: where it ends, itself outside; absent for the last.
        slope: Rise for a ratio of 1.
        intercept: Value at a ratio of 0.
    """

    from_ratio: Annotated[Decimal | None, Field(alias="from")] = None
    to_ratio: Annotated[Decimal | None, Field(alias="to")] = None
    slope: Decimal
    intercept: Decimal

    def value(self, ratio: Decimal) -> Decimal:
        """Return the value at a ratio."""
        return self.slope * ratio + self.intercept


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceFunction:
    """The pieces of a program, lowest first; together they cover every ratio once.

    Attributes:
        continuous: Neighbors agree where they meet. Stated, so that a slip in copying is noticed.
        pieces: The pieces.

    Raises:
        ValueError: The pieces leave a gap, overlap, or are not as continuous as stated.

    Examples:
        Half of what lies above 0.5, and no more than half:

        >>> ramp = PerformanceFunction(continuous=True, pieces=(
        ...     Piece(to_ratio=Decimal("0.5"), slope=Decimal(0), intercept=Decimal(0)),
        ...     Piece(from_ratio=Decimal("0.5"), to_ratio=Decimal("1.5"), slope=Decimal("0.5"),
        ...         intercept=Decimal("-0.25")),
        ...     Piece(from_ratio=Decimal("1.5"), slope=Decimal(0), intercept=Decimal("0.5"))))
        >>> ramp(Decimal("0.2")), ramp(Decimal(1)), ramp(Decimal(9))
        (Decimal('0.0'), Decimal('0.25'), Decimal('0.5'))
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    continuous: bool
    pieces: Annotated[tuple[Piece, ...], Field(min_length=1)]

    def __post_init__(self) -> None:
        if self.pieces[0].from_ratio is not None or self.pieces[-1].to_ratio is not None:
            raise ValueError("the first piece must have no 'from' and the last no 'to'")
        for lower, upper in pairwise(self.pieces):
            if lower.to_ratio is None or lower.to_ratio != upper.from_ratio:
                raise ValueError(f"pieces must meet, got {lower.to_ratio} and {upper.from_ratio}")
        starts = [piece.from_ratio for piece in self.pieces if piece.from_ratio is not None]
        if starts != sorted(set(starts)):
            raise ValueError("pieces must rise")
        if self.continuous != (not self.jumps):
            raise ValueError(f"continuous is {self.continuous}, but jumps are at {self.jumps}")

    @property
    @exactly
    def jumps(self) -> tuple[Decimal, ...]:
        """Ratios at which neighbors do not agree."""
        return tuple(
            upper.from_ratio
            for lower, upper in pairwise(self.pieces)
            if upper.from_ratio is not None
            and lower.value(upper.from_ratio) != upper.value(upper.from_ratio)
        )

    @exactly
    def __call__(self, ratio: Decimal) -> Decimal:
        """Return the value at a ratio, of the piece that it lies in."""
        inside = (p for p in self.pieces if p.to_ratio is None or ratio < p.to_ratio)
        return next(inside).value(ratio)
