"""The store of a listener on DSX Exchange (negawatt.collectors.message_store), with its memory.

Not here: what messages say (intake) and how they come (client).
"""

from pathlib import Path

from negawatt.collectors.dsx.intake import Intake, Terms
from negawatt.collectors.dsx.memory import Memory, is_saved
from negawatt.collectors.message_store import MessageStore
from negawatt.collectors.spool.json_state import load_state


class Store(MessageStore[Intake]):
    """Keeps messages, and makes raw tables of them.

    Args:
        root: Folder of the raw tables.
        folder: Folder of log and memory.
        client_id: Who hears; part of the names of sealed files.
        terms: What messages are held against.

    Raises:
        DataRefusedError: What an earlier run left cannot be read.
    """

    def __init__(self, root: Path, folder: Path, client_id: str, terms: Terms) -> None:
        memory = Memory.of_json(load_state(folder / "memory.json", is_saved))
        writer = (client_id, "dsx", "mqtt")
        super().__init__(root, folder, terms.site_id, writer, Intake(terms, memory))
