"""The statement of one event: rounded once, digested, versioned, and refused where it must be.

Not here: where statements are kept (negawatt.warehouse) and how they are rendered
(negawatt.pipelines).
"""
