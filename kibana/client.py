"""Kibana over HTTP, on `kibana-api`: with what that lacks. The one module that talks to it.

`kibana-api` knows the addresses of saved objects and spaces. Added are API keys, an authority of one's own,
timeouts, overwriting, an address with a path, patience while Kibana starts, and errors that say what to do.
For one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core.errors import MissingExtraError, WireError, nearest
from mlmon.kibana.access import DEFAULT_SPACE, Access, Target
from mlmon.kibana.objects import Json, ndjson

try:
    import kibana_api
    import requests
except ImportError:
    raise MissingExtraError("kibana-api", "kibana") from None

CONNECT_S: Final = 5.0
ANSWER_S: Final = 60.0
PATIENCE_S: Final = 120.0
"""For how long a Kibana that starts is waited for."""

_PAUSE_S: Final = 2.0
_TRIES: Final = 3
_OLDEST: Final = (8, 9)
_OLDEST_OPENSEARCH: Final = (2, 0)
_IMPORT: Final = "api/saved_objects/_import"
_BUSY: Final = frozenset({429, 502, 503, 504})
_OK: Final = 200
_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
_ONCE: Final = frozenset({"rule_type_id", "consumer", "enabled"})
"""What a rule is given when it is made, and cannot be changed later."""

_MOST_TOLD: Final = 5

Sleep = Callable[[float], None]
Tell = Callable[[str], None]


def _quietly(_: str) -> None:
    """Tell nobody."""


class Failure(Struct, frozen=True, kw_only=True):
    """An object that was not taken, and why."""

    type: str
    id: str
    reason: str


class _BusyError(WireError):
    """It does not answer now, and may in a moment."""


class _Session(kibana_api.Kibana):  # type: ignore[misc] # it ships no types
    """The client of `kibana-api` with its two gaps closed: how an address is made, how a request is sent."""

    def __init__(self, access: Access, answer_s: float) -> None:
        super().__init__(access.url.rstrip("/"))
        self._access = access
        self._timeout = (CONNECT_S, answer_s)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no password file decides who is asked, or as whom
        self._session.verify = access.ca_file or True

    def url(self, *parts: str) -> str:
        """The address of parts, where empty ones add nothing and a path of the server's own is kept."""
        return "/".join(part.strip("/") for part in parts if part)

    def requester(self, **asked: Any) -> requests.Response:  # noqa: ANN401 - as the client passes them
        """Send one request; importing overwrites."""
        if asked["url"].endswith(_IMPORT):
            asked["params"] = {"overwrite": "true"}
        return self._session.request(
            headers=self._access.headers(), timeout=self._timeout, allow_redirects=False, **asked
        )

    def close(self) -> None:
        self._session.close()


