"""A VTN on loopback, which holds every request against the published document of OpenADR 3.1.1.

It keeps objects in memory, gives tokens, pages and ETags, and tells subscribers of changes. What a
request does wrong is answered by 400 and kept in ``violations``.
"""

import hashlib
import json
import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlsplit

import yaml
from openapi_schema_validator import OAS30Validator, oas30_format_checker

BASE: Final = "/openadr3/3.1.0"
CLIENT: Final = ("ven-1", "a-secret-of-the-ven")
TIMES: Final = ("createdDateTime", "modificationDateTime")


@cache
def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


class Spec:
    """The published document."""

    def __init__(self, path: Path) -> None:
        self._document = document(path)

    def faults(self, schema: Mapping[str, Any], value: object) -> list[str]:
        """Return what a schema finds wrong."""
        whole = {**schema, "components": self._document["components"]}
        validator = OAS30Validator(whole, format_checker=oas30_format_checker)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def of(self, name: str, value: object) -> list[str]:
        """Return what one of the document's schemas finds wrong."""
        return self.faults({"$ref": f"#/components/schemas/{name}"}, value)

    def request_faults(self, method: str, url: str, body: bytes, kind: str) -> list[str]:
        """Return what is wrong with path, parameters and body of a request."""
        parts = urlsplit(url)
        path = parts.path.removeprefix(BASE)
        for template, operations in self._document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                operation = operations.get(method.lower())
                if operation is None:
                    return [f"{path} has no {method}"]
                return self._operation_faults(operation, parts.query, body, kind)
        return [f"no path {path}"]

    def _operation_faults(
        self, operation: Mapping[str, Any], query: str, body: bytes, kind: str
    ) -> list[str]:
        known = {one["name"]: one for one in operation.get("parameters", ())}
        found = []
        for name, text in parse_qsl(query, strict_parsing=bool(query)):
            if name not in known:
                found.append(f"no parameter {name}")
                continue
            is_number = known[name]["schema"].get("type") == "integer"
            found += self.faults(known[name]["schema"], int(text) if is_number else text)
        contents = operation.get("requestBody", {}).get("content", {})
        if bool(body) != bool(contents) or (body and kind not in contents):
            return [*found, f"a body of {kind!r} where the document has {sorted(contents)}"]
        if body:
            told = json.loads(body) if kind.endswith("json") else dict(parse_qsl(body.decode()))
            found += self.faults(contents[kind]["schema"], told)
        return found


def post(url: str, told: object, token: str) -> int:
    """Send JSON as a VTN sends a notification, and return the status of the answer."""
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, json.dumps(told).encode(), headers)  # noqa: S310 - of this machine
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - as above
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


