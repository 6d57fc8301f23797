"""From readings to energy: counters, samples, coverage, roll-up.

Not here: what a tariff does with the energy (negawatt.models.baselines, .settlement).
"""
