"""What is not collected here."""

collect_ignore = ["vtn_two_b.py"]  # a program of its own; what it imports is not in the lock
