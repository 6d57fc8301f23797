"""OpenADR 3.1: events of a VTN (the utility's server), heard over HTTPS and sealed as raw tables.

Parsing (spec, translate, intake) is apart from transport (vtn, webhook, listen) and disk (the store
of negawatt.collectors.message_store). Not here: what an event means for a settlement.
"""