class Client:
    """Kibana, or OpenSearch Dashboards, at an address. Nothing is sent yet.

    `tell` hears once that it is being waited for, and why.
    """

    def __init__(
        self,
        access: Access,
        *,
        answer_s: float = ANSWER_S,
        patience_s: float = PATIENCE_S,
        pause_s: float = _PAUSE_S,
        sleep: Sleep = time.sleep,
        tell: Tell = _quietly,
    ) -> None:
        self._access = access
        self._kibana = _Session(access, answer_s)
        space = None if access.space == DEFAULT_SPACE else access.space
        self._objects = self._kibana.object(space_id=space)
        self._patience_s, self._pause_s, self._sleep = patience_s, pause_s, sleep
        self._tell = tell

    @property
    def name(self) -> str:
        """What it is and where, without secrets."""
        space = "" if self._access.space == DEFAULT_SPACE else f", space {self._access.space}"
        return f"{self._access.name} at {self._access.url}{space}"

    def address(self, dashboard: str) -> str:
        """Where a person opens a dashboard, by its id."""
        return self._access.path(f"app/dashboards#/view/{dashboard}")

    def close(self) -> None:
        """Close the sockets; a second call does no harm."""
        self._kibana.close()

    def version(self) -> str:
        """Its version, once it is ready; one that starts is waited for.

        Raises:
            WireError: it is not there, does not get ready, lets nobody in this way, or is too old.

        """
        status = self._patiently(self._status)
        number = str(status.get("version", {}).get("number", ""))
        self._check_version(number)
        return number

    def check_space(self) -> None:
        """Make sure that the space is there.

        Raises:
            WireError: it is not, or this user may not look.

        """
        if self._access.space == DEFAULT_SPACE:
            return
        response = self._patiently(lambda: self._send(self._kibana.space().all))
        spaces = [each["id"] for each in _decoded(response)]
        if self._access.space not in spaces:
            raise WireError(
                f"{self._access.name} at {self._access.url} has no space '{self._access.space}'. "
                f"It has {', '.join(spaces)}.{nearest(self._access.space, spaces)} "
                "Create it there, or set kibana.space."
            )

    def push(self, objects: Sequence[Json]) -> int:
        """Import objects over what is there; give how many were taken. Pushed again, all is as after once.

        What fails is tried again with all others, since objects name each other.

        Raises:
            WireError: some were not taken; the message says which and why. Those that were, are there.

        """
        file = ("mlmon.ndjson", ndjson(objects), "application/ndjson")
        failures: list[Failure] = []
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(self._pause_s)
            answer = _decoded(self._patiently(lambda: self._send(lambda: self._objects.loads(file))))
            failures = [_failure(each) for each in answer.get("errors", ())]
            if not failures:
                return int(answer.get("successCount", len(objects)))
        raise WireError(self._refused(failures, len(objects)))

    def existing(self, objects: Sequence[Json]) -> dict[tuple[str, str], Json]:
        """Those of these objects that are there, as they are there, by type and id.

        Raises:
            WireError: it does not answer, or does not let this user export.

        """
        wanted = [(each["type"], each["id"]) for each in objects]
        response = self._export(wanted)
        if response.status_code == _BAD_REQUEST:
            absent = _absent(response)
            if not absent:
                raise WireError(self._turned_away(response))
            wanted = [key for key in wanted if key not in absent]
            if not wanted:
                return {}
            response = self._export(wanted)
        found = [msgspec.json.decode(line) for line in response.content.splitlines() if line.strip()]
        return {(each["type"], each["id"]): each for each in found}

    def put_rule(self, id_: str, body: Json) -> bool:
        """Put an alerting rule over the one of its id; give whether it is new.

        Raises:
            WireError: it is not taken; the message says why.

        """
        url = self._access.path(f"api/alerting/rule/{id_}")
        ask = partial(self._kibana.requester, url=url)
        found = self._patiently(lambda: self._send(partial(ask, method="get"), well=(_OK, _NOT_FOUND)))
        is_new: bool = found.status_code == _NOT_FOUND
        given = body if is_new else {key: value for key, value in body.items() if key not in _ONCE}
        put = partial(ask, method="post" if is_new else "put", json=given)
        self._patiently(lambda: self._send(put))
        return is_new

    def _export(self, wanted: Sequence[tuple[str, str]]) -> requests.Response:
        """Ask for objects; where some are not there, the answer is a 400 that names them."""
        body = {
            "objects": [{"type": kind, "id": id_} for kind, id_ in wanted],
            "excludeExportDetails": True,
        }
        url = self._access.path("api/saved_objects/_export")
        post = partial(self._kibana.requester, method="post", url=url, json=body)
        answer: requests.Response = self._patiently(lambda: self._send(post, well=(_OK, _BAD_REQUEST)))
        return answer

    def _status(self) -> Json:
        url = f"{self._access.url.rstrip('/')}/api/status"
        status: Json = _decoded(self._send(lambda: self._kibana.requester(method="get", url=url)))
        overall = status.get("status", {}).get("overall", {})
        level = overall.get("level") or {"green": "available"}.get(overall.get("state", ""), "unavailable")
        if level not in ("available", "degraded"):
            raise _BusyError(f"{self.name} is not ready yet: {overall.get('summary', level)}.")
        return status

    def _check_version(self, number: str) -> None:
        oldest = _OLDEST_OPENSEARCH if self._access.target is Target.OPENSEARCH else _OLDEST
        if not number:
            raise WireError(
                f"{self.name} tells its version only to those it lets in. {self._way_in()} A key that it "
                "does not know, or that has expired, is none."
            )
        digits = number.split(".")[:2]
        if not all(part.isdigit() for part in digits) or tuple(map(int, digits)) < oldest:
            raise WireError(
                f"{self.name} is of version {number}, and dashboards are written for "
                f"{oldest[0]}.{oldest[1]} and later. Upgrade it."
            )

    def _patiently(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is asked for
        """Ask again while it starts or has too much to do."""
        waited = 0.0
        while True:
            try:
                return ask()
            except _BusyError as error:
                if waited >= self._patience_s:
                    raise WireError(
                        f"{error} It was waited for, for {waited:.0f} s. Look at its log; then run this "
                        "again, which finishes the job."
                    ) from None
                self._tell(f"{error} It is waited for, up to {self._patience_s:.0f} s.")
                self._tell = _quietly
            self._sleep(self._pause_s)
            waited += self._pause_s

    def _send(
        self, send: Callable[[], requests.Response], *, well: Sequence[int] = (_OK,)
    ) -> requests.Response:
        """Send one request, and give its answer where it is a good one."""
        try:
            response = send()
        except requests.exceptions.SSLError as error:
            raise WireError(self._untrusted(error)) from None
        except requests.exceptions.ReadTimeout:
            raise _BusyError(f"{self.name} did not answer in time.") from None
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
            raise _BusyError(f"{self.name} cannot be reached: {_deepest(error)}.") from None
        except requests.exceptions.RequestException as error:
            raise WireError(f"{self.name} could not be asked: {error}.") from None
        if response.status_code in _BUSY:
            raise _BusyError(f"{self.name} is not ready yet: {response.status_code} {_said(response)}.")
        if response.status_code not in well:
            raise WireError(self._turned_away(response))
        return response

    def _untrusted(self, error: Exception) -> str:
        return (
            f"{self.name} shows a certificate that is not trusted: {_deepest(error)}. Name the authority "
            "that signed it in kibana.ca_file, and use the host name that it is made for."
        )

    def _way_in(self) -> str:
        if self._access.target is Target.OPENSEARCH:
            return "Set kibana.user and MLMON_KIBANA_PASSWORD."
        return "Set MLMON_KIBANA_KEY to an API key in its encoded form, or kibana.user and its password."

    def _turned_away(self, response: requests.Response) -> str:
        status, said = response.status_code, _said(response)
        match status:
            case 401:
                return f"{self.name} lets nobody in this way (401): {said}. {self._way_in()}"
            case 403:
                return (
                    f"{self.name} does not let this user do it (403): {said}. The user needs the "
                    "Kibana privilege 'Saved Objects Management: all' in the space, and for rules "
                    "'Stack Rules: all'."
                )
            case 404:
                return (
                    f"{self.name} has no such place (404): {said}. Check kibana.url, with the path that a "
                    "proxy or server.basePath adds, and kibana.space."
                )
            case 413:
                return f"{self.name} takes no file so large (413). Raise savedObjects.maxImportPayloadBytes."
            case 400 if "no handler found" in said:
                return (
                    f"What answers at {self._access.url} is the cluster, and not {self._access.name}. "
                    "Name the other address in kibana.url; it often has port 5601."
                )
            case _:
                return f"{self.name} refused it ({status}): {said}."

    def _refused(self, failures: Sequence[Failure], whole: int) -> str:
        told = "; ".join(f"{each.type} {each.id}: {each.reason}" for each in failures[:_MOST_TOLD])
        more = f"; and {len(failures) - _MOST_TOLD} more" if len(failures) > _MOST_TOLD else ""
        return (
            f"{self.name} did not take {len(failures)} of {whole} objects: {told}{more}. The others are "
            "there. Mend the reason and run this again, which finishes the job."
        )


def _decoded(response: Any) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        raise WireError(
            f"What answers at {response.url} speaks no JSON, so it is no Kibana: {response.text[:80]!r}. "
            "Check kibana.url."
        ) from None


def _absent(response: requests.Response) -> set[tuple[str, str]]:
    """The objects that an export did not find."""
    try:
        told = msgspec.json.decode(response.content).get("attributes", {}).get("objects", ())
        return {(each["type"], each["id"]) for each in told}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return set()


def _failure(told: Mapping[str, Any]) -> Failure:
    """The reason of one object in words."""
    error = told.get("error", {})
    kind = str(error.get("type", "unknown"))
    if kind == "missing_references":
        missing = ", ".join(f"{each['type']} {each['id']}" for each in error.get("references", ()))
        reason = f"it names {missing}, which is not there"
    elif kind in ("conflict", "ambiguous_conflict"):
        reason = "another object has its id, perhaps in another space"
    elif kind == "unsupported_type":
        reason = "objects of this type are not known there"
    else:
        reason = str(error.get("message") or kind)
    return Failure(type=str(told.get("type")), id=str(told.get("id")), reason=reason)


def _said(response: requests.Response) -> str:
    """What a refusal says, shortened."""
    try:
        told = msgspec.json.decode(response.content)
        text = str(told.get("message") or told.get("error") or "")
    except (msgspec.DecodeError, AttributeError):
        text = response.text
    return " ".join(text.split())[:200].rstrip(".") or "no reason given"


def _deepest(error: BaseException) -> str:
    """The part of an error's text that a person can use."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(getattr(error, "verify_message", "") or getattr(error, "strerror", "") or error)
