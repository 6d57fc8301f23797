"""How far an estimate may be off, learned from windows in which nothing happened.

Here: placebo windows and conformal bands. Not here: the estimate itself
(negawatt.models.baselines) and what a program pays for it (negawatt.models.settlement).
"""
