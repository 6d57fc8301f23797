"""The front door: the ``negawatt`` command.

Here: arguments, calls into the rooms, words for people. Not here: anything that computes.
"""
