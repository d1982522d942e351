import json


def test_a_key_is_printed_once_and_listed_without_its_secret(run, empty):
    """The key alone is on stdout, so that it can go into a file; the list knows it by its id."""
    made = run("keys", "create", "--namespace", "shop", "--name", "checkout")
    assert made.exit_code == 0
    prefix, key_id, secret = made.stdout.strip().split("_")
    assert (prefix, len(secret)) == ("mlmon", 64)
    assert secret not in made.stderr
    assert "MLMON_LOG_KEY" in made.stderr
    shown = run("keys", "list")
    assert key_id in shown.stdout
    assert secret not in shown.stdout
    assert json.loads(run("keys", "list", "--format", "json").stdout) == [
        {
            "id": key_id,
            "namespace": "shop",
            "name": "checkout",
            "created_at": "2013-05-20T12:00:00.000000Z",
            "revoked_at": None,
        }
    ]


def test_a_key_is_revoked_by_its_id(run, empty):
    """The list says since when, and an id that is not there is wrong usage."""
    key_id = run("keys", "create", "--namespace", "shop").stdout.split("_")[1]
    assert key_id in run("keys", "revoke", key_id).stdout
    [row] = json.loads(run("keys", "list", "--format", "json").stdout)
    assert row["revoked_at"] == "2013-05-20T12:00:00.000000Z"
    missing = run("keys", "revoke", "nobody")
    assert missing.exit_code == 2
    assert "mlmon keys list" in missing.stderr


def test_no_keys(run, empty):
    """Where there is none, the command that makes one is named."""
    assert "mlmon keys create" in run("keys", "list").output
