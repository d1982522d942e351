"""A stub of Kibana: it answers as its documented interface does, and fails as told.

It keeps saved objects by space, type and id, resolves references as an import does, and knows versions,
spaces, keys, and how slow it is. It is no Kibana: it neither draws nor migrates.
"""

import json
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
_RULE = {"name", "tags", "schedule", "params", "actions"}
"""What a rule can be given at any time."""
_ONCE = {"rule_type_id", "consumer", "enabled"}
"""What it can be given when it is made."""
_CHECKED = ("index-pattern", "search")
"""The types whose references an import looks for."""


@dataclass(slots=True)
class StubKibana:
    """What it has, and what it was told to do wrong."""

    version: str = "9.5.0"
    spaces: tuple[str, ...] = ("default",)
    credentials: str | None = None
    """The whole Authorization header that is let in; None lets everybody in."""
    base_path: str = ""
    xsrf: str = "kbn-xsrf"
    unready: int = 0
    """How many requests are answered with 503 first, as while it starts."""
    delay_s: float = 0.0
    fail_once: dict[str, Json] = field(default_factory=dict)
    """By the id of an object, the error that its first import has."""
    fail: dict[str, Json] = field(default_factory=dict)
    """By the id of an object, the error that each import of it has."""
    say: tuple[int, bytes] | None = None
    """What it answers to everything, for what is no Kibana at all."""
    objects: dict[str, dict[tuple[str, str], Json]] = field(default_factory=lambda: defaultdict(dict))
    rules: dict[str, Json] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """Give the status and the body of a request."""
        self.requests.append((method, target))
        time.sleep(self.delay_s)
        if self.say is not None:
            return self.say
        if self.unready:
            self.unready -= 1
            return 503, b"Kibana server is not ready yet"
        if self.credentials is not None and headers.get("Authorization") != self.credentials:
            return _refusal(401, "Unauthorized", "[security_exception]: unable to authenticate user")
        parts = urlsplit(target)
        if not parts.path.startswith(f"{self.base_path}/"):
            return _refusal(404, "Not Found", "Not Found")
        path, space = parts.path.removeprefix(self.base_path), "default"
        if path.startswith("/s/"):
            _, _, space, path = path.split("/", 3)
            path = f"/{path}"
        if method != "GET" and headers.get(self.xsrf) is None:
            return _refusal(400, "Bad Request", f"Request must contain a {self.xsrf} header.")
        return self._routed(method, path, space, parse_qs(parts.query), _file(headers, body))

    def _routed(self, method: str, path: str, space: str, query: Any, body: bytes) -> tuple[int, Any]:
        match (method, path):
            case ("GET", "/api/status"):
                overall = {"level": "available", "summary": "All services are available"}
                return 200, {"version": {"number": self.version}, "status": {"overall": overall}}
            case ("GET", "/api/spaces/space"):
                return 200, [{"id": each, "name": each} for each in self.spaces]
            case ("POST", "/api/saved_objects/_import") if space in self.spaces:
                return 200, self._imported(space, body, is_overwriting="overwrite" in query)
            case ("POST", "/api/saved_objects/_export") if space in self.spaces:
                return self._exported(space, json.loads(body)["objects"])
            case (_, rule) if rule.startswith("/api/alerting/rule/") and space in self.spaces:
                return self._ruled(method, rule.rpartition("/")[2], body)
        return _refusal(404, "Not Found", "Not Found")

    def _ruled(self, method: str, id_: str, body: bytes) -> tuple[int, Any]:
        """A rule asked for, made or changed; keys that it does not know are refused, as the real one does."""
        there = id_ in self.rules
        if method == "GET":
            if there:
                return 200, self.rules[id_]
            return _refusal(404, "Not Found", f"Saved object [alert/{id_}] not found")
        given = json.loads(body)
        unknown = sorted(given.keys() - (_RULE if method == "PUT" else _RULE | _ONCE))
        if unknown:
            return _refusal(
                400, "Bad Request", f"[request body.{unknown[0]}]: definition for this key is missing"
            )
        if there is not (method == "PUT"):
            return _refusal(409, "Conflict", "the rule is there" if there else "there is no rule")
        self.rules[id_] = self.rules.get(id_, {}) | given
        return 200, {"id": id_, **self.rules[id_]}

    def _exported(self, space: str, named: list[Json]) -> tuple[int, Any]:
        there = self.objects[space]
        missing = [each for each in named if (each["type"], each["id"]) not in there]
        if missing:
            told = [{**each, "error": {"statusCode": 404, "error": "Not Found"}} for each in missing]
            status, body = _refusal(400, "Bad Request", "Error fetching objects to export")
            return status, {**body, "attributes": {"objects": told}}
        return 200, b"\n".join(json.dumps(there[each["type"], each["id"]]).encode() for each in named)

    def _imported(self, space: str, file: bytes, *, is_overwriting: bool) -> Json:
        given = [json.loads(line) for line in file.splitlines() if line]
        there, errors, taken = self.objects[space], [], []
        coming = {(each["type"], each["id"]) for each in given}
        for each in given:
            key = (each["type"], each["id"])
            error = self.fail_once.pop(each["id"], None) or self.fail.get(each["id"])
            missing = [
                {"type": to["type"], "id": to["id"]}
                for to in each["references"]
                if to["type"] in _CHECKED and (to["type"], to["id"]) not in {*there, *coming}
            ]
            if missing:
                error = {"type": "missing_references", "references": missing}
            elif key in there and not is_overwriting:
                error = {"type": "conflict"}
            if error is not None:
                errors.append({"type": each["type"], "id": each["id"], "meta": {}, "error": error})
                continue
            there[key] = each
            taken.append({"type": each["type"], "id": each["id"]})
        told: Json = {"success": not errors, "successCount": len(taken), "successResults": taken}
        return told | ({"errors": errors} if errors else {})


def _refusal(status: int, error: str, message: str) -> tuple[int, Json]:
    return status, {"statusCode": status, "error": error, "message": message}


def _file(headers: Any, body: bytes) -> bytes:
    """The file within a form, or the body itself."""
    kind = headers.get("Content-Type", "")
    if not kind.startswith("multipart/form-data"):
        return body
    form = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    [part] = form.iter_parts()
    assert isinstance(part, EmailMessage)
    assert part.get_filename() == "mlmon.ndjson"
    content: bytes = part.get_payload(decode=True)  # type: ignore[assignment] # of a part without parts
    return content


@contextmanager
def running(stub: StubKibana, certificate: str | None = None) -> Iterator[StubKibana]:
    """Serve the stub on loopback, with TLS where there is a certificate."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = stub.answer(self.command, self.path, self.headers, body)
            raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that went away is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    stub.url = f"{scheme}://127.0.0.1:{server.server_address[1]}{stub.base_path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
