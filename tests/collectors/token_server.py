"""An OAuth2 token server on loopback: it knows one client, and numbers the tokens that it gives."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

FORM = {
    "grant_type": ["client_credentials"],
    "client_id": ["hall-1"],
    "client_secret": ["a-secret"],
    "scope": ["mqtt"],
}
"""What is posted as RFC 6749, section 4.4.2 asks, with the scope of DSX Flex 1.7.0."""


class TokenServer:
    """Its state.

    Attributes:
        url: Where a token is asked for.
        given_count: How many were given.
        lasts_s: For how long the next is good [s].
        status: What it answers; other than 200 it gives none.
    """

    def __init__(self) -> None:
        self.url = ""
        self.given_count = 0
        self.lasts_s = 3_600
        self.status = 200

    def answer(self, form: dict[str, list[str]]) -> tuple[int, dict[str, object]]:
        """Return status and body of the answer to what was posted."""
        if self.status != 200:
            return self.status, {}
        if form != FORM:
            return 401, {"error": "invalid_client"}
        self.given_count += 1
        token = f"token-{self.given_count}"
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lasts_s}


@contextmanager
def token_server(context: ssl.SSLContext | None = None) -> Iterator[TokenServer]:
    """Serve while this is open, over TLS where a context is given."""
    state = TokenServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, told = state.answer(parse_qs(body.decode()))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scheme = "http"
        if context is not None:
            scheme, server.socket = "https", context.wrap_socket(server.socket, server_side=True)
        state.url = f"{scheme}://127.0.0.1:{server.server_port}/token"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
