"""Assets that only wire: read, call one function, write. One module for each layer."""

import warnings

import dagster as dg

# `backfill_policy` is beta in Dagster 1.13; the version is pinned below 1.14, and a person who
# settles an event can do nothing about it. To be removed when the parameter leaves beta.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
