"""What `mlmon doctor` looks at in Kibana, where the settings name one."""

from __future__ import annotations

from collections.abc import Iterator

from mlmon.cli import wiring_kibana
from mlmon.cli.check import Check, Status
from mlmon.core.config import Config
from mlmon.core.errors import MlmonError

_NAME = "kibana"


def run(config: Config) -> Iterator[Check]:
    """Whether it answers, is of a version that will do, has the space, and has the dashboards."""
    if config.kibana.url is None:
        return
    try:
        of = wiring_kibana.target(config)
        with wiring_kibana.connected(config, of, patience_s=0.0) as client:
            detail = f"{client.name}, version {client.version()}"
            compared = wiring_kibana.compare(client, wiring_kibana.rendered(config, of, "1d"))
    except MlmonError as error:
        fix = "Mend that, then: mlmon dashboards push"
        yield Check(name=_NAME, status=Status.FAIL, detail=str(error), fix=fix)
        return
    yield Check(name=_NAME, status=Status.OK, detail=detail)
    absent = [each for each in compared if each.status == "absent"]
    differs = [each for each in compared if each.status == "differs"]
    if not absent and not differs:
        yield Check(name="dashboards", status=Status.OK, detail=f"all {len(compared)} objects are there")
        return
    yield Check(
        name="dashboards",
        status=Status.WARN if absent else Status.OK,
        detail=f"of {len(compared)} objects {len(absent)} are not there, {len(differs)} are otherwise",
        fix="Put them there: mlmon dashboards push" if absent else "",
    )
