import pytest


@pytest.mark.slow
def test_each_server_keeps_a_document_and_finds_it_again(engine):
    """A real server of each kind starts, stores a document under an id and finds it by a word of it."""
    path = f"/found-{engine.kind}"
    status, _ = engine.ask("PUT", f"{path}/_doc/1?refresh=true", {"message": "a late flight"})
    assert status == 201
    _, answer = engine.ask("GET", f"{path}/_search?q=message:late")
    assert [hit["_id"] for hit in answer["hits"]["hits"]] == ["1"]
    assert engine.ask("DELETE", path)[0] == 200
