"""What a meter read against what hangs below it: levels, losses, clocks, and a site's overhead.

Not here: readings to energy (negawatt.models.metering), and what a statement makes of a residual
(negawatt.models.verification).
"""