class LoopbackVtn:
    """The VTN's state, and what was asked of it.

    Attributes:
        url: Its base address.
        violations: What requests did wrong.
        requests: Method and path of each request, without the base.
        statuses: How often each status was answered.
        objects: Objects by collection and id.
        hidden: Events that are there and left out of lists, as pages that shift leave them out.
        forced: An answer to every request in place of the right one: its status.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.url = ""
        self.violations: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.statuses: list[int] = []
        self.objects: dict[str, dict[str, dict[str, Any]]] = {
            "events": {}, "subscriptions": {}, "reports": {},
        }  # fmt: skip
        self.hidden: set[str] = set()
        self.forced: int | None = None
        self.tokens: set[str] = set()
        self.number = 0

    def put(self, told: Mapping[str, Any], *, tell: bool = True) -> None:
        """Let an event be there, or be another; it must be one of the document."""
        assert not self.spec.of("event", told), self.spec.of("event", told)
        operation = "UPDATE" if told["id"] in self.objects["events"] else "CREATE"
        self.objects["events"][told["id"]] = dict(told)
        if tell:
            self._tell(operation, told)

    def remove(self, vtn_id: str, *, tell: bool = True) -> None:
        """Let an event be gone."""
        told = self.objects["events"].pop(vtn_id)
        if tell:
            self._tell("DELETE", told)

    def _tell(self, operation: str, told: Mapping[str, Any]) -> None:
        notification = {"objectType": "EVENT", "operation": operation, "object": told}
        for subscription in self.objects["subscriptions"].values():
            for one in subscription["objectOperations"]:
                if operation in one["operations"]:
                    assert post(one["callbackUrl"], notification, one["bearerToken"]) == 200

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, object, str]:
        """Return status, object and ETag."""
        path = urlsplit(url).path.removeprefix(BASE)
        self.requests.append((method, path))
        kind = headers.get("Content-Type", "").partition(";")[0]
        faults = self.spec.request_faults(method, url, body, kind)
        if faults:
            self.violations += faults
            return 400, {"title": "Bad Request", "detail": "; ".join(faults)}, ""
        if path == "/auth/server":
            return 200, {"tokenURL": f"{self.url}/auth/token"}, ""
        if path == "/auth/token":
            return self._token(dict(parse_qsl(body.decode())))
        return self._with_token(method, url, headers, json.loads(body) if body else {})

    def _with_token(
        self, method: str, url: str, headers: Mapping[str, str], told: Mapping[str, Any]
    ) -> tuple[int, object, str]:
        if self.forced is not None:
            return self.forced, {"title": "forced", "status": self.forced}, ""
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return 401, {"title": "Unauthorized"}, ""
        path = urlsplit(url).path.removeprefix(BASE)
        collection, _, vtn_id = path.strip("/").partition("/")
        if vtn_id:
            return self._one(method, collection, vtn_id, told)
        if method == "POST":
            return 201, self._made(collection, told), ""
        return self._list(collection, parse_qs(urlsplit(url).query), headers)

    def _token(self, form: Mapping[str, str]) -> tuple[int, object, str]:
        if (form["client_id"], form["client_secret"]) != CLIENT:
            return 401, {"error": "invalid_client"}, ""
        self.number += 1
        token = f"token-{self.number}"
        self.tokens.add(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600}, ""

    def _made(self, collection: str, told: Mapping[str, Any]) -> dict[str, Any]:
        self.number += 1
        made = {
            "id": f"o-{self.number}",
            "objectType": collection.removesuffix("s").upper(),
            "clientID": CLIENT[0],
            **dict.fromkeys(TIMES, "2026-07-01T20:00:00Z"),
            **told,
        }
        self.objects[collection][made["id"]] = made
        return made

    def _one(
        self, method: str, collection: str, vtn_id: str, told: Mapping[str, Any]
    ) -> tuple[int, object, str]:
        there = self.objects[collection]
        if vtn_id not in there:
            return 404, {"title": "Not Found"}, ""
        if method == "DELETE":
            return 200, there.pop(vtn_id), ""
        if method == "PUT":
            there[vtn_id] |= told
        return 200, there[vtn_id], ""

    def _list(
        self, collection: str, query: Mapping[str, list[str]], headers: Mapping[str, str]
    ) -> tuple[int, object, str]:
        names = {"clientName", "eventID"}
        found = [
            one
            for key, one in self.objects[collection].items()
            if key not in self.hidden
            and all(one[name] == query[name][0] for name in names & query.keys())
        ]
        start, count = int(query.get("skip", ["0"])[0]), int(query.get("limit", ["50"])[0])
        page = found[start : start + count]
        etag = f'"{hashlib.sha256(json.dumps(page).encode()).hexdigest()[:16]}"'
        if headers.get("If-None-Match") == etag:
            return 304, None, etag
        return 200, page, etag


@contextmanager
def loopback_vtn(spec_path: Path, context: ssl.SSLContext | None = None) -> Iterator[LoopbackVtn]:
    """Serve a VTN on a free port of this machine, over TLS where a context is given."""
    vtn = LoopbackVtn(Spec(spec_path))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, told, etag = vtn.answer(self.command, self.path, dict(self.headers), body)
            vtn.statuses.append(status)
            data = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            if etag:
                self.send_header("ETag", etag)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = reply  # noqa: N815 - http.server's own names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "http" if context is None else "https"
    vtn.url = f"{scheme}://127.0.0.1:{server.server_address[1]}{BASE}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield vtn
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
