"""The node side: read GPUs and exporters, stamp each reading, write sealed Parquet.

Light enough for a GPU node: no orchestrator, no warehouse, no baseline. What a reading is worth is
decided later, from the files written here; nothing here repairs or interpolates.
"""
