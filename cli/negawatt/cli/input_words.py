"""What a program asks for beside the load, in words.

Not here: the rest of the rule (rule_words.py), where the inputs are stated (site_file.py).
"""

from collections.abc import Iterator

from negawatt.models.baselines.rule import BaselineRule


def input_lines(rule: BaselineRule) -> Iterator[str]:
    """Yield a line for each table of a rule that names an input of the site."""
    if rule.comparison is not None:
        yield f"baseline      by {rule.comparison}, nowhere above the level"
    if rule.level is not None:
        at_meter = " over the loss factor" if rule.level.divided_by_loss_factor else ""
        yield f"level         {rule.level.source}{at_meter}"
    if rule.coincident_load is not None:
        hours = rule.coincident_load
        yield (
            f"baseline      mean of the {hours.highest_count} highest loads in the "
            f"{hours.system_hours} hours of highest system load"
        )
    if rule.control_group is not None:
        yield f"baseline      control group of {rule.control_group.min_units} units or more"
    if rule.nominated is not None:
        before = rule.nominated.locked_before.replace("_", " ")
        yield f"baseline      the site's own schedule, locked before the {before}"
    if rule.regression is not None:
        until = rule.regression.fitted_until.replace("_", " ")
        yield (
            f"baseline      model of {rule.regression.model.replace('_', ' ')}, fitted on "
            f"{rule.regression.min_days} days or more until the {until}"
        )
    needs = list(_needed(rule))
    if needs:
        yield f"asks for      {', '.join(needs)} (--site)"


def _needed(rule: BaselineRule) -> Iterator[str]:
    by_temperature = rule.rank is not None and rule.rank.metric == "temperature_distance"
    if by_temperature or rule.regression is not None or rule.adjustment.kind == "weather":
        yield "temperature"
    if rule.level is not None:
        yield rule.level.source
        if rule.level.divided_by_loss_factor:
            yield "loss_factor"
    if rule.coincident_load is not None:
        yield "system_peak_starts"
    if rule.algorithm == "generator_output":
        yield "generator"
    if rule.control_group is not None:
        yield "control_group"
    if rule.nominated is not None:
        yield "nomination"
