"""What the numbers mean: pure functions over values, arrays and frames.

Here: physics, tariff rules, statistics and the simulated hall. Not here: files (but the rule
files of this package), clocks, networks, databases and the orchestrator.
"""
