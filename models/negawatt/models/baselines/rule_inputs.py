"""Tables of a program file that ask for more than the site's load: levels, groups, schedules.

Here: names, types, ranges and defaults of the parameters. Not here: the inputs themselves
(site_inputs.py) and what is computed from them (levels.py, other_meters.py, regression.py).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A power that the program sets or agreed with the site, as a flat baseline.

    Attributes:
        source: Which named input of the site it is.
        divided_by_loss_factor: The level is at the transmission grid; the meter's is lower by the
            loss factor.
    """

    source: Literal[
        "peak_load_contribution_kw",
        "winter_peak_load_kw",
        "firm_service_level_kw",
        "declared_maximum_base_load_kw",
        "average_peak_demand_kw",
    ]
    divided_by_loss_factor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CoincidentLoad:
    """The site's own load in the hours of the system's highest load.

    Attributes:
        highest_count: How many of the site's loads in those hours are averaged, highest first.
        system_hours: How many hours of highest system load there are.
    """

    highest_count: Annotated[int, Field(ge=1)]
    system_hours: Annotated[int, Field(ge=1)]

    def __post_init__(self) -> None:
        if self.highest_count > self.system_hours:
            raise ValueError(
                f"highest_count must not exceed system_hours ({self.system_hours}), got "
                f"{self.highest_count}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroupRule:
    """Units that were not dispatched stand for those that were.

    Attributes:
        min_units: Fewest units that the program accepts as a group.
    """

    min_units: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NominatedRule:
    """The participant's own schedule is the baseline.

    Attributes:
        locked_before: The instant before which the schedule must have been locked.
    """

    locked_before: Literal["notification", "event_start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionRule:
    """A model of the load fitted on the days that are eligible.

    Attributes:
        model: ``time_of_week_and_temperature``: a level for each hour of the week, and one line of
            temperature segments.
        min_days: Fewest days that suffice.
        fitted_until: The newest day of the fit is the one before the event day, or the last one of
            the month before.
    """

    model: Literal["time_of_week_and_temperature"]
    min_days: Annotated[int, Field(ge=7)]
    fitted_until: Literal["event_day", "month_start"] = "event_day"
