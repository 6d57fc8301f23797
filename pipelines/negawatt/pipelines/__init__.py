"""Dagster: when things are computed, for which site, day and event, and where they go.

Here: partitions, assets that read, call one function and write, checks, schedules, sensors and
renderings. Not here: what the numbers mean (negawatt.models), SQL and layout (negawatt.warehouse).
"""
