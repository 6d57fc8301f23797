"""How far a baseline is off on days on which nothing happened, before anybody is paid by it.

Here: placebo events by the code that settles, their accuracy, the gates of programs, bands with
measured coverage, and models that corroborate a tariff's baseline. Not here: the baselines
themselves (negawatt.models.baselines), the band of one settled event (negawatt.models.uncertainty).
"""
