"""NVIDIA DSX Exchange: the BMS bus and DSX Flex, heard over MQTT 3.1.1 and sealed as raw tables.

Parsing (bms, flex, signatures, load_targets) is apart from transport (client) and disk (journal,
store). Not here: what a message means for a settlement.
"""
