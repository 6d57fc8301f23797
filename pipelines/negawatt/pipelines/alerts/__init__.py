"""Telling people, by a webhook, what they would else have to look for."""
