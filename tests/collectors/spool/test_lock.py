from pathlib import Path

import pytest

from negawatt.collectors.spool.lock import spool_lock
from negawatt.models.domain.errors import ConfigurationError


def test_a_second_agent_in_one_directory_is_refused(tmp_path: Path) -> None:
    with spool_lock(tmp_path), pytest.raises(ConfigurationError, match="no other agent"):
        spool_lock(tmp_path).__enter__()


def test_the_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), spool_lock(tmp_path / "new"):
        raise KeyError

    with spool_lock(tmp_path / "new"):
        assert (tmp_path / "new" / ".lock").exists()
