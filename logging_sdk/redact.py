"""What must not leave the process: dropped, masked or hashed, before an event is serialised.

A rule names members of the open families (features, labels, segment, probabilities aside) by glob patterns:
`customer_*` wherever it stands, or `labels.customer_*` in one family only. Text rules rewrite what a regular
expression finds, in messages, errors and every text of a family.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.core.event import Document
from mlmon.logging_sdk.encode import text

KEY_VARIABLE: Final = "MLMON_LOG_REDACT_KEY"
MASK: Final = "***"

EMAIL: Final = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
"""A pattern for `mask_text`: e-mail addresses."""

CARD: Final = r"\b\d(?:[ -]?\d){12,18}\b"
"""A pattern for `mask_text`: numbers of payment cards, and what looks like them."""

_FAMILIES: Final = (
    schema.FEATURES_NUMERIC,
    schema.FEATURES_CATEGORICAL,
    schema.SEGMENT,
    schema.LABELS,
)
_FEATURES: Final = "features"
_TEXTS: Final = (schema.MESSAGE, schema.ERROR_MESSAGE, schema.ERROR_STACK)
_GONE: Final = object()

Redactor = Callable[[Document], Document]


class Rule(Struct, frozen=True, kw_only=True):
    """What to do with the members that match one of the patterns, or, negated, none of them.

    `replace` gives the value to write, or a mark that the member goes.
    """

    patterns: tuple[str, ...]
    replace: Callable[[Any], Any]
    is_negated: bool = False
    families: tuple[str, ...] = _FAMILIES


class TextRule(Struct, frozen=True, kw_only=True):
    """What to write in place of what a pattern finds in a text."""

    pattern: re.Pattern[str]
    mask: str


def drop(*patterns: str) -> Rule:
    """Remove the members of these names."""
    return Rule(patterns=patterns, replace=lambda _: _GONE)


def mask(*patterns: str) -> Rule:
    """Write `***` for a text, and null for a number."""
    return Rule(patterns=patterns, replace=lambda value: MASK if isinstance(value, str) else None)


def keyed_hash(*patterns: str, key: str | bytes | None = None) -> Rule:
    """Write 32 hexadecimal digits of HMAC-SHA256, the same for the same value and key; null stays null.

    A hashed number becomes a categorical feature. The key comes from `MLMON_LOG_REDACT_KEY` where none is
    given.

    Raises:
        UsageError: there is no key.

    """
    secret = key or os.environ.get(KEY_VARIABLE)
    if not secret:
        raise UsageError(f"keyed_hash has no key. Pass key=, or set {KEY_VARIABLE}.")
    raw = secret.encode() if isinstance(secret, str) else secret

    def replace(value: Any) -> str | None:  # noqa: ANN401 - any value of a member
        plain = text(value)
        if plain is None:
            return None
        return hmac.new(raw, plain.encode("utf-8", "backslashreplace"), "sha256").hexdigest()[:32]

    return Rule(patterns=patterns, replace=replace)


def allow_only(*patterns: str) -> Rule:
    """Remove all features but those of these names."""
    features = (schema.FEATURES_NUMERIC, schema.FEATURES_CATEGORICAL)
    return Rule(patterns=patterns, replace=lambda _: _GONE, is_negated=True, families=features)


def mask_text(pattern: str, *, mask: str = MASK) -> TextRule:
    """Write the mask for whatever a regular expression finds in messages, errors and texts of families.

    Raises:
        UsageError: the pattern is no regular expression.

    """
    try:
        return TextRule(pattern=re.compile(pattern), mask=mask)
    except re.error as error:
        raise UsageError(f"mask_text got {pattern!r}, which is no regular expression: {error}.") from None


def redactor(rules: Iterable[Rule | TextRule]) -> Redactor:
    """One function that applies all rules, in their order, to a flat document and gives a new one.

    What it touched is named in `mlmon.redaction.fields` and counted in `mlmon.redaction.count`.
    """
    ordered = tuple(rules)
    for rule in ordered:
        if not isinstance(rule, (Rule, TextRule)):
            raise UsageError(f"redact= got {rule!r}. Pass drop, mask, keyed_hash, allow_only or mask_text.")

    def redact(document: Document) -> Document:
        touched: list[str] = []
        changed = dict(document)
        for rule in ordered:
            if isinstance(rule, Rule):
                _apply_rule(rule, changed, touched)
            else:
                _apply_text(rule, changed, touched)
        if touched:
            changed[schema.REDACTION_FIELDS] = sorted(set(touched))
            changed[schema.REDACTION_COUNT] = len(touched)
        return changed

    return redact


def _apply_rule(rule: Rule, document: Document, touched: list[str]) -> None:
    hits = [
        (family, name)
        for family in rule.families
        for name in document.get(family) or ()
        if _is_hit(rule.patterns, family, name) is not rule.is_negated
    ]
    for family, name in hits:  # found before any is replaced, because a number may move to another family
        kept = dict(document[family])
        value = rule.replace(kept.pop(name))
        document[family] = kept
        touched.append(schema.member(family, name))
        _place(document, family, name, value)


def _place(document: Document, family: str, name: str, value: Any) -> None:  # noqa: ANN401 - any value
    """Put a new value where its type belongs: a number that became text is a categorical feature."""
    if value is _GONE:
        return
    if family == schema.FEATURES_NUMERIC and isinstance(value, str):
        family = schema.FEATURES_CATEGORICAL
    document[family] = {**(document.get(family) or {}), name: value}


def _apply_text(rule: TextRule, document: Document, touched: list[str]) -> None:
    for name in _TEXTS:
        if isinstance(value := document.get(name), str):
            document[name], found = rule.pattern.subn(rule.mask, value)
            touched += [name] * found
    for family in _FAMILIES:
        for name, value in dict(document.get(family) or {}).items():
            masked, found = rule.pattern.subn(rule.mask, value) if isinstance(value, str) else (value, 0)
            if found:
                document[family] = {**document[family], name: masked}
                touched += [schema.member(family, name)] * found


@lru_cache(maxsize=4096)
def _is_hit(patterns: tuple[str, ...], family: str, name: str) -> bool:
    """Whether a pattern matches a member's bare name, its full name or that under its family's short one."""
    short = _FEATURES if family in _FAMILIES[:2] else family.rpartition(".")[2]
    names = (name, f"{family}.{name}", f"{short}.{name}")
    return any(fnmatchcase(candidate, pattern) for pattern in patterns for candidate in names)
