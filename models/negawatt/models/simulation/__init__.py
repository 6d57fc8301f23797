"""A simulated hall of GPUs with a known truth: what every method of the project is tried on.

Here: jobs, a scheduler, control during events, GPU, host and cooling power, and the instruments
that see them with their errors. A plan is data, every random draw comes from its seed, and the
same draws make the hall with and without the event. Not here: files (the command writes them),
exporters (negawatt.collectors), and any method that estimates what this hall knows.
"""
