"""One request to a cluster that reads, and the whole answer or an error: never half of one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import quote, urlencode

import msgspec

from mlmon.core.errors import StoreError, StoreUnreachableError
from mlmon.stores.search.compile import Body
from mlmon.stores.search.connection import Connection, Response

WHOLE: Final[Mapping[str, str]] = {"allow_partial_search_results": "false"}
ABSENT_IS_EMPTY: Final[Mapping[str, str]] = {"ignore_unavailable": "true", "allow_no_indices": "true"}
"""An index that does not exist yet has nothing in it."""

SEARCH_S: Final = 50
"""Seconds that a cluster may search, a little less than the connection waits."""

_PAUSES_S: Final = (0.1, 0.4, 1.6)
_NOT_FOUND: Final = 404
_UNKNOWN: Final = 401
_FORBIDDEN: Final = 403
BUSY: Final = frozenset({429, 502, 503, 504})


def target(*parts: str, **parameters: str) -> str:
    """A path with its parameters; a part may name several indices."""
    path = "".join(f"/{quote(part, safe='*,')}" for part in parts)
    return f"{path}?{urlencode(parameters)}" if parameters else path


def search(connection: Connection, path: str, body: Body) -> Body:
    """What a search found, of all shards.

    Raises:
        StoreError: a shard failed, or the cluster did not finish in time, or did not understand.

    """
    answer = ask(connection, "POST", path, body | {"timeout": f"{SEARCH_S}s"})
    shards = answer.get("_shards", {})
    if shards.get("failed"):
        why = _reason(shards["failures"][0]["reason"]) if shards.get("failures") else "it did not say why"
        raise StoreError(
            f"{shards['failed']} of {shards['total']} shards of {connection.url} failed: {why}. "
            "See mlmon doctor, and ask again."
        )
    if answer.get("timed_out"):
        raise StoreError(f"{connection.url} did not finish in {SEARCH_S} s. Ask for a shorter time, or less.")
    return answer


def ask(connection: Connection, method: str, path: str, body: Body | None = None) -> Body:
    """What a cluster answered; asked again where it is busy, which reading may be.

    Raises:
        StoreError: it refused.

    """
    answer = send(connection, method, path, body)
    if not answer.is_well:
        refuse(connection, answer)
    found: Body = answer.json()
    return found


def ask_if_there(connection: Connection, method: str, path: str, body: Body | None = None) -> Body | None:
    """As `ask`; None where what is asked for does not exist."""
    answer = send(connection, method, path, body)
    if answer.status == _NOT_FOUND:
        return None
    if not answer.is_well:
        refuse(connection, answer)
    found: Body = answer.json()
    return found


def ask_if_allowed(connection: Connection, method: str, path: str, body: Body | None = None) -> Body | None:
    """As `ask_if_there`; None also where this user may not."""
    answer = send(connection, method, path, body)
    if answer.status in (_FORBIDDEN, _NOT_FOUND):
        return None
    if not answer.is_well:
        refuse(connection, answer)
    found: Body = answer.json()
    return found


def send(connection: Connection, method: str, path: str, body: Body | None = None) -> Response:
    """The last answer of some tries, whatever its status.

    Raises:
        StoreUnreachableError: no try had an answer.

    """
    raw = None if body is None else msgspec.json.encode(body)
    for pause in _PAUSES_S:
        try:
            answer = connection.send(method, path, raw)
        except StoreUnreachableError:
            time.sleep(pause)
            continue
        if answer.status not in BUSY:
            return answer
        time.sleep(pause)
    return connection.send(method, path, raw)


def refuse(connection: Connection, answer: Response) -> NoReturn:
    """Say why a cluster did not do what was asked.

    Raises:
        StoreError: always.

    """
    why = _why(answer)
    if answer.status == _UNKNOWN:
        raise StoreError(f"{connection.url} does not know who asks: {why}. Check the key, token or password.")
    if answer.status == _FORBIDDEN:
        raise StoreError(f"{connection.url} does not allow this: {why}. Give the user the role for it.")
    raise StoreError(f"{connection.url} could not answer (status {answer.status}): {why}. See mlmon doctor.")


def _why(answer: Response) -> str:
    try:
        error: Any = answer.json()["error"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return answer.body[:200].decode(errors="replace") or "it did not say why"
    return _reason(error)


def _reason(error: Any) -> str:  # noqa: ANN401 - a cluster writes it as words or as an object
    """The deepest cause that a cluster names."""
    if not isinstance(error, dict):
        return str(error)
    causes = [error.get("caused_by"), *(error.get("root_cause") or ())]
    deeper = next((cause for cause in causes if isinstance(cause, dict) and cause is not error), None)
    if deeper is not None and deeper.get("reason"):
        return _reason(deeper)
    return str(error.get("reason") or error.get("type") or error).rstrip(".")
