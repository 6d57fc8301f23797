"""The words every room shares: intervals, units, identifiers, events, findings and errors.

Standard library only, so that the node agent can import it. Not here: anything that computes
energy, money or a baseline.
"""
