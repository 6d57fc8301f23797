"""Several programs at one meter: no MWh is paid twice, and whose event days count for whom.

Not here: what a program pays for its share.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.settlement.payment.delivered import ZERO
from negawatt.models.settlement.rounding import exactly


@exactly
def paid_once_kwh(
    claims_kwh: Mapping[str, Sequence[Decimal]], priority: Sequence[str]
) -> dict[str, tuple[Decimal, ...]]:
    """Divide the reductions of the same intervals among programs, so that none is paid twice.

    An interval pays as much as the largest claim, to the programs in order of priority; a claim
    that is not positive is no credit, it stays with its program as it is.

    Args:
        claims_kwh: Reduction of each interval by each program's own rule [kWh].
        priority: Every program, the one that is paid first first.

    Returns:
        What each program is paid for, of each interval [kWh].

    Raises:
        DataRefusedError: The priority is not stated for exactly the programs that claim.

    Source: NYISO Services Tariff, attachment G: payment under one program only for a MWh.

    Examples:
        >>> claims = {"energy": [Decimal(8), Decimal(5)], "capacity": [Decimal(6), Decimal(7)]}
        >>> paid = paid_once_kwh(claims, ["capacity", "energy"])
        >>> [str(value) for value in paid["capacity"]], [str(value) for value in paid["energy"]]
        (['6', '7'], ['2', '0'])
    """
    if sorted(priority) != sorted(claims_kwh):
        raise DataRefusedError(
            thing="programs that claim the same intervals",
            expected=f"an order of priority of {sorted(claims_kwh)}",
            found=str(sorted(priority)),
            remedy="state which program is paid first; order of arrival decides nothing",
        )
    counts = {len(claim) for claim in claims_kwh.values()}
    if len(counts) > 1:
        raise ValueError(f"claims must be of the same intervals, got {sorted(counts)} of them")
    paid_kwh: list[Decimal] = [ZERO] * max(counts, default=0)
    shares = {}
    for program_id in priority:
        share = []
        for position, claim_kwh in enumerate(claims_kwh[program_id]):
            left_kwh = max(ZERO, claim_kwh - paid_kwh[position])
            share.append(left_kwh if claim_kwh > 0 else claim_kwh)
            paid_kwh[position] += left_kwh
        shares[program_id] = tuple(share)
    return shares


def excluding_windows(
    events: Iterable[Event], program_id: str, *, other_programs_count: bool
) -> tuple[Interval, ...]:
    """Return the event windows whose days are no baseline days of a program, oldest first.

    Args:
        events: All events of the site.
        program_id: The program whose baseline is computed.
        other_programs_count: Days of other programs' events are excluded too (the key
            ``other_program_event_days``).
    """
    return tuple(
        sorted(
            event.interval
            for event in events
            if not event.cancelled and (other_programs_count or event.program_id == program_id)
        )
    )
