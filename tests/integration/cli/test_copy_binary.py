#!/usr/bin/env python3
"""COPY in binary format beside a live PostgreSQL 15: the same rows are the same bytes, and each reads what the other
wrote.

    test_copy_binary.py KIMBERLITE      skips where PostgreSQL 15 is not installed
"""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/conformance/differential"))
from databases import Postgres, find_postgres  # noqa: E402

SKIPPED = 77
PROGRAM = str(Path(sys.argv[1]).resolve())

# A thousand rows that both compute alike, beside those of the golden file.
MANY = """
CREATE TABLE many (id bigint, i2 smallint, i4 integer, f8 double precision, n numeric, n4 numeric(20, 4), t text, ba bytea,
    d date, ti time, ts timestamp, tz timestamptz, iv interval, u uuid, j jsonb, a integer[], na numeric[]);
INSERT INTO many SELECT i * 7919, CASE WHEN i % 11 = 0 THEN NULL ELSE (i % 60000 - 30000)::smallint END, i * 2000003 % 2147483647,
    i / 8.0, (i * i * i)::numeric / 1000, i * 1.2345, repeat('ü', i % 9) || i, decode(lpad(to_hex(i), 8, '0'), 'hex'),
    DATE '1900-01-01' + i * 37, TIME '00:00:00' + i * INTERVAL '1 minute 0.001 s', TIMESTAMP '1999-12-25' + i * INTERVAL '7 h',
    TIMESTAMPTZ '2000-01-01 00:00:00+00' - i * INTERVAL '1.5 days', i * INTERVAL '1 month 2 days 3.25 s', md5(i::text)::uuid,
    ('{"b": ' || i || ', "a": [null, "' || i || '"]}')::jsonb, ARRAY[i, NULL, -i], ARRAY[i / 10.0, 0.0001 * i]
    FROM generate_series(1, 1000) AS i;
"""


def main():
    programs = find_postgres()
    if programs is None:
        print("SKIP: PostgreSQL 15 is not installed")
        return SKIPPED
    script = "SET TimeZone = 'UTC';\n" + (ROOT / "tests/golden/copy/every.sql").read_text() + MANY
    tables = ("every", "many")
    postgres = Postgres(programs)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o755)

            def psql(text):
                subprocess.run([programs + "/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", postgres.directory, "-U", "postgres",
                                "postgres"], input=text, text=True, check=True, cwd=folder, timeout=120)

            def kimberlite(text):
                ran = subprocess.run([PROGRAM, "shell"], input=text, text=True, capture_output=True, cwd=folder / "p", timeout=120)
                if ran.returncode != 0 or "rror" in ran.stderr:
                    sys.exit("kimberlite: %s%s" % (ran.stdout, ran.stderr))

            subprocess.run([PROGRAM, "init", "p"], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            psql(script)
            kimberlite(script)
            for table in tables:
                psql("\\copy %s to 'theirs' binary\n" % table)
                kimberlite("\\copy %s to '../ours' binary\n" % table)
                ours, theirs = (folder / "ours").read_bytes(), (folder / "theirs").read_bytes()
                at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
                if ours != theirs:
                    sys.exit("%s: %d bytes of ours, %d of theirs, different from byte %d" % (table, len(ours), len(theirs), at))
                # Each takes the other's, and says the same of it.
                psql("DELETE FROM %s;\n\\copy %s from 'ours' binary\n\\copy %s to 'theirs.csv' csv\n" % (table, table, table))
                kimberlite("DELETE FROM %s;\n\\copy %s from '../theirs' binary\n\\copy %s to '../ours.csv' csv\n" %
                           (table, table, table))
                if (folder / "ours.csv").read_text() != (folder / "theirs.csv").read_text():
                    sys.exit("%s: the rows differ after each has read the other's" % table)
    finally:
        postgres.close()
    print("%d tables are the same bytes" % len(tables))
    return 0


sys.exit(main())
