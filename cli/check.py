"""One thing that `mlmon doctor` looked at."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """How a check came out; only `fail` changes the exit code."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(Struct, frozen=True, kw_only=True):
    """One check: what was looked at, what was seen, and the fix where something is to be done."""

    name: str
    status: Status
    detail: str
    fix: str = ""
