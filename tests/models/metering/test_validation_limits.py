"""The lines of the checks are data, each with its reason, and a site names them as they are."""

import tomllib
from dataclasses import fields
from importlib.resources import files
from typing import get_args

from negawatt.models.metering.validation_limits import ValidationLimits
from negawatt.warehouse.sites import MeterLimit

NAMES = {field.name for field in fields(ValidationLimits)}


def test_every_limit_has_a_value_a_reason_and_a_source() -> None:
    text = (files("negawatt.models.metering") / "validation.toml").read_text(encoding="utf-8")
    rules = tomllib.loads(text)

    assert set(rules) == NAMES
    assert all(set(rule) == {"value", "reason", "source"} for rule in rules.values())


def test_a_site_may_replace_each_limit_and_no_other() -> None:
    assert set(get_args(MeterLimit)) == NAMES
