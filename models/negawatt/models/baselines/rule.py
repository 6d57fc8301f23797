"""One baseline rule: what a program fixes, as data, and where it was read.

Here: the whole of one program file as a frozen dataclass, and the checks that need two keys. Not
here: its tables (rule_parts.py), reading files (registry.py), what a program pays (settlement).

Every key that is accepted changes a result or is shown to the reader; there are no idle settings.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from negawatt.models.baselines.rule_checks import EARLIER_DAYS, check_rule
from negawatt.models.baselines.rule_days import (
    DayType,
    Exclusions,
    Lookback,
    LowUsage,
    Rank,
    Rolling,
    Season,
)
from negawatt.models.baselines.rule_fallback import (
    ExtendLookback,
    ReadmitEventDays,
    SwitchTo,
    UseAvailable,
)
from negawatt.models.baselines.rule_inputs import (
    CoincidentLoad,
    ControlGroupRule,
    Level,
    NominatedRule,
    RegressionRule,
)
from negawatt.models.baselines.rule_parts import (
    AccuracyGate,
    Deadline,
    Effective,
    Rounding,
    SettlementClock,
)
from negawatt.models.baselines.rule_sources import Fact, Source
from negawatt.models.baselines.rule_windows import AdjustmentRule, BaselineHours, SameDay
from negawatt.models.metering.estimation import EstimationRule

Fallback = UseAvailable | ReadmitEventDays | ExtendLookback | SwitchTo | Literal["fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """The content of one program file.

    Attributes:
        program_id: Name of the program, and of its file.
        name: What the program calls the method.
        market: Who runs the program.
        rule_version: Manual revision or tariff docket; the month of reading where none was read.
        effective: Days on which the rule is in force.
        performance_evaluation_methodology: NAESB's word for the method, where it is known.
        algorithm: ``x_of_y`` and its kin compare earlier days: ``match_day`` those of like shape,
            ``weather_match`` of like temperature, ``rolling_average`` weighs all of them,
            ``maximum_base_load`` takes a level that the site always exceeds, ``generator_output``
            the typical output of a generator. ``same_day`` reads the event day around the event.
            The others are named after what they ask for beside the load (rule_inputs.py).
        interval_minutes: Length of a program interval [min].
        coarser_data: Load of longer intervals is refused, or taken as a ``flat_profile``.
        settlement_clock: The clock of days and hours.
        dst_policy: ``exclude_transition_days``: days of 23 or 25 hours are no candidates.
            ``align_clock``: they are; an hour that does not exist drops the day where it is
            needed, the two occurrences of an hour are averaged. ``standard_time``: there are none.
        sources: Where the rule was read.
        facts: Its load-bearing statements.
        aggregation: What a portfolio's baseline is, where the program says so.
        holiday_calendar: ``nerc``, ``national:US`` (any country code, and a region: ``AU-NSW``) or
            ``none``.
        holidays_added: Further holidays of the program.
        holidays_dropped: Names of the calendar's holidays that are ordinary days to the program.
        seasons: The program's seasons.
        day_types: Days that are compared with each other.
        lookback: Where candidates are sought.
        exclusions: Days that are not eligible.
        low_usage: Days that are too unlike the others.
        insufficient_days: What to do with fewer than Y days, in order.
        rank: How X are chosen of Y.
        aggregator: What becomes of the X values of an interval.
        rolling: Weights of ``rolling_average``.
        baseline_hours: Hours that stand for the event's, where they are others.
        flat: One value for the whole event: the mean, lowest or highest of the intervals.
        adjustment: The same-day adjustment.
        baseline_floor_kw: The adjusted baseline is not below this [kW].
        baseline_ceiling_kw: The adjusted baseline is not above this [kW].
        same_day: Windows of a same-day baseline.
        level: The power that a level is.
        comparison: Program whose baseline a guaranteed drop is measured from.
        coincident_load: Hours of an average coincident load.
        control_group: The group of a control group.
        nominated: The lock of a nominated schedule.
        regression: The model of a regression.
        estimates: How gaps of the event's days are filled; without it an estimate blocks.
        accuracy_gate: Accuracy that the program asks for.
        rounding: Rounding steps; a settlement needs the one of ``energy``.
        deadline: Until when the program takes a settlement, where that is known.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    program_id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    name: str
    market: str
    rule_version: str
    effective: Effective
    performance_evaluation_methodology: (
        Literal[
            "baseline_type_i",
            "baseline_type_ii",
            "maximum_base_load",
            "meter_before_meter_after",
            "metering_generator_output",
        ]
        | None
    ) = None
    algorithm: Literal[
        "x_of_y",
        "match_day",
        "weather_match",
        "rolling_average",
        "maximum_base_load",
        "generator_output",
        "same_day",
        "regression",
        "firm_service_level",
        "guaranteed_load_drop",
        "average_coincident_load",
        "control_group",
        "nominated",
    ]
    interval_minutes: Literal[1, 5, 10, 15, 30, 60]
    coarser_data: Literal["refuse", "flat_profile"] = "refuse"
    settlement_clock: SettlementClock
    dst_policy: Literal["exclude_transition_days", "align_clock", "standard_time"]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    facts: Annotated[tuple[Fact, ...], Field(min_length=1)]
    aggregation: Literal["sum_of_site_baselines", "baseline_of_summed_load"] | None = None
    holiday_calendar: Annotated[
        str, Field(pattern=r"^(nerc|none|national:[A-Z]{2}(-[A-Z0-9]{1,4})?)$")
    ] = "none"
    holidays_added: tuple[date, ...] = ()
    holidays_dropped: tuple[str, ...] = ()
    seasons: tuple[Season, ...] = ()
    day_types: tuple[DayType, ...] = ()
    lookback: Lookback | None = None
    exclusions: Exclusions = field(default_factory=Exclusions)
    low_usage: LowUsage = field(default_factory=LowUsage)
    insufficient_days: tuple[Fallback, ...] = ("fail",)
    rank: Rank | None = None
    aggregator: Literal["mean", "median", "min", "max", "weighted_mean", "rolling"] = "mean"
    rolling: Rolling | None = None
    baseline_hours: BaselineHours | None = None
    flat: Literal["none", "mean", "min", "max"] = "none"
    adjustment: AdjustmentRule = field(default_factory=AdjustmentRule)
    baseline_floor_kw: float | None = None
    baseline_ceiling_kw: float | None = None
    same_day: SameDay | None = None
    level: Level | None = None
    comparison: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] | None = None
    coincident_load: CoincidentLoad | None = None
    control_group: ControlGroupRule | None = None
    nominated: NominatedRule | None = None
    regression: RegressionRule | None = None
    estimates: EstimationRule | None = None
    accuracy_gate: AccuracyGate | None = None
    rounding: tuple[Rounding, ...] = ()
    deadline: Deadline | None = None

    def __post_init__(self) -> None:
        check_rule(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRule(RuleFile):
    """A rule as it is computed with: the file, its digest, and what was overridden.

    Attributes:
        digest: SHA-256 of the file's bytes, followed by the overrides where there are any.
        overrides: ``key=value`` texts that replaced keys of the file, in the order given.
    """

    digest: str
    overrides: tuple[str, ...] = ()

    def __hash__(self) -> int:
        """Return the hash of the digest: it stands for everything else."""
        return hash(self.digest)

    @property
    def compares_days(self) -> bool:
        """Whether eligible days are ranked and aggregated."""
        return self.algorithm in EARLIER_DAYS

    @property
    def rule_id(self) -> str:
        """The rule with its version, as a statement cites it."""
        suffix = "+overrides" if self.overrides else ""
        return f"{self.program_id}@{self.rule_version}{suffix}"

    @property
    def unverified_facts(self) -> tuple[Fact, ...]:
        """Facts whose primary document must be read before money moves on them."""
        return tuple(fact for fact in self.facts if fact.confidence.needs_check)


def low_confidence_facts(rule: BaselineRule) -> tuple[Fact, ...]:
    """Return the facts of a rule that nobody read and that may well be otherwise.

    Examples:
        >>> from negawatt.models.baselines.registry import load_program
        >>> [fact.parameter for fact in low_confidence_facts(load_program("pjm_economic_3day"))]
        ['accuracy_gate.days']
    """
    return tuple(fact for fact in rule.facts if fact.confidence.is_low)
