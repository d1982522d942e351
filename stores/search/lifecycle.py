"""How long documents are kept in a cluster, and where: as ILM, as data stream lifecycle, or as ISM.

A stream is rolled over by age or size and a piece of it is deleted as a whole. Age counts from when a
document was stored, so that replaying an old year deletes nothing at once.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from mlmon.core.schema import RESULTS, Dataset
from mlmon.core.window import parse_duration

ROLL_AGE: Final = "1d"
ROLL_SIZE: Final = "50gb"
WARM_AFTER: Final = "2d"
_LONG: Final = parse_duration("90d")
"""What is kept longer is rolled over by the month, or there would be a piece for each day of years."""


class Keep(Struct, frozen=True, kw_only=True):
    """One policy: what it is called, how long it keeps, and whether what it keeps is rolled over."""

    name: str
    keep: str
    rolls: bool

    @property
    def roll_age(self) -> str:
        """The age at which a piece is closed and the next begun."""
        return "30d" if parse_duration(self.keep) > _LONG else ROLL_AGE

    @property
    def has_warm_phase(self) -> bool:
        """Whether pieces that are closed live long enough to be worth merging."""
        return self.rolls and parse_duration(self.keep) > parse_duration(WARM_AFTER)

    @property
    def delete_age(self) -> str:
        """How long it keeps, in words of a cluster, which knows no weeks."""
        return f"{7 * int(self.keep[:-1])}d" if self.keep.endswith("w") else self.keep


def policy_of(
    dataset: Dataset, *, keep_events: str, keep_evaluations: str, keep_results: str, suffix: str = ""
) -> Keep:
    """The policy of a dataset: one for events, one for evaluations, one for results.

    >>> policy_of(Dataset.OUTCOME, keep_events="30d", keep_evaluations="90d", keep_results="400d")
    Keep(name='mlmon-events', keep='30d', rolls=True)
    """
    if dataset in RESULTS:
        return Keep(name=f"mlmon-results{suffix}", keep=keep_results, rolls=False)
    if dataset is Dataset.EVALUATION:
        return Keep(name=f"mlmon-evaluations{suffix}", keep=keep_evaluations, rolls=True)
    return Keep(name=f"mlmon-events{suffix}", keep=keep_events, rolls=True)


def ilm(kept: Keep, meta: dict[str, Any]) -> dict[str, Any]:
    """The policy for Elasticsearch's index lifecycle management."""
    rollover = {"rollover": {"max_age": kept.roll_age, "max_primary_shard_size": ROLL_SIZE}}
    phases: dict[str, Any] = {
        "hot": {
            "min_age": "0ms",
            "actions": {"set_priority": {"priority": 100}} | (rollover if kept.rolls else {}),
        },
        "delete": {"min_age": kept.delete_age, "actions": {"delete": {}}},
    }
    if kept.has_warm_phase:
        phases["warm"] = {
            "min_age": WARM_AFTER,
            "actions": {"set_priority": {"priority": 50}, "forcemerge": {"max_num_segments": 1}},
        }
    return {"policy": {"_meta": meta, "phases": phases}}


def data_stream(kept: Keep) -> dict[str, Any]:
    """The lifecycle within a template, for a cluster without ILM."""
    return {"enabled": True, "data_retention": kept.delete_age}


def ism(kept: Keep, patterns: list[str], meta: dict[str, Any]) -> dict[str, Any]:
    """The policy for OpenSearch's index state management, with the indices it is for."""
    roll = {"rollover": {"min_index_age": kept.roll_age, "min_primary_shard_size": ROLL_SIZE}}
    merge = {"force_merge": {"max_num_segments": 1}}
    states: list[dict[str, Any]] = [
        {
            "name": "hot",
            "actions": [roll] if kept.rolls else [],
            "transitions": [
                _to("warm", WARM_AFTER) if kept.has_warm_phase else _to("delete", kept.delete_age)
            ],
        },
        {"name": "delete", "actions": [{"delete": {}}], "transitions": []},
    ]
    if kept.has_warm_phase:
        states.insert(
            1, {"name": "warm", "actions": [merge], "transitions": [_to("delete", kept.delete_age)]}
        )
    return {
        "policy": {
            "description": f"mlmon {meta['version']}: {meta['digest']}",
            "default_state": "hot",
            "states": states,
            "ism_template": [{"index_patterns": patterns, "priority": 200}],
        }
    }


def _to(state: str, age: str) -> dict[str, Any]:
    return {"state_name": state, "conditions": {"min_index_age": age}}
