"""An HTTP server on loopback that takes alerts, or does not.

Not here: what is expected of them.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any


@dataclass(kw_only=True)
class Receiver:
    """What came.

    Attributes:
        url: Address of the server.
        answers: Statuses of the next answers; 204 once they are used up.
        headers: Headers of each request.
        bodies: Bodies of each request.
    """

    url: str
    answers: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """What came, as documents."""
        return [json.loads(body) for body in self.bodies]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a server."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep what came."""
            made.headers.append(dict(self.headers))
            made.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(made.answers.pop(0) if made.answers else 204)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Receiver(url=f"http://127.0.0.1:{server.server_port}/alerts")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
