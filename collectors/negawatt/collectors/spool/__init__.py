"""What is written to disk: sealed Parquet files, and the account of readings that are missing.

Not here: reading a source. The checksummed log that will hold readings between two seals belongs
here too, and is not built yet: a crash loses what was read since the last seal.
"""
