"""What is written to disk: the log, the sealed Parquet files, and the account of what is missing.

From reading to file: a target's rows and gaps (target_log, buffer, ledger, gaps) are taken about
once a second as a block (block), which is a frame (frames) of the log (log, disk); a segment of the
log is sealed (sealing, segment) and entered (manifest); what a crash left is recovered (recovery).
The agent's loop calls the keeper (keeper). Not here: reading a source.
"""
