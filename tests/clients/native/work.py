"""The published Python client at work on a started server: work.py HOST:PORT TENANT."""

import datetime
import sys

from kimberlite import Client, DataClass, Offset
from kimberlite.errors import KimberliteError, QuerySyntaxError, UniqueConstraintViolationError
from kimberlite.value import Value


def refused(kind, call, *arguments):
    try:
        call(*arguments)
    except kind:
        return
    raise AssertionError(f"{arguments!r} should have been refused")


def sql(client):
    client.execute("CREATE TABLE visits (id BIGINT PRIMARY KEY, name TEXT, seen BOOLEAN, at TIMESTAMP)")
    for number in (1, 2, 3):
        done = client.execute(
            "INSERT INTO visits VALUES ($1, $2, $3, $4)",
            [Value.bigint(number), Value.text(f"visitor {number}"), Value.boolean(True),
             Value.timestamp(1_700_000_000_000_000_000)])
        assert done.rows_affected == 1
    result = client.query("SELECT id, name, seen, at, NULL AS nothing FROM visits ORDER BY id")
    assert result.columns == ["id", "name", "seen", "at", "nothing"] and len(result) == 3
    row = result.rows[1]
    assert [cell.data for cell in row[:4]] == [2, "visitor 2", True, 1_700_000_000_000_000_000]
    assert row[4].is_null()
    assert "visits" in client.query_explain("SELECT * FROM visits")
    print("statements")
    refused(UniqueConstraintViolationError, client.execute, "INSERT INTO visits VALUES (1, 'x', NULL, NULL)")
    refused(QuerySyntaxError, client.query, "SELEC 1")
    refused(KimberliteError, client.query, "SELECT * FROM nothing")
    print("errors")


def time_travel(client):
    before = client.execute("UPDATE visits SET name = 'before'")
    now = client.query("SELECT clock_timestamp()").rows[0][0].data
    client.execute("DELETE FROM visits")
    count = "SELECT count(*) FROM visits"
    assert client.query(count).rows[0][0].data == 0
    assert client.query_at(count, None, Offset(before.log_offset)).rows[0][0].data == 3
    moment = datetime.datetime.fromtimestamp(now / 1e9 + 0.000001, tz=datetime.timezone.utc)
    assert client.query_at(count, None, moment).rows[0][0].data in (0, 3)
    print("the past")


def streams(client, address, tenant):
    stream = client.create_stream("events", DataClass.PUBLIC if hasattr(DataClass, "PUBLIC") else list(DataClass)[-1])
    assert int(client.append(stream, [b"one", b"two"], Offset(0))) == 0
    refused(KimberliteError, client.append, stream, [b"x"], Offset(0))
    assert [event.data for event in client.read(stream)] == [b"one", b"two"]
    print("streams")
    with Client.connect([address], tenant_id=tenant) as subscriber:
        subscription = subscriber.subscribe(stream, initial_credits=2)
        assert [subscription.next_event().data for _ in range(2)] == [b"one", b"two"]
        client.append(stream, [b"three", b"four", b"five"], Offset(2))
        got = [subscription.next_event() for _ in range(3)]
        assert [event.data for event in got] == [b"three", b"four", b"five"]
        assert [int(event.offset) for event in got] == [2, 3, 4]
        subscription.unsubscribe()
    print("subscriptions")


def administration(client):
    assert [table.name for table in client.admin.list_tables()] == ["visits"]
    assert len(client.admin.describe_table("visits").columns) == 4
    assert client.admin.list_tenants()
    assert client.admin.server_info().protocol_version == 5
    print("administration")


def main():
    address, tenant = sys.argv[1], int(sys.argv[2])
    with Client.connect([address], tenant_id=tenant) as client:
        sql(client)
        time_travel(client)
        streams(client, address, tenant)
        administration(client)
    print("done")


main()
