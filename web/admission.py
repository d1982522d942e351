"""Who may see the page, and who may change something from it: who sits at this machine, or shows a key.

Without keys the host asked for has to be this machine, so that no site that somebody visits can make a name
of its own point here and read. Nor must it be able to send our forms: browsers say where a request comes
from, by `Sec-Fetch-Site` and by `Origin`; both have to be this page.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from mlmon.core.errors import MlmonError, UsageError

Check = Callable[[str], str]
"""Gives the name of whose key it is. Raises MlmonError where it lets nobody in."""

KEY: Final = "key"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_BYTES: Final = 16_384
_FORM: Final = "application/x-www-form-urlencoded"


class NotAdmittedError(MlmonError):
    """A change that is not let through; the message says what to do."""


def check_host(host: str) -> None:
    """Let a request through that asks for this machine by one of its own names.

    Raises:
        NotAdmittedError: it asks for another one.

    """
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in _LOOPBACK:
        raise NotAdmittedError(
            f"The page was asked for as '{host}', and listens to this machine alone. Open it as "
            "http://127.0.0.1 and its port, let a proxy before it ask so, or let it listen on an address of "
            "the network (page.host)."
        )


def admit(headers: Mapping[str, str], form: Mapping[str, str], check: Check | None) -> str:
    """Let a change through, or refuse it; gives whose key it was, empty where none is needed.

    Raises:
        NotAdmittedError: it comes from elsewhere, or there is no key that lets it in.

    """
    host = headers.get("host", "")
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin") or (origin is not None and urlsplit(origin).netloc != host):
        raise NotAdmittedError("Changes are taken from this page alone, and this one came from elsewhere.")
    if check is None:
        return ""
    try:
        return check(form.get(KEY, "") or _shown(headers.get("authorization", "")))
    except MlmonError as error:
        raise NotAdmittedError(
            f"{error} Show one in the field Key. Make one with: mlmon keys create --namespace page --name YOU"
        ) from None


def _shown(authorization: str) -> str:
    kind, _, key = authorization.partition(" ")
    return key.strip() if kind.lower() in ("apikey", "bearer") else ""


async def form_of(headers: Mapping[str, str], stream: AsyncIterable[bytes]) -> dict[str, str]:
    """The fields of a form that was sent, each once.

    Raises:
        UsageError: it is no form, or larger than any of ours.

    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise UsageError(f"A change is sent as {_FORM}, as the page's own forms are.")
    body = b""
    async for part in stream:
        body += part
        if len(body) > _MOST_BYTES:
            raise UsageError(f"A form has at most {_MOST_BYTES:,} bytes. Write a shorter comment.")
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}


def local_path(path: str) -> str:
    """Where to go back to: a path of this page, never of another host.

    >>> local_path("/models/a?range=7d"), local_path("//evil"), local_path("https://evil/")
    ('/models/a?range=7d', '/rules', '/rules')
    """
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain and path.isprintable() else "/rules"
