"""What is not collected here."""

# Programs of their own; what they import is not in the lock.
collect_ignore = ["vtn_two_b.py", "read_two_b.py", "mutate_two_b.py"]
