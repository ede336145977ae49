"""asyncpg, which speaks binary formats and prepared statements alone. Argument: a connection string."""
import asyncio
import datetime
import decimal
import sys
import uuid

import asyncpg

from checks import LONG, equal, run

URL = sys.argv[1]
loop = asyncio.new_event_loop()
client = loop.run_until_complete(asyncpg.connect(URL))


def area(function):
    def made():
        loop.run_until_complete(function())
    made.__name__ = function.__name__
    return made


async def fails(kind, awaited):
    try:
        await awaited
    except kind as error:
        return error
    raise AssertionError("no error")


@area
async def tables():
    await client.execute("CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL UNIQUE, tags text[])")
    equal(await client.fetchval("INSERT INTO person (name, tags) VALUES ($1, $2) RETURNING id", "Ada", ["a b", 'q"', None]), 1)
    equal(await client.execute("UPDATE person SET name = name || '!'"), "UPDATE 1")


@area
async def types_in_binary():
    await client.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    values = [True, -5, 2 ** 62, 1.5, decimal.Decimal("12345678901234567890.123"), "naïve 日本語 🙂", b"\0\xff", datetime.date(2024, 2, 29),
              datetime.time(12, 34, 56, 789), datetime.datetime(1999, 12, 31, 23, 59, 59, 999999),
              datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc), datetime.timedelta(days=3, seconds=2),
              uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), '{"a": [1, null]}', [1, None, 3], [[1], [2]], "ok", None]
    row = await client.fetchrow("SELECT $1::bool, $2::int, $3::bigint, $4::float8, $5::numeric, $6::text, $7::bytea, $8::date, $9::time,"
                                " $10::timestamp, $11::timestamptz, $12::interval, $13::uuid, $14::jsonb, $15::int[], $16::int[], $17::mood,"
                                " $18::text", *values)
    equal(list(row), values)


@area
async def parameters():
    await client.executemany("INSERT INTO person (name) VALUES ($1)", [("p%d" % i,) for i in range(100)])
    equal(await client.fetchval("SELECT count(*) FROM person WHERE name = ANY($1)", ["p1", "p2", "none"]), 2)


@area
async def prepared_statements():
    statement = await client.prepare("SELECT name FROM person WHERE id = $1")
    equal([attribute.name for attribute in statement.get_attributes()], ["name"])
    equal(await statement.fetchval(1), "Ada!")
    await client.execute("ALTER TABLE person ADD COLUMN age int DEFAULT 3")
    equal(await statement.fetchval(1), "Ada!")
    equal(await client.fetchval("SELECT age FROM person WHERE id = $1", 1), 3)


@area
async def transactions():
    async with client.transaction(isolation="serializable"):
        await client.execute("INSERT INTO person (name) VALUES ('in')")
        error = None
        try:
            async with client.transaction():
                await client.execute("INSERT INTO person (name) VALUES ('in')")
        except asyncpg.UniqueViolationError as raised:
            error = raised
        equal(error.constraint_name, "person_name_key")
    equal(await client.fetchval("SELECT count(*) FROM person WHERE name = 'in'"), 1)


@area
async def errors():
    error = await fails(asyncpg.UndefinedColumnError, client.fetch("SELECT nothing FROM person"))
    equal((error.sqlstate, error.position), ("42703", "8"))
    equal(await client.fetchval("SELECT 1"), 1)


@area
async def copy():
    await client.copy_records_to_table("person", records=[("c%d" % i, ["x"]) for i in range(1000)], columns=["name", "tags"])
    got = []

    async def take(data):
        got.append(data)
    await client.copy_from_query("SELECT name FROM person WHERE name LIKE 'c%' ORDER BY id LIMIT $1", 2, output=take, format="csv")
    equal(b"".join(got), b"c0\nc1\n")
    await fails(asyncpg.UniqueViolationError, client.copy_records_to_table("person", records=[("c1",)], columns=["name"]))


@area
async def cursors():
    async with client.transaction():
        equal([row[0] async for row in client.cursor("SELECT g FROM generate_series(1, 500) g", prefetch=7)], list(range(1, 501)))


@area
async def time_travel():
    position = await client.fetchval("SELECT position FROM kimberlite_stat_log")
    await client.execute("DELETE FROM person WHERE name LIKE 'c%'")
    equal(await client.fetchval("SELECT count(*) FROM person AT OFFSET $1 WHERE name LIKE 'c%'", position), 1000)


@area
async def cancellation():
    await fails(asyncio.TimeoutError, client.fetch(LONG, timeout=0.3))
    equal(await client.fetchval("SELECT 2"), 2)


@area
async def notifications():
    heard = loop.create_future()
    await client.add_listener("ward", lambda _, pid, channel, payload: heard.done() or heard.set_result((channel, payload)))
    async with asyncpg.create_pool(URL, min_size=1, max_size=2) as pool:
        await pool.execute("SELECT pg_notify('ward', 'seven')")
    equal(await asyncio.wait_for(heard, 10), ("ward", "seven"))


@area
async def reconnecting():
    other = await asyncpg.connect(URL)
    await client.execute("SELECT pg_terminate_backend(%d)" % other.get_server_pid())
    await asyncio.sleep(0.5)
    await fails((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError), other.fetchval("SELECT 1"))
    other = await asyncpg.connect(URL)
    equal(await other.fetchval("SELECT 1"), 1)
    await other.close()


run([tables, types_in_binary, parameters, prepared_statements, transactions, errors, copy, cursors, time_travel, cancellation,
     notifications, reconnecting])
