"""The evidence bundle: one file from which a statement is recomputed anywhere, byte for byte.

Its written format is docs/bundle-format.md. Here: values to bytes and back, and what is checked.
Not here: reading a warehouse, files and keys (negawatt.pipelines.exports.bundle).
"""
