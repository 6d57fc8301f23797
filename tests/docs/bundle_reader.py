"""A second reader of bundles, written from the words of docs/bundle-format.md.

It imports nothing of negawatt: only hashing, ZIP, JSON, CSV and Ed25519. What it reads was written
by the command.
"""

import csv
import hashlib
import io
import json
import zipfile
import zlib
from base64 import b64decode
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def numbers(*values: tuple[int, int]) -> bytes:
    """Return values as little-endian numbers, each of so many bytes."""
    return b"".join(value.to_bytes(size, "little") for value, size in values)


def container(members: dict[str, bytes]) -> bytes:
    """Write the container as the page says."""
    body, directory = b"", b""
    for name in sorted(members):
        content, label = members[name], name.encode("ascii")
        shared = numbers(
            (20, 2),
            (0, 2),
            (0, 2),
            (0, 2),
            (33, 2),
            (zlib.crc32(content), 4),
            (len(content), 4),
            (len(content), 4),
            (len(label), 2),
            (0, 2),
        )
        rest = numbers((0, 2), (0, 2), (0, 2), (33188 * 65536, 4), (len(body), 4))
        directory += b"PK\x01\x02" + numbers((788, 2)) + shared + rest + label
        body += b"PK\x03\x04" + shared + label + content
    count = len(members)
    end = numbers(
        (0, 2), (0, 2), (count, 2), (count, 2), (len(directory), 4), (len(body), 4), (0, 2)
    )
    return body + directory + b"PK\x05\x06" + end


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def indented(tree: object) -> bytes:
    text = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False)
    return text.encode() + b"\n"


def compact(tree: object) -> bytes:
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def problems(data: bytes) -> list[str]:
    """Return what does not hold of a bundle, by the page's sections."""
    members = members_of(data)
    manifest = json.loads(members["manifest.json"])
    return [
        *(["container"] if container(members) != data else []),
        *_wrong_digests(members, manifest),
        *_wrong_statement(members, manifest),
        *_wrong_series(members),
        *_wrong_signatures(members),
    ]


def withheld(data: bytes) -> list[str]:
    """Return the members of which only the digest is given, and that are not in the file."""
    members = members_of(data)
    stated = json.loads(members["manifest.json"])["members"]
    return [one["name"] for one in stated if not one["included"] and one["name"] not in members]


def _wrong_digests(members: dict[str, bytes], manifest: dict[str, Any]) -> list[str]:
    beside = {"manifest.json", "README.txt", "SHA256SUMS"}
    evidence = {
        name: content
        for name, content in members.items()
        if name not in beside and not name.startswith("signatures/")
    }
    stated = [
        {"name": name, "size_bytes": len(content), "sha256": digest(content), "included": True}
        for name, content in sorted(evidence.items())
    ]
    summed = sorted([*evidence, "manifest.json", "README.txt"])
    sums = "".join(f"{digest(members[name])}  {name}\n" for name in summed)
    return [
        *(["members"] if [m for m in manifest["members"] if m["included"]] != stated else []),
        *(["sums"] if members["SHA256SUMS"].decode() != sums else []),
        *(["manifest"] if indented(manifest) != members["manifest.json"] else []),
    ]


def _wrong_statement(members: dict[str, bytes], manifest: dict[str, Any]) -> list[str]:
    statement = json.loads(members["statement.json"])
    body = statement["body"]
    versions = manifest["versions"]
    before = versions[-2]["issued_digest"] if len(versions) > 1 else None
    named = {one["name"]: one["sha256"] for one in body["inputs"]}
    rules = [name for name in named if name.startswith("program ")]
    files = {name: f"programs/{name[8:].partition('@')[0]}.toml" for name in rules}
    return [
        *(["body"] if digest(compact(body)) != statement["statement_digest"] else []),
        *(["issued"] if digest(members["statement.json"]) != versions[-1]["issued_digest"] else []),
        *(["before"] if statement["previous_digest"] != before else []),
        *(["site"] if digest(members["site.json"]) not in named.values() else []),
        *(name for name in rules if digest(members[files[name]]) != named[name]),
    ]


def series_of(tree: object) -> list[dict[str, Any]]:
    """Return every load series that the inputs name."""
    if isinstance(tree, dict):
        own = [tree] if "rows" in tree and "interval_minutes" in tree else []
        return own + [one for item in tree.values() for one in series_of(item)]
    return [one for item in tree for one in series_of(item)] if isinstance(tree, list) else []


def _wrong_series(members: dict[str, bytes]) -> list[str]:
    wrong = []
    for one in series_of(json.loads(members["inputs.json"])):
        rows = list(csv.reader(io.StringIO(members[one["rows"]].decode("ascii"), newline="")))
        start = datetime.fromisoformat(one["start_utc"])
        step = timedelta(minutes=one["interval_minutes"])
        starts = [f"{start + n * step:%Y-%m-%dT%H:%M:%SZ}" for n in range(len(rows) - 1)]
        values = [text for row in rows[1:] for text in row[1:] if text]
        if (
            rows[0] != ["interval_start_utc", "energy_kwh", "coverage_ratio"]
            or [row[0] for row in rows[1:]] != starts
            or any(repr(float(text)) != text for text in values)
        ):
            wrong.append(one["rows"])
    return wrong


def _wrong_signatures(members: dict[str, bytes]) -> list[str]:
    wrong = []
    for name in [one for one in members if one.endswith(".sig")]:
        start = name.removesuffix(".sig")
        # The last 32 bytes of a public key's DER form (RFC 8410) are the key.
        raw = b64decode(members[f"{start}.pem"].decode().split("-----")[2])[-32:]
        lines = members[f"{start}.txt"].decode("ascii").split("\n")
        Ed25519PublicKey.from_public_bytes(raw).verify(members[name], members[f"{start}.txt"])
        if (
            start != f"signatures/{digest(raw)[:16]}"
            or lines[0] != "negawatt evidence bundle"
            or lines[1] != f"manifest sha256 {digest(members['manifest.json'])}"
            or not lines[2].startswith("signed at ")
            or lines[3:] != [""]
        ):
            wrong.append(name)
    return wrong


def link_holds(later: bytes, earlier: bytes) -> bool:
    """Say whether one bundle follows another, as the chain's section says."""
    named = json.loads(members_of(later)["manifest.json"])["previous_bundle"]
    content = members_of(earlier)["manifest.json"]
    manifest = json.loads(content)
    latest = manifest["versions"][-1]
    return bool(
        named
        == {
            "bundle_digest": digest(content),
            "statement_id": manifest["statement_id"],
            "statement_version": latest["statement_version"],
            "issued_at_utc": latest["issued_at_utc"],
        }
    )
