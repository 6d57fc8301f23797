"""Names, types, layout, versions and SQL: the one room that opens DuckDB or Delta tables.

Not here: what the numbers mean (negawatt.models) and when they are computed (negawatt.pipelines).
"""
