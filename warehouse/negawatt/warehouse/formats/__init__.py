"""Files of formats with a standard of their own, read and written: no profile says what they mean.

Here: one pure reader (bytes to rows, and what was refused) and one pure writer for each format.
Not here: files that need a profile (negawatt.warehouse.profiles), and sealing (raw_files).
"""
