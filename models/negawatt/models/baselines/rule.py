"""One baseline rule: what a program fixes, as data, and where it was read.

Here: the whole of one program file as a frozen dataclass, and the checks that need two keys. Not
here: its tables (rule_parts.py), reading files (registry.py), what a program pays (settlement).

Every key that is accepted changes a result or is shown to the reader; there are no idle settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from negawatt.models.baselines.rule_days import (
    DayType,
    Exclusions,
    Lookback,
    LowUsage,
    Rank,
    ReadmitEventDays,
    UseAvailable,
)
from negawatt.models.baselines.rule_parts import AccuracyGate, Effective, Rounding, SettlementClock
from negawatt.models.baselines.rule_windows import AdjustmentRule, SameDay
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE

MINUTES_PER_H = S_PER_H // S_PER_MINUTE

Fallback = UseAvailable | ReadmitEventDays | Literal["fail"]


class Confidence(StrEnum):
    """How well a fact of a rule is known."""

    VERIFIED = "verified"
    SECONDHAND = "secondhand"
    MEMORY_HIGH = "memory-high"
    MEMORY_MEDIUM = "memory-medium"
    MEMORY_LOW = "memory-low"
    DESIGN = "design"

    @property
    def words(self) -> str:
        """How well, for a reader of a statement."""
        return _CONFIDENCE_WORDS[self]

    @property
    def needs_check(self) -> bool:
        """Whether the primary document must be read before money moves on the fact."""
        return self not in (Confidence.VERIFIED, Confidence.DESIGN)


_CONFIDENCE_WORDS: Mapping[Confidence, str] = {
    Confidence.VERIFIED: "read in the source",
    Confidence.SECONDHAND: "read in a document that restates the source",
    Confidence.MEMORY_HIGH: "not read in any document; widely known",
    Confidence.MEMORY_MEDIUM: "not read in any document; likely",
    Confidence.MEMORY_LOW: "not read in any document; doubtful",
    Confidence.DESIGN: "a choice of negawatt's own",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document that the rule was read from, or must be checked against.

    Attributes:
        source_id: Short name by which facts cite it.
        document: Title.
        section: Where in it.
        url: Where to find it, if that is known.
    """

    source_id: str
    document: str
    section: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One load-bearing statement of the rule.

    Attributes:
        parameter: The key it fixes.
        statement: What the program says, in words.
        confidence: How well it is known.
        source_id: The source that says it.
        check: What to read before money moves on it; empty where nothing is open.
    """

    parameter: str
    statement: str
    confidence: Confidence
    source_id: str
    check: str = ""

    def __post_init__(self) -> None:
        if self.confidence.needs_check and not self.check:
            raise ValueError(f"fact {self.parameter!r} is not verified: say what to check")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """The content of one program file.

    Attributes:
        program_id: Name of the program, and of its file.
        name: What the program calls the method.
        market: Who runs the program.
        rule_version: Manual revision or tariff docket; the month of reading where none was read.
        effective: Days on which the rule is in force.
        algorithm: ``x_of_y`` (earlier days) or ``same_day`` (the event day around the event).
        interval_minutes: Length of a program interval [min].
        settlement_clock: The clock of days and hours.
        dst_policy: ``exclude_transition_days``: days of 23 or 25 hours are no candidates.
            ``align_clock``: they are; an hour that does not exist drops the day where it is
            needed, the two occurrences of an hour are averaged. ``standard_time``: there are none.
        sources: Where the rule was read.
        facts: Its load-bearing statements.
        holiday_calendar: ``nerc``, ``national:US`` (any country code) or ``none``.
        day_types: Days that are compared with each other.
        lookback: Where candidates are sought.
        exclusions: Days that are not eligible.
        low_usage: Days that are too unlike the others.
        insufficient_days: What to do with fewer than Y days, in order.
        rank: How X are chosen of Y.
        aggregator: What becomes of the X values of an interval.
        adjustment: The same-day adjustment.
        same_day: Windows of a same-day baseline.
        accuracy_gate: Accuracy that the program asks for.
        rounding: Rounding steps; none where the program states none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    program_id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    name: str
    market: str
    rule_version: str
    effective: Effective
    algorithm: Literal["x_of_y", "same_day"]
    interval_minutes: Literal[1, 5, 10, 15, 30, 60]
    settlement_clock: SettlementClock
    dst_policy: Literal["exclude_transition_days", "align_clock", "standard_time"]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    facts: Annotated[tuple[Fact, ...], Field(min_length=1)]
    holiday_calendar: Annotated[str, Field(pattern=r"^(nerc|none|national:[A-Z]{2})$")] = "none"
    day_types: tuple[DayType, ...] = ()
    lookback: Lookback | None = None
    exclusions: Exclusions = field(default_factory=Exclusions)
    low_usage: LowUsage = field(default_factory=LowUsage)
    insufficient_days: tuple[Fallback, ...] = ("fail",)
    rank: Rank | None = None
    aggregator: Literal["mean", "median", "min", "max", "weighted_mean"] = "mean"
    adjustment: AdjustmentRule = field(default_factory=AdjustmentRule)
    same_day: SameDay | None = None
    accuracy_gate: AccuracyGate | None = None
    rounding: tuple[Rounding, ...] = ()

    def __post_init__(self) -> None:
        self._check_algorithm()
        self._check_names()
        if (self.dst_policy == "standard_time") != (self.settlement_clock.mode == "standard"):
            raise ValueError("dst_policy 'standard_time' and clock mode 'standard' belong together")
        for day_type in self.day_types:
            weighted = self.aggregator == "weighted_mean"
            if len(day_type.weights) != (day_type.selected_count if weighted else 0):
                raise ValueError(
                    f"day type {day_type.name!r}: 'weighted_mean' needs X weights and no other "
                    f"aggregator takes any, got {len(day_type.weights)}"
                )
        if self.aggregator == "weighted_mean" and self.rank and self.rank.scope == "interval":
            raise ValueError("'weighted_mean' weighs days by recency and needs rank scope 'day'")
        if self.low_usage.reference == "max_hourly_in_event_window_30d" and (
            self.interval_minutes != MINUTES_PER_H
        ):
            raise ValueError("a maximum of hourly load needs interval_minutes = 60")

    def _check_algorithm(self) -> None:
        days_stated = bool(self.day_types) and self.lookback is not None and self.rank is not None
        if self.algorithm == "x_of_y" and (not days_stated or self.same_day is not None):
            raise ValueError("'x_of_y' needs day_types, lookback and rank, and no same_day")
        if self.algorithm == "same_day" and (self.same_day is None or self.day_types):
            raise ValueError("'same_day' needs the table same_day, and no day_types")

    def _check_names(self) -> None:
        names = [day_type.name for day_type in self.day_types]
        targets = {d.holiday_as for d in self.day_types if d.holiday_as is not None}
        dows = [dow for day_type in self.day_types for dow in day_type.dows]
        if len(set(names)) < len(names) or len(set(dows)) < len(dows):
            raise ValueError("each day type needs its own name and its own days of the week")
        if not targets <= set(names):
            raise ValueError(f"holiday_as must name a day type, got {sorted(targets - set(names))}")
        cited = {fact.source_id for fact in self.facts}
        known = {source.source_id for source in self.sources}
        if not cited <= known:
            raise ValueError(f"facts must cite a source of the file, got {sorted(cited - known)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRule(RuleFile):
    """A rule as it is computed with: the file, its digest, and what was overridden.

    Attributes:
        digest: SHA-256 of the file's bytes, followed by the overrides where there are any.
        overrides: ``key=value`` texts that replaced keys of the file, in the order given.
    """

    digest: str
    overrides: tuple[str, ...] = ()

    @property
    def rule_id(self) -> str:
        """The rule with its version, as a statement cites it."""
        suffix = "+overrides" if self.overrides else ""
        return f"{self.program_id}@{self.rule_version}{suffix}"

    @property
    def unverified_facts(self) -> tuple[Fact, ...]:
        """Facts whose primary document must be read before money moves on them."""
        return tuple(fact for fact in self.facts if fact.confidence.needs_check)
