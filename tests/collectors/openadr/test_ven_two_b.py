"""A VEN of OpenADR 2.0b on loopback: against `openleadr`'s own VTN, its samples, and strangers."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.collectors.authority import Authority
from tests.collectors.openadr.test_listen import free_port, rows, until
from tests.collectors.openadr.test_two_b import CONTEXT

OPENADR2 = Path(sys.prefix) / "openadr2"
LISTEN = (Path(sys.executable).parent / "negawatt", "listen", "openadr2")


@contextmanager
def program(*command: object) -> Iterator[subprocess.Popen[str]]:
    """Run a program beside the lock of 2.0b."""
    with subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, *map(str, command)], env={**os.environ, "PYTHONPATH": str(OPENADR2)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


needs_openleadr = pytest.mark.skipif(
    not OPENADR2.is_dir(), reason="needs openleadr, which `make check` installs"
)


def configured(folder: Path, port: int) -> Path:
    path = folder / "openadr2.toml"
    path.write_text(
        f'site_id = "hall-1"\nroot = "tables"\n[vtn]\n'
        f'url = "http://127.0.0.1:{port}/OpenADR2/Simple/2.0b"\n'
        'ven_name = "ven-1"\nanswer = "optIn"\n'
        f'[[programs]]\nmarket_context = "{CONTEXT}"\nprogram_id = "pjm_economic_3day"\n'
        "[programs.levels]\n1 = { committed_kw = 500.0 }\n"
    )
    return path


@pytest.mark.slow
@needs_openleadr
def test_an_event_of_a_2_0b_vtn_is_answered_sealed_and_cancelled_also_without_a_word(
    tmp_path: Path,
) -> None:
    """The first of two events is cancelled, and the second is only left out of the list."""
    port = free_port()
    with program(Path(__file__).parent / "vtn_two_b.py", port) as vtn:
        until(lambda: _answers(port), timeout_s=20)
        with program(*LISTEN, configured(tmp_path, port), "--json") as listener:
            until(lambda: len(rows(tmp_path)) == 2, timeout_s=30)
            assert vtn.stdin is not None
            assert vtn.stdout is not None
            assert "registered\n" in vtn.stdout
            answers = {_line_of_answer(vtn.stdout), _line_of_answer(vtn.stdout)}
            for count in (3, 4):
                vtn.stdin.write("\n")
                vtn.stdin.flush()
                until(lambda n=count: len(rows(tmp_path)) == n, timeout_s=30)  # type: ignore[misc]  # mypy takes the default for an argument
            listener.terminate()
            out, err = listener.communicate(timeout=20)

    found = sorted((row["event_id"], row["revision"], row["cancelled"]) for row in rows(tmp_path))
    assert found == [
        ("ev-1.0", 1, False), ("ev-1.0", 2, True), ("ev-2.0", 1, False), ("ev-2.0", 2, True),
    ]  # fmt: skip
    assert answers == {"answer ev-1 optIn\n", "answer ev-2 optIn\n"}
    assert listener.returncode == 0, err
    assert json.loads(out[out.index("{") :])["counts"] == {"accepted": 4}
    (first, *_) = rows(tmp_path)
    assert (first["limit_kw"], first["committed_kw"]) == (750.25, 500.0)
    assert first["event_start_utc"] == datetime(2126, 7, 1, 21, tzinfo=UTC)


@pytest.mark.slow
@needs_openleadr
def test_events_that_were_only_ever_shown_while_we_registered_are_withdrawn(tmp_path: Path) -> None:
    port = free_port()
    with program(Path(__file__).parent / "vtn_two_b.py", port, "brief"):
        until(lambda: _answers(port), timeout_s=20)
        with program(*LISTEN, configured(tmp_path, port)):
            until(lambda: len(rows(tmp_path)) == 4, timeout_s=30)

    assert {row["event_id"] for row in rows(tmp_path) if row["cancelled"]} == {"ev-1.0", "ev-2.0"}


@pytest.mark.slow
@needs_openleadr
def test_a_vtn_that_lists_nothing_ever_withdraws_nothing_by_a_mere_word(tmp_path: Path) -> None:
    port = free_port()
    with program(Path(__file__).parent / "vtn_two_b.py", port, "polled") as vtn:
        until(lambda: _answers(port), timeout_s=20)
        with program(*LISTEN, configured(tmp_path, port)):
            assert vtn.stdout is not None
            answers = [_line_of_answer(vtn.stdout) for _ in range(3)]  # a second apart

    assert set(answers) == {"answer ev-1 optIn\n"}
    assert [row["cancelled"] for row in rows(tmp_path)] == [False]


@pytest.mark.slow
@needs_openleadr
def test_a_dry_run_asks_what_is_offered_and_registers_nobody(tmp_path: Path) -> None:
    port = free_port()
    path = configured(tmp_path, port)
    with program(Path(__file__).parent / "vtn_two_b.py", port) as vtn:
        until(lambda: _answers(port), timeout_s=20)
        with program(*LISTEN, path, "--dry-run") as listener:
            out, err = listener.communicate(timeout=30)
        vtn.terminate()
        seen_by_vtn, _ = vtn.communicate(timeout=20)
    with program(*LISTEN, path, "--dry-run") as alone:
        _, alone_err = alone.communicate(timeout=30)

    assert listener.returncode == 0, err
    assert "offers 2.0b\nit would be polled every 1 s\na run would register ven-1" in out
    assert "registered" not in seen_by_vtn
    assert "answer" not in seen_by_vtn
    assert not (tmp_path / "tables").exists()
    assert alone.returncode == 3, alone_err


def _line_of_answer(lines: Iterable[str]) -> str:
    return next(line for line in lines if line.startswith("answer"))


@pytest.mark.slow
@needs_openleadr
def test_entities_in_an_answer_are_refused_before_they_reach_a_parser_that_dies_of_them(
    tmp_path: Path,
) -> None:
    with (
        answering(b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>') as (port, asked),
        program(*LISTEN, configured(tmp_path, port)) as listener,
    ):
        _, err = listener.communicate(timeout=30)

    assert listener.returncode == 3, err
    assert "expected a registration" in err
    assert asked


@pytest.mark.slow
@needs_openleadr
def test_a_vtn_is_asked_over_mutual_tls_and_a_stranger_is_told_nothing(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(authority.issue("vtn"))
    ours = authority.issue("ven")
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    found = []
    for ca_file in (authority.ca_file, stranger.ca_file):
        with answering(b"<none/>", context) as (port, asked):
            path = configured(tmp_path, port)
            text = (
                path.read_text()
                .replace("http://127", "https://127")
                .replace(
                    "[[programs]]",
                    f'certificate_file = "{ours}"\nkey_file = "{ours}"\nca_file = "{ca_file}"\n'
                    "[[programs]]",
                )
            )
            path.write_text(text)
            with program(*LISTEN, path) as listener:
                _, err = listener.communicate(timeout=30)
        found.append((listener.returncode, [b"oadrQueryRegistration" in body for body in asked]))

    assert found == [(3, [True]), (3, [])], err


@contextmanager
def answering(
    body: bytes, context: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """Answer every request alike; yield the port, and what was asked first."""
    asked: list[bytes] = []

    class Vtn(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = self.rfile.read(int(self.headers["Content-Length"]))
            asked[:] = asked or [told]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Vtn) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()


@pytest.mark.slow
@pytest.mark.shared
@needs_openleadr
def test_each_published_sample_is_read_or_refused_for_its_reason(shared_data: Path) -> None:
    """19 of the 2.0b samples hold events, of one signal each with three intervals or with two.

    Three may start up to three minutes late, at the VEN's choice, so that nobody can say when.
    """
    samples = shared_data / "formats" / "openadr" / "openadr20_sample_xml.zip"
    with program(Path(__file__).parent / "read_two_b.py", samples) as reader:
        out, err = reader.communicate(timeout=30)

    assert reader.returncode == 0, err
    found = json.loads(out)
    assert len(found) == 19
    random = {"Sample_oadrDistributeEvent", "Sample_oadrDistributeEvent_W_Baseline",
              "Sample_oadrDistributeEvent_W_GML"}  # fmt: skip
    assert {name: one["outcome"] for name, one in found.items() if name in random} == dict.fromkeys(
        random, "time_unknown"
    )
    others = [one for name, one in found.items() if name not in random]
    assert {one["outcome"] for one in others} == {"accepted"}
    # Three minutes of levels 1, 1, 2 from 15:38:14, one after the other.
    assert found["sample_oadrPayload_20b"]["asks"] == [
        ["2013-06-12T15:38:14+00:00", "2013-06-12T15:39:14+00:00", 100.0],
        ["2013-06-12T15:39:14+00:00", "2013-06-12T15:40:14+00:00", 100.0],
        ["2013-06-12T15:40:14+00:00", "2013-06-12T15:41:14+00:00", 200.0],
    ]


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
