"""What happened in an event: how much, against which promise, how fast, and what came after.

Functions of load arrays and baselines. Not here: baselines (negawatt.models.baselines), bands
(negawatt.models.uncertainty), money (negawatt.models.settlement).
"""
