from mlmon.kibana.compare import Status, compare
from mlmon.kibana.layout import WIDTH, bottom, places


def one(**attributes):
    """Give an object with these attributes."""
    return {"type": "lens", "id": "a", "attributes": {"title": "A", **attributes}, "references": []}


def test_what_is_not_there_is_absent(rendered):
    """Against nothing all is absent, and against itself all is the same."""
    assert {each.status for each in compare(rendered.objects, {})} == {Status.ABSENT}
    there = {(each["type"], each["id"]): each for each in rendered.objects}
    assert {each.status for each in compare(rendered.objects, there)} == {Status.SAME}


def test_what_kibana_adds_does_not_count():
    """Keys that are only there, other forms and versions are no differences."""
    added = one(sort=1, fields="[]") | {"version": "WzEs", "typeMigrationVersion": "10.1.0"}
    [compared] = compare([one()], {("lens", "a"): added})
    assert compared.status is Status.SAME


def test_differences_are_told_by_key():
    """Values, keys within texts, and what is named are told with what is there and what should be."""
    wanted = one(state={"x": [1, 2]}, text='{"deep": {"y": true}}', odd="{no json")
    wanted["references"] = [{"type": "index-pattern", "id": "v", "name": "n"}]
    found = one(state={"x": [1, 3]}, text='{"deep": {}}', odd="{no json")
    [compared] = compare([wanted], {("lens", "a"): found})
    assert compared.status is Status.DIFFERS
    assert compared.differences == {
        "state.x[1]": ("3", "2"),
        "text.deep.y": (None, "True"),
        "references.n": (None, "index-pattern v"),
    }


def test_rows_of_panels_follow_each_other(rendered):
    """Panels fill a row before the next begins, below the tallest of it."""
    from mlmon.core.dashboards import OVERVIEW

    taken = list(places(OVERVIEW.sections[0].panels, 3))
    assert [place.x for place in taken[:4]] == [0, 12, 24, 36]
    assert {place.y for place in taken[:4]} == {3}
    assert taken[4].y == 9
    assert bottom(taken, 3) == taken[4].y + taken[4].h
    assert bottom([], 3) == 3
    assert all(place.x + place.w <= WIDTH for place in taken)
