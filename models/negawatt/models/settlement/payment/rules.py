"""Payment rules: what a program pays, as data, with where each fact was read.

Here: the content of one file of programs/, found, read and validated. Not here: the kinds of
payment (components.py), and baselines (negawatt.models.baselines).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from negawatt.models.baselines.rule_parts import Effective
from negawatt.models.baselines.rule_sources import Fact, Source
from negawatt.models.domain.errors import ConfigurationError, invalid_file
from negawatt.models.settlement.payment.components import (
    Availability,
    Capacity,
    Component,
    Performance,
    Ratio,
)
from negawatt.models.settlement.payment.joined import ShorterPrices
from negawatt.models.settlement.payment.standing import StandingRule
from negawatt.models.settlement.rounding import quantized, without_noise

_FILES: Final = files("negawatt.models.settlement.payment") / "programs"
_MODES: Final[Mapping[str, str]] = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "truncate": ROUND_DOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingStage:
    """One rounding step.

    Attributes:
        stage: What is rounded: delivered power of an interval, a factor, or a payment.
        decimals: Decimals that are kept.
        mode: What becomes of a half.
    """

    stage: Literal["reduction", "factor", "payment"]
    decimals: Annotated[int, Field(ge=0, le=9)]
    mode: Literal["half_up", "half_even", "truncate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFile:
    """The content of one file.

    Attributes:
        payment_id: Name of the rule, and of its file.
        name: What the program calls itself.
        market: Who runs it.
        currency: ISO 4217 code of every amount.
        rule_version: Manual revision or tariff docket; the month of reading where none was read.
        effective: Days on which the rule is in force.
        program_ids: Baseline rules whose reductions it pays.
        performance: What counts as delivered.
        payments: What is paid and charged.
        rounding: Rounding steps, among them the one of payments.
        shorter_prices: What becomes of prices of shorter intervals than the energy: ``refuse``
            them, or ``time_mean`` where the program spreads an hour's energy evenly.
        one_payment_per_mwh: The program refuses to pay for what another program pays.
        standing: When poor performance can end a participation.
        portfolio_pass_ratio: Availability and performance that a portfolio must both reach.
        sources: Where it was read.
        facts: Its load-bearing statements.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    payment_id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    name: str
    market: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    rule_version: str
    effective: Effective
    program_ids: tuple[str, ...]
    performance: Performance
    payments: Annotated[tuple[Component, ...], Field(min_length=1)]
    rounding: tuple[RoundingStage, ...]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    facts: Annotated[tuple[Fact, ...], Field(min_length=1)]
    shorter_prices: ShorterPrices = "refuse"
    one_payment_per_mwh: bool = False
    standing: StandingRule | None = None
    portfolio_pass_ratio: Ratio | None = None

    def __post_init__(self) -> None:
        stages = [step.stage for step in self.rounding]
        if "payment" not in stages or len(set(stages)) < len(stages):
            raise ValueError(f"rounding must state 'payment', and each stage once, got {stages}")
        cited = {fact.source_id for fact in self.facts}
        known = {source.source_id for source in self.sources}
        if cited != known:
            raise ValueError(f"facts and sources must match, got {sorted(cited ^ known)} apart")
        names = [component.name for component in self.payments]
        if len(set(names)) < len(names):
            raise ValueError(f"each payment needs its own name, got {names}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRule(PaymentFile):
    """A rule as it is paid by.

    Attributes:
        digest: SHA-256 of the file's bytes.
    """

    digest: str

    @property
    def rule_id(self) -> str:
        """The rule with its version, as a statement cites it."""
        return f"{self.payment_id}@{self.rule_version}"

    @property
    def unverified_facts(self) -> tuple[Fact, ...]:
        """Facts whose primary document must be read before money moves on them."""
        return tuple(fact for fact in self.facts if fact.confidence.needs_check)

    @property
    def event_payments(self) -> tuple[Component, ...]:
        """What is paid or charged for each event."""
        return tuple(c for c in self.payments if not isinstance(c, Capacity | Availability))

    @property
    def period_payments(self) -> tuple[Capacity | Availability, ...]:
        """What is paid for each day, week, month or contract period."""
        return tuple(c for c in self.payments if isinstance(c, Capacity | Availability))

    def portfolio_passes(
        self, availability_ratio: Decimal, performance_ratio: Decimal
    ) -> bool | None:
        """Say whether a portfolio reached both; None where the program asks for neither.

        Examples:
            >>> ers = load_payment_rule("ercot_ers")
            >>> ers.portfolio_passes(Decimal("0.99"), Decimal("0.95"))
            True
            >>> ers.portfolio_passes(Decimal("0.99"), Decimal("0.949"))
            False
        """
        if self.portfolio_pass_ratio is None:
            return None
        return min(availability_ratio, performance_ratio) >= self.portfolio_pass_ratio

    def rounded(self, value: Decimal, stage: str) -> Decimal:
        """Round a figure of a stage; unrounded where the program states no rounding of it."""
        for step in self.rounding:
            if step.stage == stage:
                return quantized(without_noise(value), step.decimals, _MODES[step.mode])
        return value


_PAYMENT_FILE: Final = TypeAdapter(PaymentFile)


def list_payment_rules() -> tuple[str, ...]:
    """Return the identifiers of the built-in payment rules, in alphabetical order.

    Examples:
        >>> "gb_dfs" in list_payment_rules()
        True
    """
    names = (entry.name for entry in _FILES.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load_payment_rule(payment_id: str) -> PaymentRule:
    """Return a built-in payment rule.

    Raises:
        ConfigurationError: There is no such rule.

    Examples:
        >>> load_payment_rule("gb_dfs").currency
        'GBP'
    """
    return payment_rule_from_bytes(payment_rule_text(payment_id).encode(), f"{payment_id}.toml")


def payment_rule_text(payment_id: str) -> str:
    """Return the file of a built-in payment rule, word for word.

    Raises:
        ConfigurationError: There is no such rule.
    """
    if payment_id not in list_payment_rules():
        raise ConfigurationError(
            thing=f"payment rule {payment_id!r}",
            expected=f"one of {', '.join(list_payment_rules())}",
            found="no such rule",
            remedy="name a listed rule; a program without one is settled in energy, not in money",
        )
    return (_FILES / f"{payment_id}.toml").read_text(encoding="utf-8")


def payment_rules_of(program_id: str) -> tuple[PaymentRule, ...]:
    """Return the payment rules that pay the reductions of a baseline rule, by name.

    Examples:
        >>> [rule.payment_id for rule in payment_rules_of("pjm_economic_3day")]
        ['pjm_economic', 'pjm_economic_day_ahead']
    """
    rules = map(load_payment_rule, list_payment_rules())
    return tuple(rule for rule in rules if program_id in rule.program_ids)


def payment_rule_from_bytes(content: bytes, path: object) -> PaymentRule:
    """Validate the bytes of a payment file; ``path`` names it in messages.

    Numbers are read as decimals: 0.1 in the file is a tenth, not a binary fraction near it.

    Raises:
        ConfigurationError: The bytes are no TOML, or break the schema.
    """
    try:
        document = tomllib.loads(content.decode(), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            thing=str(path), expected="TOML", found=str(error), remedy="correct the file"
        ) from error
    try:
        checked = _PAYMENT_FILE.validate_python(document)
    except ValidationError as error:
        problems = [dict(problem) for problem in error.errors(include_url=False)]
        raise invalid_file(path, problems, remedy="correct the key") from error
    values = {one.name: getattr(checked, one.name) for one in fields(PaymentFile)}
    return PaymentRule(**values, digest=sha256(content).hexdigest())
