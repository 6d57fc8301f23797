"""How much the answer depends on the choice of baseline: the reduction under every method.

The settled method is the tariff's; the others corroborate it. Not here: which methods a site may
elect, and the methods themselves (negawatt.models.baselines).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.verification.reduction import EventReduction, event_reduction

LIMIT_RATIO: Final = 0.05
"""A spread above this share of the settled reduction is worth a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodReduction:
    """What one method says.

    Attributes:
        method_id: Name of the method or rule.
        reduction_kwh: Reduction over the event under it [kWh].
    """

    method_id: str
    reduction_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NotComputable:
    """A method that could not be computed, and why."""

    method_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The reduction under every method, the settled one first, the others by name.

    Attributes:
        computed: Methods that gave a reduction.
        not_computable: Methods that did not, by name.
        spread_kwh: Largest less smallest reduction [kWh]; None where fewer than two are known.
        spread_ratio: Spread over the size of the settled reduction; None where not defined.
        findings: METHOD_NOT_COMPUTABLE for each of them; BASELINE_CHOICE_MATTERS where the spread
            is above the limit.
    """

    computed: tuple[MethodReduction, ...]
    not_computable: tuple[NotComputable, ...]
    spread_kwh: float | None
    spread_ratio: float | None
    findings: tuple[Finding, ...]


def method_sensitivity(
    settled: EventReduction,
    methods: Mapping[str, Callable[[], BaselineResult]],
    *,
    limit_ratio: float = LIMIT_RATIO,
) -> Sensitivity:
    """Compute every other method that can be computed, and compare.

    Args:
        settled: The reduction by the program's rule.
        methods: The other methods by name, each a call that computes the event's baseline or
            raises DataRefusedError.
        limit_ratio: Spread that is worth a finding, as share of the settled reduction.
    """
    computed: list[MethodReduction] = []
    not_computable: list[NotComputable] = []
    if settled.reduction_kwh is not None:
        computed.append(
            MethodReduction(method_id=settled.rule_id, reduction_kwh=settled.reduction_kwh)
        )
    for method_id, compute in sorted(methods.items()):
        outcome = _try(method_id, compute)
        if isinstance(outcome, MethodReduction):
            computed.append(outcome)
        else:
            not_computable.append(outcome)
    spread_kwh = _spread_kwh(computed)
    spread_ratio = (
        spread_kwh / abs(settled.reduction_kwh)
        if spread_kwh is not None and settled.reduction_kwh
        else None
    )
    findings = [_not_computable_finding(method) for method in not_computable]
    if _matters(settled, spread_kwh, limit_ratio):
        findings.append(_choice_matters(settled.rule_id, computed, spread_ratio, limit_ratio))
    return Sensitivity(
        computed=tuple(computed),
        not_computable=tuple(not_computable),
        spread_kwh=spread_kwh,
        spread_ratio=spread_ratio,
        findings=tuple(findings),
    )


def _try(method_id: str, compute: Callable[[], BaselineResult]) -> MethodReduction | NotComputable:
    try:
        reduction = event_reduction(compute())
    except DataRefusedError as error:
        return NotComputable(method_id=method_id, reason=str(error))
    if reduction.reduction_kwh is None:
        return NotComputable(method_id=method_id, reason=reduction.findings[0].message)
    return MethodReduction(method_id=method_id, reduction_kwh=reduction.reduction_kwh)


def _spread_kwh(computed: list[MethodReduction]) -> float | None:
    reductions_kwh = [method.reduction_kwh for method in computed]
    return max(reductions_kwh) - min(reductions_kwh) if len(reductions_kwh) > 1 else None


def _matters(settled: EventReduction, spread_kwh: float | None, limit_ratio: float) -> bool:
    if settled.reduction_kwh is None or spread_kwh is None:
        return False
    return spread_kwh > limit_ratio * abs(settled.reduction_kwh)


def _not_computable_finding(method: NotComputable) -> Finding:
    return Finding(
        code=FindingCode.METHOD_NOT_COMPUTABLE,
        severity=Severity.INFO,
        subject=f"method {method.method_id!r}",
        message=method.reason,
    )


def _choice_matters(
    rule_id: str,
    computed: list[MethodReduction],
    spread_ratio: float | None,
    limit_ratio: float,
) -> Finding:
    return Finding(
        code=FindingCode.BASELINE_CHOICE_MATTERS,
        severity=Severity.WARNING,
        subject=f"rule {rule_id!r}",
        message=f"reductions by {len(computed)} methods spread over more than {limit_ratio:.0%} "
        "of the settled one",
        evidence={
            "reduction_kwh": {method.method_id: method.reduction_kwh for method in computed},
            "spread_ratio": spread_ratio,
            "limit_ratio": limit_ratio,
        },
    )
