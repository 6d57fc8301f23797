"""Where readings come from: NVML, exporters, files; all are read in one way (``protocol``).

Not here: when to read (negawatt.collectors.agent) and what is written (negawatt.collectors.spool).
"""
