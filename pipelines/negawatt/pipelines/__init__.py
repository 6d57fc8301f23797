"""Dagster: when things are computed, for which site, day and event, and where they go.

Here: partitions, assets that read, call one function and write, checks, schedules, sensors and
renderings. Not here: what the numbers mean (negawatt.models), SQL and layout (negawatt.warehouse).
"""

import warnings

import dagster as dg

# `backfill_policy` is beta in Dagster 1.13; the version is pinned below 1.14, and a person who
# settles an event can do nothing about it. To be removed when the parameter leaves beta.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
