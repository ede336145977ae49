// node-postgres: a day's work. Argument: a connection string. Prints "ok NAME" or "fail NAME why" for each area.
'use strict';
const assert = require('assert');
const { Client, Pool } = require('pg');
const Cursor = require('pg-cursor');
const copy = require('pg-copy-streams');
const { pipeline } = require('stream/promises');
const { Readable } = require('stream');

const url = process.argv[2];
const LONG = 'SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a + b = 0';
let client;

async function connect() {
  const made = new Client({ connectionString: url });
  made.on('error', () => {});
  await made.connect();
  return made;
}

const areas = {
  async tables() {
    await client.query('CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL UNIQUE, age int CHECK (age >= 0), note jsonb)');
    const { rows } = await client.query('INSERT INTO person (name, age) VALUES ($1, $2) RETURNING id', ['Ada', 36]);
    assert.deepStrictEqual(rows, [{ id: 1 }]);
  },
  async 'types in text'() {
    const at = new Date('2024-02-29T12:34:56.789Z');
    const { rows, fields } = await client.query({
      text: `SELECT $1::bool a, $2::int b, $3::bigint c, $4::float8 d, $5::numeric e, $6::text f, $7::bytea g,
             $8::timestamptz h, $9::jsonb i, $10::int[] j, $11::text[] k, $12::uuid l, $13::text m`,
      values: [true, -5, '9223372036854775807', 0.1, '12345678901234567890.123', 'naïve 日本語 🙂', Buffer.from([0, 255]),
        at, { a: [1, null] }, [1, null, 3], ['a,b', 'q"q'], 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', null],
    });
    assert.deepStrictEqual(rows[0], {
      a: true, b: -5, c: '9223372036854775807', d: 0.1, e: '12345678901234567890.123', f: 'naïve 日本語 🙂',
      g: Buffer.from([0, 255]), h: at, i: { a: [1, null] }, j: [1, null, 3], k: ['a,b', 'q"q'],
      l: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', m: null,
    });
    assert.deepStrictEqual(fields.slice(0, 3).map((f) => f.dataTypeID), [16, 23, 20]);
  },
  async 'types in binary'() {
    const { rows } = await client.query({ text: 'SELECT 7::int4 a, true b, 1.5::float8 c, \'x\'::text d', binary: true });
    assert.deepStrictEqual(rows, [{ a: 7, b: true, c: 1.5, d: 'x' }]);
  },
  async parameters() {
    for (let i = 0; i < 50; i++) await client.query('INSERT INTO person (name, age) VALUES ($1, $2)', ['p' + i, i]);
    const { rows } = await client.query('SELECT count(*)::int n FROM person WHERE age = ANY($1)', [[1, 2, 3]]);
    assert.strictEqual(rows[0].n, 3);
  },
  async 'prepared statements'() {
    const query = { name: 'by-age', text: 'SELECT name FROM person WHERE age = $1' };
    for (let i = 0; i < 10; i++) {
      assert.strictEqual((await client.query({ ...query, values: [i] })).rows[0].name, 'p' + i);
    }
  },
  async transactions() {
    await client.query('CREATE TABLE ledger (id int PRIMARY KEY)');
    await client.query('BEGIN');
    await client.query('INSERT INTO ledger VALUES (1)');
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await client.query('INSERT INTO ledger VALUES (2)');
    await assert.rejects(client.query('INSERT INTO ledger VALUES (2)'), { code: '23505' });
    await assert.rejects(client.query('SELECT 1'), { code: '25P02' });
    assert.strictEqual((await client.query('COMMIT')).command, 'ROLLBACK');
    assert.strictEqual((await client.query('SELECT * FROM ledger')).rowCount, 0);
    const results = await client.query('INSERT INTO ledger VALUES (3); SELECT id FROM ledger');
    assert.deepStrictEqual(results.map((r) => r.rowCount), [1, 1]);
  },
  async errors() {
    await assert.rejects(client.query('SELECT nope FROM person'), { code: '42703', position: '8', severity: 'ERROR' });
    await assert.rejects(client.query('INSERT INTO person (name, age) VALUES ($1, $2)', ['x', -1]), { code: '23514' });
    await assert.rejects(client.query('SELECT $1::int', ['abc']), { code: '22P02' });
    assert.strictEqual((await client.query('SELECT 1 AS one')).rows[0].one, 1);
  },
  async copy() {
    await client.query('CREATE TABLE copied (id int, name text)');
    const lines = Array.from({ length: 5000 }, (_, i) => `${i}\tname ${i}\n`);
    await pipeline(Readable.from(lines), client.query(copy.from('COPY copied FROM STDIN')));
    let got = '';
    const out = client.query(copy.to('COPY (SELECT * FROM copied ORDER BY id) TO STDOUT'));
    for await (const chunk of out) got += chunk;
    assert.strictEqual(got, lines.join(''));
    await assert.rejects(pipeline(Readable.from(['x\ty\n']), client.query(copy.from('COPY copied FROM STDIN'))), { code: '22P02' });
  },
  async cursors() {
    const cursor = client.query(new Cursor('SELECT id FROM copied ORDER BY id', []));
    assert.deepStrictEqual(await cursor.read(2), [{ id: 0 }, { id: 1 }]);
    assert.strictEqual((await cursor.read(10000)).length, 4998);
    assert.strictEqual((await cursor.read(10)).length, 0);
    await cursor.close();
  },
  async 'time travel'() {
    await client.query('CREATE TABLE past (id int PRIMARY KEY, v text)');
    await client.query("INSERT INTO past VALUES (1, 'old')");
    const then = (await client.query('SELECT now()::text AS then')).rows[0].then;
    await new Promise((done) => setTimeout(done, 10));
    await client.query("UPDATE past SET v = 'new'");
    assert.strictEqual((await client.query('SELECT v FROM past AS OF TIMESTAMP $1', [then])).rows[0].v, 'old');
  },
  async cancellation() {
    const other = await connect();
    const begun = Date.now();
    setTimeout(() => other.query('SELECT pg_cancel_backend($1)', [client.processID]), 300);
    await assert.rejects(client.query(LONG), { code: '57014' });
    assert.ok(Date.now() - begun < 5000);
    await client.query('SET statement_timeout = 200');
    await assert.rejects(client.query(LONG), { code: '57014' });
    await client.query('RESET statement_timeout');
    await other.end();
  },
  async notifications() {
    const other = await connect();
    await other.query('LISTEN news');
    const heard = new Promise((done) => other.once('notification', done));
    await client.query("SELECT pg_notify('news', 'hello')");
    assert.strictEqual((await heard).payload, 'hello');
    await other.end();
  },
  async reconnecting() {
    const pool = new Pool({ connectionString: url, max: 5 });
    pool.on('error', () => {});
    const numbers = await Promise.all(Array.from({ length: 20 }, (_, i) => pool.query('SELECT $1::int AS n', [i])));
    assert.deepStrictEqual(numbers.map((r) => r.rows[0].n), Array.from({ length: 20 }, (_, i) => i));
    const one = await pool.connect();
    const number = one.processID;
    one.release();
    await client.query('SELECT pg_terminate_backend($1)', [number]);
    await new Promise((done) => setTimeout(done, 200));
    for (let i = 0; i < 10; i++) assert.strictEqual((await pool.query('SELECT 1 AS one')).rows[0].one, 1);
    await pool.end();
  },
};

(async () => {
  let failed = false;
  client = await connect();
  for (const [name, area] of Object.entries(areas)) {
    try {
      await area();
      console.log(`ok\t${name}`);
    } catch (error) {
      failed = true;
      console.log(`fail\t${name}\t${String(error.message).split('\n').slice(0, 3).join(' ').slice(0, 300)}`);
      console.error(error);
    }
  }
  await client.end();
  process.exit(failed ? 1 : 0);
})();
