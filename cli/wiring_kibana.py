"""What commands ask of Kibana and of OpenSearch Dashboards: to render, to push, to compare.

Beside `mlmon.cli.wiring` and its neighbours the one module that knows an implementation. Imports are made
when they are needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmon.core import config as settings
from mlmon.core.config import Config
from mlmon.core.errors import UsageError
from mlmon.core.schema import Dataset

if TYPE_CHECKING:
    from mlmon.kibana.access import Access, Target
    from mlmon.kibana.client import Client
    from mlmon.kibana.compare import Comparison as Comparison  # noqa: PLC0414 - for commands to name
    from mlmon.kibana.dashboards import Rendered as Rendered  # noqa: PLC0414 - for commands to name
    from mlmon.kibana.objects import Frame

TARGETS = ("kibana", "opensearch")


def target(config: Config, named: str | None = None) -> Target:
    """Whose dashboards: those that were named, else those that go with the store."""
    from mlmon.kibana.access import Target

    return Target(named or ("opensearch" if config.store.url.startswith("opensearch") else "kibana"))


def rendered(config: Config, of: Target, size: str) -> Rendered:
    """All dashboards for a target, with results of windows of a size.

    Raises:
        UsageError: the namespace cannot be part of an index's name.

    """
    from mlmon.kibana.access import Target

    if of is Target.OPENSEARCH:
        from mlmon.kibana.opensearch import render
    else:
        from mlmon.kibana.dashboards import render
    return render(_frame(config, size))


def _frame(config: Config, size: str) -> Frame:
    from mlmon.kibana.objects import Frame, prefix
    from mlmon.stores.search import names

    namespace = names.checked(config.store.namespace)
    return Frame(
        patterns={dataset: names.pattern(dataset, namespace) for dataset in Dataset},
        size=size,
        prefix=prefix(space=config.kibana.space, namespace=namespace),
    )


def access(config: Config, of: Target) -> Access:
    """Where Kibana is, and the way in, by the settings and the environment.

    Raises:
        UsageError, ConfigError: no address, or settings that cannot be meant.

    """
    from mlmon.kibana.access import Access, checked
    from mlmon.stores.search.access import secret

    given = config.kibana
    if given.url is None:
        raise UsageError(
            "It is not said where Kibana is. Give --kibana https://HOST:5601, "
            "or set kibana.url in mlmon.yaml."
        )
    return checked(
        Access(
            url=given.url,
            target=of,
            space=given.space,
            user=given.user,
            api_key=secret(settings.KIBANA_KEY, given.key_file, os.environ),
            password=secret(settings.KIBANA_PASSWORD, given.password_file, os.environ),
            ca_file=given.ca_file,
        )
    )


@contextmanager
def connected(config: Config, of: Target, *, patience_s: float | None = None) -> Iterator[Client]:
    """Kibana, ready, with the space of the settings in it; closed at the end of the block.

    One that is not ready is waited for, which is said on stderr.

    Raises:
        UsageError, ConfigError: as `access`.
        WireError: it does not answer, or there is no such space.

    """
    way_in = access(config, of)
    from mlmon.cli.output import note
    from mlmon.kibana.client import PATIENCE_S, Client

    client = Client(way_in, patience_s=PATIENCE_S if patience_s is None else patience_s, tell=note)
    try:
        client.version()
        client.check_space()
        yield client
    finally:
        client.close()


def compare(client: Client, wanted: Rendered) -> list[Comparison]:
    """Each object that is rendered, held against what is there."""
    from mlmon.kibana.compare import compare as compared

    return compared(wanted.objects, client.existing(wanted.objects))


def file(wanted: Rendered) -> bytes:
    """The file that can be imported by hand, too."""
    from mlmon.kibana.objects import ndjson

    return ndjson(wanted.objects)
