"""`mlmon doctor`: is everything well, and if not, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings

if TYPE_CHECKING:
    from mlmon.core.query import Row

_KEYS: Final = ("check", "status", "detail", "fix")


@click.command(
    epilog=examples("mlmon doctor", "mlmon doctor --store /var/lib/mlmon", "mlmon doctor --format json")
)
@asks(*SOURCE, "format")
def command(asked: Asked) -> None:
    """Check store, disk and ports, whether events arrive, and what the parts report of themselves.

    Each problem comes with its fix. The exit code is 1 if a check fails; a warning does not change it.
    """
    from mlmon.cli import checks, output
    from mlmon.cli.check import Status
    from mlmon.cli.output import Column

    found = list(checks.run(settings(asked), now()))
    output.write(
        (
            {"check": each.name, "status": str(each.status), "detail": each.detail, "fix": each.fix}
            for each in found
        ),
        asked.format,
        keys=_KEYS,
        columns=[
            Column("", lambda row: row["status"]),
            Column("check", lambda row: row["check"]),
            Column("seen", _text, wraps=True),
        ],
        empty="",
        hint="",
    )
    failed = sum(each.status is Status.FAIL for each in found)
    warned = sum(each.status is Status.WARN for each in found)
    output.note(
        f"{failed} of {len(found)} checks failed, {warned} warn. Each says what to do."
        if failed or warned
        else f"All {len(found)} checks are well."
    )
    if failed:
        click.get_current_context().exit(1)


def _text(row: Row) -> str:
    return "\n".join(filter(None, (row["detail"], row["fix"])))
