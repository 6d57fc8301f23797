"""Nine tests for manipulation of one event: questions to a person, with the evidence.

Not here: verdicts, and what a finding means for a payment.
"""

from negawatt.models.verification.screening.screen import screen_event

__all__ = ["screen_event"]
