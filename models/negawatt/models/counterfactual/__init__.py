"""What the fleet and its site would have drawn without the event, job by job.

Here: jobs, the queue, and the way from GPU power to the meter. Not here: a tariff's baselines
(negawatt.models.baselines), and how far an estimate may be off (negawatt.models.uncertainty).
"""
