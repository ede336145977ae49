#!/usr/bin/env python3
"""Transactions side by side at READ COMMITTED: who waits, who goes on, and what each sees, as in PostgreSQL 15.

Scripts of several sessions run on both servers; the rows of a COPY stand behind it. A statement that is not answered for a while waits; it is told as "waits",
and its answer, when a later one lets it go on, behind that one's. Then many transfer
money at once, and none of it is lost. Without PostgreSQL it can not run.
"""
import functools
import random
import threading
import time

import checks
import raw
from serve import Server
from test_messages import Pair

WAIT_SECONDS = (0.15, 1)  # a machine that is busy may need longer to answer: it is asked once more
SETUP = """
DROP TABLE IF EXISTS kid, item, code, late, child, acc, job;
CREATE TABLE acc (id int PRIMARY KEY, v int, u int UNIQUE);
CREATE TABLE child (id int PRIMARY KEY, acc int REFERENCES acc, t text);
CREATE TABLE item (id int PRIMARY KEY, acc int REFERENCES acc ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE kid (id int PRIMARY KEY, item int REFERENCES item ON DELETE SET NULL);
CREATE TABLE code (id int PRIMARY KEY, u int REFERENCES acc (u));
CREATE TABLE late (id int PRIMARY KEY, acc int REFERENCES acc DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE job (id int PRIMARY KEY, state text DEFAULT 'new');
INSERT INTO acc VALUES (1, 10, 1), (2, 20, 2), (3, 30, 3);
INSERT INTO child VALUES (1, 1);
INSERT INTO item VALUES (1, 2);
INSERT INTO kid VALUES (1, 1);
INSERT INTO job SELECT g FROM generate_series(1, 5) g;
"""
B, C, R = "BEGIN", "COMMIT", "ROLLBACK"
ALL = "SELECT * FROM acc ORDER BY id"
CHILDREN = "SELECT * FROM child ORDER BY id"
ITEMS = "SELECT * FROM item ORDER BY id"
LATE = "SELECT * FROM late ORDER BY id"

SCRIPTS = {
    "each statement sees what is committed": [
        (1, B), (1, "SELECT v FROM acc WHERE id = 1"), (2, "UPDATE acc SET v = 11 WHERE id = 1"),
        (1, "SELECT v FROM acc WHERE id = 1"), (2, "INSERT INTO acc VALUES (4, 40, 4)"), (1, "SELECT count(*) FROM acc"), (1, C)],
    "its own changes stay": [
        (1, B), (1, "UPDATE acc SET v = v + 1 WHERE id = 1"), (1, "INSERT INTO acc VALUES (5, 50, 5)"),
        (2, "UPDATE acc SET v = 0 WHERE id = 2"), (1, ALL), (1, "DELETE FROM acc WHERE id = 5"),
        (2, "INSERT INTO acc VALUES (6, 60, 6)"), (1, ALL), (1, C), (2, ALL)],
    "a lost update is none": [
        (1, B), (2, B), (1, "UPDATE acc SET v = v + 1 WHERE id = 1"), (2, "UPDATE acc SET v = v + 1 WHERE id = 1 RETURNING v"),
        (1, C), (2, C), (1, ALL)],
    "after a rollback it goes on": [
        (1, B), (2, B), (1, "UPDATE acc SET v = 0 WHERE id = 1"), (2, "UPDATE acc SET v = v + 1 WHERE id = 1 RETURNING v"),
        (1, R), (2, C), (1, ALL)],
    "the row is looked at again": [
        (1, B), (2, B), (1, "UPDATE acc SET v = 99 WHERE id = 1"), (2, "UPDATE acc SET v = v + 1 WHERE v = 10"), (1, C), (2, C), (1, ALL)],
    "the row is gone": [
        (1, B), (2, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "UPDATE acc SET v = v + 1 WHERE id = 3"), (1, C), (2, C), (1, ALL)],
    "a statement alone waits": [
        (1, B), (1, "UPDATE acc SET v = v * 2 WHERE id = 1"), (2, "UPDATE acc SET v = v + 1 WHERE id = 1 RETURNING v"), (1, C), (1, ALL)],
    "a delete alone waits": [
        (1, B), (1, "UPDATE acc SET v = v * 2 WHERE id = 2"), (2, "DELETE FROM acc WHERE v >= 20"), (1, R), (1, ALL)],
    "three in a row": [
        (1, B), (1, "UPDATE acc SET v = v + 1 WHERE id = 1"), (2, "UPDATE acc SET v = v * 2 WHERE id = 1"), (1, C),
        (3, "UPDATE acc SET v = v + 1 WHERE id = 1 RETURNING v"), (1, ALL)],
    "a deadlock": [
        (1, B), (2, B), (1, "UPDATE acc SET v = 0 WHERE id = 1"), (2, "UPDATE acc SET v = 0 WHERE id = 2"),
        (1, "UPDATE acc SET v = 1 WHERE id = 2"), (2, R), (1, C), (1, ALL)],
    "a key that another inserts": [
        (1, B), (2, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"), (2, "INSERT INTO acc VALUES (7, 2, 8)"), (1, C), (2, R), (1, ALL)],
    "a key whose insert is undone": [
        (1, B), (2, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"), (2, "INSERT INTO acc VALUES (7, 2, 8)"), (1, R), (2, C), (1, ALL)],
    "a unique value that another inserts": [
        (1, B), (2, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"), (2, "INSERT INTO acc VALUES (8, 2, 7)"), (1, C), (2, R), (1, ALL)],
    "a unique value alone": [
        (1, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"), (2, "INSERT INTO acc VALUES (8, 2, 7)"), (1, C), (1, ALL)],
    "a unique value that another gives up": [
        (1, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "INSERT INTO acc VALUES (8, 1, 3)"), (1, C),
        (1, B), (1, "UPDATE acc SET u = NULL WHERE id = 8"), (2, "UPDATE acc SET u = 3 WHERE id = 2"), (1, R), (1, ALL)],
    "an upsert of a value that another gives up": [
        (1, B), (1, "UPDATE acc SET u = 33 WHERE id = 3"), (2, "INSERT INTO acc VALUES (8, 1, 3) ON CONFLICT DO NOTHING"), (1, C), (1, ALL)],
    "an upsert waits and updates": [
        (1, B), (2, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"),
        (2, "INSERT INTO acc VALUES (7, 2, 8) ON CONFLICT (id) DO UPDATE SET v = acc.v + 100 RETURNING *"), (1, C), (2, C), (1, ALL)],
    "an upsert of a unique value": [
        (1, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"),
        (2, "INSERT INTO acc VALUES (9, 2, 7) ON CONFLICT (u) DO UPDATE SET v = acc.v + 100 RETURNING *"), (1, C), (1, ALL)],
    "an upsert does nothing": [
        (1, B), (2, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"), (2, "INSERT INTO acc VALUES (7, 2, 8) ON CONFLICT DO NOTHING"),
        (1, C), (2, C), (1, ALL)],
    "savepoints go along": [
        (1, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"), (1, "SAVEPOINT a"), (1, "UPDATE acc SET v = 2 WHERE id = 7"),
        (2, "UPDATE acc SET v = 21 WHERE id = 2"), (1, ALL), (1, "SAVEPOINT b"), (1, "DELETE FROM acc WHERE id = 1"),
        (2, "UPDATE acc SET v = 22 WHERE id = 2"), (1, ALL), (1, "ROLLBACK TO b"), (1, ALL),
        (2, "UPDATE acc SET v = 23 WHERE id = 2"), (1, "ROLLBACK TO a"), (1, ALL), (1, C), (2, ALL)],
    "for update waits": [
        (1, B), (2, B), (1, "SELECT v FROM acc WHERE id = 1 FOR UPDATE"), (2, "SELECT v FROM acc WHERE id = 1 FOR UPDATE"),
        (1, "UPDATE acc SET v = 77 WHERE id = 1"), (1, C), (2, C)],
    "for update, then looked at again": [
        (1, B), (2, B), (1, "UPDATE acc SET v = 5 WHERE id = 2"), (2, "SELECT id FROM acc WHERE v > 15 ORDER BY id FOR UPDATE"), (1, C), (2, C)],
    "for share together": [
        (1, B), (2, B), (1, "SELECT v FROM acc WHERE id = 1 FOR SHARE"), (2, "SELECT v FROM acc WHERE id = 1 FOR SHARE"),
        (3, "UPDATE acc SET v = 0 WHERE id = 1"), (1, C), (2, C), (1, ALL)],
    "nowait": [
        (1, B), (2, B), (1, "SELECT v FROM acc WHERE id = 1 FOR UPDATE"), (2, "SELECT v FROM acc WHERE id = 1 FOR UPDATE NOWAIT"), (2, R),
        (1, C)],
    "rows that are copied out": [
        (1, B), (1, "UPDATE acc SET v = v + 1 WHERE id = 1"), (2, "COPY (UPDATE acc SET v = v * 2 WHERE id = 1 RETURNING v) TO STDOUT"),
        (1, C), (1, B), (1, "UPDATE acc SET v = 5 WHERE id = 1"), (2, "COPY (SELECT v FROM acc WHERE id = 2 FOR UPDATE) TO STDOUT"),
        (1, C), (1, ALL)],
    "skip locked": [
        (1, B), (2, B), (1, "SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED"),
        (2, "SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED"),
        (3, "SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 2 OFFSET 1 FOR UPDATE SKIP LOCKED"),
        (1, "UPDATE job SET state = 'done' WHERE id <= 2"), (1, C), (2, R),
        (3, "SELECT id FROM job WHERE state = 'new' ORDER BY id FOR UPDATE SKIP LOCKED")],
    "a queue in one statement": [
        (1, B), (2, B),
        (1, "UPDATE job SET state = 'run' WHERE id = (SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"),
        (2, "UPDATE job SET state = 'run' WHERE id = (SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"),
        (3, "UPDATE job SET state = 'run' WHERE id = (SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"),
        (1, C), (2, R), (3, "SELECT * FROM job ORDER BY id")],
    "a table that came meanwhile": [
        (1, B), (1, "SELECT 1"), (2, "CREATE TABLE later (a int)"), (2, "INSERT INTO later VALUES (1)"), (1, "SELECT * FROM later"), (1, C),
        (2, "DROP TABLE later")],
    "an error and a rollback let go": [
        (1, B), (1, "UPDATE acc SET v = 1 WHERE id = 1"), (2, "UPDATE acc SET v = 2 WHERE id = 1"), (1, "SELECT 1/0"), (1, R), (1, ALL)],
    "lock timeout": [
        (1, B), (1, "UPDATE acc SET v = 1 WHERE id = 1"), (2, "SET lock_timeout = 50"), (2, "UPDATE acc SET v = 2 WHERE id = 1"), (1, R),
        (2, "RESET lock_timeout")],
    "a wait that ends, and a savepoint": [
        (2, "SET statement_timeout = 60"), (1, B), (1, "UPDATE acc SET v = 1 WHERE id = 1"), (2, B), (2, "UPDATE acc SET v = 5 WHERE id = 2"),
        (2, "SAVEPOINT s"), (2, "INSERT INTO acc VALUES (9, 9, 9); UPDATE acc SET v = 6 WHERE id < 3"), (2, "SELECT 1"), (2, "ROLLBACK TO s"),
        (2, "UPDATE acc SET v = v + 1 WHERE id = 2"), (2, ALL), (1, C), (2, C), (1, ALL), (2, "RESET statement_timeout")],
    "several statements of one message": [
        (1, B), (1, "UPDATE acc SET v = 1 WHERE id = 1"),
        (2, "UPDATE acc SET v = v + 1 WHERE id = 1; INSERT INTO acc VALUES (9, 9, 9); SELECT v FROM acc ORDER BY id"), (1, C), (1, ALL)],
    "half of a statement is done before it waits": [
        (1, B), (1, "UPDATE acc SET v = 7 WHERE id = 3"), (2, B), (2, "INSERT INTO acc VALUES (9, 9, 9)"), (2, "UPDATE acc SET v = v + 1"),
        (1, C), (2, ALL), (2, C), (1, B), (1, "DELETE FROM acc WHERE id = 9"), (2, B), (2, "UPDATE acc SET v = v + 1"), (1, R), (2, ALL), (2, R)],
    "it waits and has locked what is no row": [
        (1, B), (1, "UPDATE acc SET v = 1 WHERE id = 1"), (2, "UPDATE acc SET v = v + 1 WHERE id = 2 AND pg_try_advisory_lock(9)"),
        (2, B), (2, "UPDATE acc SET v = v + 1 WHERE id = 1 AND pg_try_advisory_lock(8)"), (1, R), (2, C),
        (2, "SELECT pg_advisory_unlock(8), pg_advisory_unlock(9)"), (3, "SELECT pg_try_advisory_lock(8), pg_try_advisory_lock(9)")],
    "it waits behind a definition of its own": [
        (1, B), (1, "UPDATE acc SET v = 1 WHERE id = 1"), (2, B), (2, "CREATE TABLE late (id int)"), (2, "UPDATE acc SET v = v + 1"), (1, R),
        (2, "DROP TABLE late"), (2, C), (1, ALL)],
    "it waits, and again": [
        (1, B), (1, "UPDATE acc SET v = 1 WHERE id = 1"), (2, B), (2, "UPDATE acc SET v = 2 WHERE id = 2"), (3, "UPDATE acc SET v = v + 1"),
        (1, C), (2, C), (1, ALL)],
    "a statement of one row sees the newest": [
        (1, B), (1, "SELECT 1"), (2, "UPDATE job SET state = 'a' WHERE id = 1"), (1, "SELECT state FROM job WHERE id = 1"),
        (2, "DELETE FROM job WHERE id = 2"), (1, "SELECT state FROM job WHERE id = 2"), (1, "UPDATE job SET state = 'b' WHERE id = 2"),
        (2, "INSERT INTO job VALUES (2, 'c')"), (1, "UPDATE job SET state = state || 'd' WHERE id = 2 RETURNING state"),
        (1, "DELETE FROM job WHERE id = 3 AND state = 'x'"), (2, "UPDATE job SET state = 'x' WHERE id = 3"),
        (1, "DELETE FROM job WHERE id = 3 AND state = 'x' RETURNING id"), (2, "INSERT INTO job VALUES (6)"), (1, "INSERT INTO job VALUES (6)"),
        (1, R), (1, B), (1, "INSERT INTO job VALUES (7)"), (2, "DELETE FROM job WHERE id = 5"), (1, "INSERT INTO job VALUES (5, 'e')"),
        (1, "SELECT state FROM job WHERE id = 5"), (1, C), (2, "SELECT * FROM job ORDER BY id")],
    "one row, and what else is read": [
        (1, B), (1, "SELECT 1"), (2, "UPDATE job SET state = 'a' WHERE id = 1"),
        (1, "UPDATE job SET state = (SELECT state FROM job WHERE id = 1) WHERE id = 2 RETURNING state"),
        (2, "UPDATE acc SET v = 77 WHERE id = 1"), (1, "SELECT (SELECT v FROM acc WHERE acc.id = job.id) FROM job WHERE id = 1"),
        (1, "INSERT INTO job SELECT 8, state FROM job WHERE id = 1"), (1, "SELECT count(*) FROM job WHERE state = 'a'"), (1, C)],
    "one row of a table that came meanwhile": [
        (1, B), (1, "SELECT state FROM job WHERE id = 1"), (2, "CREATE TABLE late (id int PRIMARY KEY, t text REFERENCES late2)"),
        (2, "CREATE TABLE late (id int PRIMARY KEY)"), (2, "INSERT INTO late VALUES (1)"), (1, "SELECT * FROM late WHERE id = 1"), (1, C),
        (2, "DROP TABLE late")],
    "repeatable read sees one state": [
        (1, "BEGIN ISOLATION LEVEL REPEATABLE READ"), (1, "SELECT v FROM acc WHERE id = 1"), (2, "UPDATE acc SET v = 11 WHERE id = 1"),
        (1, "SELECT v FROM acc WHERE id = 1"), (1, C), (1, "SHOW transaction_isolation")],
    "a locked table, and others": [
        (1, B), (1, "SELECT 1"), (2, B), (2, "LOCK TABLE job IN EXCLUSIVE MODE"), (2, "UPDATE job SET state = 'a' WHERE id = 1"),
        (1, "LOCK TABLE job IN EXCLUSIVE MODE"), (2, C), (1, "SELECT state FROM job WHERE id = 1"),
        (2, "UPDATE acc SET v = 3 WHERE id = 1"), (1, "UPDATE acc SET v = v + 1 WHERE id = 1 RETURNING v"),
        (1, "UPDATE job SET state = state || 'b' WHERE id = 1 RETURNING state"), (1, C)],
    "a level for all that come": [
        (1, "SET default_transaction_isolation = 'repeatable read'"), (1, B), (1, "SHOW transaction_isolation"), (1, C),
        (1, "RESET default_transaction_isolation"), (1, B), (1, "SHOW transaction_isolation"), (1, C)],
    "cursors keep what they saw": [
        (1, B), (1, "DECLARE c CURSOR FOR SELECT v FROM acc ORDER BY id"), (1, "FETCH c"), (2, "UPDATE acc SET v = 0"),
        (1, "FETCH ALL c"), (1, ALL), (1, C)],
    "a parent that goes": [
        (1, B), (1, "INSERT INTO child VALUES (2, 3)"), (1, "INSERT INTO acc VALUES (9, 9, 9)"), (2, "UPDATE acc SET v = 1 WHERE id = 2"),
        (1, "SELECT * FROM child ORDER BY id"), (1, C)],
    "a child comes while its parent goes": [
        (1, B), (2, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "INSERT INTO child VALUES (2, 3)"), (1, C), (2, R), (1, CHILDREN)],
    "a child comes while its parent stays after all": [
        (1, B), (2, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "INSERT INTO child VALUES (2, 3)"), (1, R), (2, C), (1, CHILDREN)],
    "a child alone comes while its parent goes": [
        (1, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "INSERT INTO child VALUES (2, 3)"), (1, C), (1, B),
        (1, "DELETE FROM acc WHERE id = 2"), (2, "INSERT INTO child VALUES (2, 2)"), (1, R), (1, CHILDREN)],
    "a parent goes while its child comes": [
        (1, B), (2, B), (1, "INSERT INTO child VALUES (2, 3)"), (2, "DELETE FROM acc WHERE id = 3"), (1, C), (2, R), (1, ALL)],
    "a parent goes while its child goes back": [
        (1, B), (2, B), (1, "INSERT INTO child VALUES (2, 3)"), (2, "DELETE FROM acc WHERE id = 3"), (1, R), (2, C), (1, ALL)],
    "a parent alone goes while its child comes": [
        (1, B), (1, "INSERT INTO child VALUES (2, 3)"), (2, "DELETE FROM acc WHERE id = 3"), (1, C),
        (1, B), (1, "INSERT INTO child VALUES (3, 2)"), (2, "DELETE FROM acc WHERE v >= 20"), (1, R), (1, ALL)],
    "a parent's other columns are free": [
        (1, B), (2, B), (1, "INSERT INTO child VALUES (2, 3)"), (2, "UPDATE acc SET v = v + 1 WHERE id = 3 RETURNING v"),
        (1, "INSERT INTO child VALUES (3, 3)"), (3, "INSERT INTO child VALUES (4, 3)"), (2, C), (1, C), (1, ALL), (1, CHILDREN)],
    "a parent written first, then a child": [
        (1, B), (2, B), (1, "UPDATE acc SET v = v + 1 WHERE id = 3"), (2, "INSERT INTO child VALUES (2, 3)"), (2, C),
        (1, "INSERT INTO child VALUES (3, 3)"), (1, C), (1, CHILDREN)],
    "a deletion waits, and no deadlock": [
        (1, B), (2, B), (1, "INSERT INTO child VALUES (2, 3)"), (2, "DELETE FROM acc WHERE id = 3"), (1, "UPDATE acc SET v = 7 WHERE id = 3"),
        (3, "INSERT INTO child VALUES (3, 3)"), (1, C), (2, R), (1, ALL), (1, B), (2, B), (1, "UPDATE acc SET v = 8 WHERE id = 3"),
        (2, "DELETE FROM acc WHERE id = 3"), (1, "INSERT INTO child VALUES (4, 3)"), (1, C), (2, R), (1, ALL)],
    "two have children of it, and both want it gone": [
        (1, B), (2, B), (1, "INSERT INTO child VALUES (2, 3)"), (2, "INSERT INTO child VALUES (3, 3)"), (1, "DELETE FROM child WHERE id = 2"),
        (1, "DELETE FROM acc WHERE id = 3"), (2, R), (1, C), (1, ALL), (1, CHILDREN)],
    "a parent's key changes while a child comes": [
        (1, B), (2, B), (1, "UPDATE acc SET id = 33 WHERE id = 3"), (2, "INSERT INTO child VALUES (2, 3)"), (1, C), (2, R),
        (2, "INSERT INTO child VALUES (2, 33)"), (1, B), (1, "INSERT INTO child VALUES (3, 2)"), (2, "UPDATE acc SET id = 22 WHERE id = 2"),
        (1, C), (1, ALL), (1, CHILDREN)],
    "another key of the parent changes": [
        (1, B), (2, B), (1, "INSERT INTO child VALUES (2, 3)"), (2, "UPDATE acc SET u = 33 WHERE id = 3"), (1, C), (2, C),
        (1, B), (1, "UPDATE acc SET u = 34 WHERE id = 3"), (2, "INSERT INTO child VALUES (3, 3)"), (1, C), (1, ALL), (1, CHILDREN)],
    "a parent by another key": [
        (1, B), (2, B), (1, "INSERT INTO code VALUES (1, 3)"), (2, "UPDATE acc SET v = 0 WHERE id = 3"), (2, C),
        (2, "UPDATE acc SET u = 33 WHERE id = 3"), (1, C), (1, B), (1, "UPDATE acc SET u = 22 WHERE id = 2"),
        (2, "INSERT INTO code VALUES (2, 2)"), (1, C), (1, B), (1, "UPDATE acc SET u = 2 WHERE id = 2"), (2, "INSERT INTO code VALUES (2, 22)"),
        (1, R), (1, "SELECT * FROM code ORDER BY id")],
    "a child turns to another parent": [
        (1, B), (2, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "UPDATE child SET t = 'x' WHERE id = 1"),
        (2, "UPDATE child SET acc = 3 WHERE id = 1"), (1, C), (2, R), (1, B), (1, "UPDATE child SET acc = 2 WHERE id = 1"),
        (2, "DELETE FROM acc WHERE id = 1"), (1, C), (1, ALL), (1, CHILDREN)],
    "children that go, and their parent": [
        (1, B), (2, B), (1, "DELETE FROM child WHERE id = 1"), (1, "DELETE FROM acc WHERE id = 1"), (2, "INSERT INTO child VALUES (2, 1)"),
        (1, C), (2, R), (1, ALL), (1, CHILDREN)],
    "its own parent and child": [
        (1, B), (1, "INSERT INTO acc VALUES (9, 9, 9)"), (1, "INSERT INTO child VALUES (2, 9)"), (2, "INSERT INTO child VALUES (3, 9)"),
        (1, C), (2, "INSERT INTO child VALUES (3, 9)"), (2, CHILDREN)],
    "for update of a parent": [
        (1, B), (1, "SELECT v FROM acc WHERE id = 3 FOR NO KEY UPDATE"), (2, "INSERT INTO child VALUES (2, 3)"), (1, R),
        (1, B), (1, "SELECT v FROM acc WHERE id = 3 FOR SHARE"), (2, "INSERT INTO child VALUES (3, 3)"), (1, R),
        (1, B), (1, "SELECT v FROM acc WHERE id = 3 FOR UPDATE"), (2, "INSERT INTO child VALUES (4, 3)"), (1, R),
        (1, B), (1, "INSERT INTO child VALUES (5, 3)"), (2, "SELECT v FROM acc WHERE id = 3 FOR UPDATE NOWAIT"),
        (2, "SELECT id FROM acc ORDER BY id FOR UPDATE SKIP LOCKED"), (2, "SELECT v FROM acc WHERE id = 3 FOR NO KEY UPDATE NOWAIT"),
        (2, "SELECT v FROM acc WHERE id = 3 FOR UPDATE"), (1, C), (1, CHILDREN)],
    "a cascade meets a child": [
        (1, B), (2, B), (1, "INSERT INTO item VALUES (2, 2)"), (2, "DELETE FROM acc WHERE id = 2"), (1, C), (2, ITEMS), (2, C), (1, ALL),
        (1, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "INSERT INTO item VALUES (3, 3)"), (1, C), (1, ITEMS)],
    "a cascade of two levels": [
        (1, B), (2, B), (1, "INSERT INTO kid VALUES (2, 1)"), (2, "DELETE FROM acc WHERE id = 2"), (1, C), (2, "SELECT * FROM kid ORDER BY id"),
        (2, C), (1, ALL), (1, ITEMS)],
    "a cascade of two levels, and who comes late": [
        (1, B), (2, B), (1, "DELETE FROM acc WHERE id = 2"), (2, "INSERT INTO kid VALUES (2, 1)"), (1, C), (2, R),
        (1, "SELECT * FROM kid ORDER BY id"), (1, "INSERT INTO item VALUES (4, 3)"), (1, B), (1, "UPDATE acc SET id = 4 WHERE id = 3"),
        (2, "INSERT INTO item VALUES (5, 3)"), (3, "INSERT INTO kid VALUES (4, 4)"), (1, C), (1, ITEMS)],
    "a key that cascades": [
        (1, B), (2, B), (1, "INSERT INTO item VALUES (2, 2)"), (2, "UPDATE acc SET id = 22 WHERE id = 2"), (1, C), (2, C), (1, ITEMS)],
    "deferred: the parent has gone at the commit": [
        (1, B), (2, B), (1, "INSERT INTO late VALUES (1, 3)"), (2, "DELETE FROM acc WHERE id = 3"), (1, C), (2, C), (1, ALL), (1, LATE)],
    "deferred: the parent stays at the commit": [
        (1, B), (2, B), (1, "INSERT INTO late VALUES (1, 3)"), (2, "DELETE FROM acc WHERE id = 3"), (1, C), (2, R), (1, ALL), (1, LATE)],
    "deferred: the parent had gone": [
        (1, B), (2, B), (1, "INSERT INTO late VALUES (1, 3)"), (2, "DELETE FROM acc WHERE id = 3"), (2, C), (1, C), (1, ALL), (1, LATE)],
    "deferred: the child was there first": [
        (1, B), (2, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "INSERT INTO late VALUES (1, 3)"), (2, C), (1, C), (1, ALL), (1, LATE)],
    "deferred: a statement alone": [
        (1, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "INSERT INTO late VALUES (1, 3)"), (1, C), (1, B), (1, "DELETE FROM acc WHERE id = 2"),
        (2, "INSERT INTO late VALUES (1, 2)"), (1, R), (1, LATE)],
    "deferred, but made immediate": [
        (1, B), (2, B), (1, "INSERT INTO late VALUES (1, 3)"), (2, "UPDATE acc SET v = 0 WHERE id = 3"), (1, "SET CONSTRAINTS ALL IMMEDIATE"),
        (2, "DELETE FROM acc WHERE id = 3"), (1, C), (2, R), (2, ALL), (1, LATE)],
    "a savepoint lets a parent go": [
        (1, B), (1, "SAVEPOINT s"), (1, "INSERT INTO child VALUES (2, 3)"), (2, "DELETE FROM acc WHERE id = 3"), (1, "ROLLBACK TO s"),
        (1, C), (1, ALL), (1, CHILDREN)],
    "a savepoint and a refusal": [
        (1, B), (2, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "INSERT INTO child VALUES (2, 2)"), (2, "SAVEPOINT s"),
        (2, "INSERT INTO child VALUES (3, 3)"), (1, C), (2, "ROLLBACK TO s"), (2, "INSERT INTO child VALUES (4, 1)"), (2, CHILDREN), (2, C),
        (1, B), (1, "INSERT INTO child VALUES (5, 2)"), (1, "SAVEPOINT t"), (1, "INSERT INTO child VALUES (6, 2)"), (1, "ROLLBACK TO t"),
        (2, "DELETE FROM child WHERE acc = 2"), (2, "DELETE FROM item"), (2, "DELETE FROM acc WHERE id = 2"), (1, R), (1, ALL)],
    "many children and parents": [
        (1, B), (1, "INSERT INTO acc SELECT g, 0, g FROM generate_series(10, 200) g"), (1, C), (1, B),
        (1, "INSERT INTO child SELECT g, g FROM generate_series(10, 200) g"), (2, "DELETE FROM acc WHERE id > 150"), (1, "DELETE FROM child WHERE id > 190"),
        (1, C), (2, "DELETE FROM acc WHERE id > 190"), (2, "SELECT count(*) FROM acc")],
    "copy of a key that another inserts": [
        (1, B), (2, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"), (2, "COPY acc FROM STDIN\n6\t2\t6\n7\t2\t8\n"), (1, C), (2, R), (1, B),
        (1, "INSERT INTO acc VALUES (8, 1, 8)"), (2, "COPY acc FROM STDIN\n6\t2\t6\n9\t2\t8\n"), (1, C), (1, ALL)],
    "copy of a key whose insert is undone": [
        (1, B), (2, B), (1, "INSERT INTO acc VALUES (7, 1, 7)"), (2, "COPY acc FROM STDIN\n6\t2\t6\n7\t2\t8\n8\t2\t9\n"), (1, R), (2, C), (1, ALL)],
    "copy of a key that another gives up": [
        (1, B), (2, B), (2, "INSERT INTO acc VALUES (9, 1, 9)"), (2, "SAVEPOINT s"), (1, "DELETE FROM acc WHERE id = 3"),
        (3, "INSERT INTO job VALUES (9)"), (2, "COPY acc FROM STDIN\n6\t2\t6\n3\t2\t3\n8\t2\t8\n"), (1, C), (2, ALL), (2, "ROLLBACK TO s"),
        (2, ALL), (2, "COPY acc FROM STDIN\n3\t3\t3\n"), (2, C), (1, ALL), (1, B), (1, "DELETE FROM acc WHERE id = 3"),
        (2, "COPY acc FROM STDIN\n5\t5\t5\n3\t7\t3\n"), (1, C), (1, ALL)],
    "copy of a table without a key": [
        (1, "CREATE TABLE loose (a int, u int UNIQUE)"), (1, B), (1, "INSERT INTO loose VALUES (1, 1)"), (2, B),
        (2, "COPY loose FROM STDIN\n2\t2\n3\t3\n"), (1, "DELETE FROM loose"), (1, "INSERT INTO loose VALUES (4, 4), (5, 5)"),
        (2, "COPY loose FROM STDIN\n6\t6\n7\t1\n8\t8\n"), (1, C), (2, C), (1, "SELECT * FROM loose ORDER BY u"), (1, "DROP TABLE loose")],
    "copy of children": [
        (1, B), (2, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "COPY child FROM STDIN\n2\t2\tx\n3\t3\tx\n4\t1\tx\n"), (1, C), (2, R), (1, B),
        (1, "DELETE FROM acc WHERE id = 2"), (2, "COPY child FROM STDIN\n2\t1\tx\n3\t2\tx\n"), (1, R), (1, B),
        (1, "UPDATE acc SET v = 0 WHERE id = 2"), (2, "COPY child FROM STDIN\n5\t1\tx\n6\t2\tx\n"), (1, C), (1, CHILDREN), (1, B), (2, B),
        (2, "COPY child FROM STDIN\n7\t2\tx\n"), (1, "DELETE FROM acc WHERE id = 2"), (2, C), (1, R), (1, ALL)],
    "a parent goes where a table has come": [
        (1, B), (1, "CREATE TABLE later (a int)"), (2, "UPDATE acc SET v = 9 WHERE id = 1"), (1, "DELETE FROM acc WHERE id = 3"), (1, C),
        (1, B), (1, "SELECT 1"), (2, "ALTER TABLE child ADD COLUMN w int"), (1, "DELETE FROM item"), (1, "DELETE FROM acc WHERE id = 2"),
        (1, C), (1, ALL), (2, "DROP TABLE later")],
    "two parents, crosswise": [
        (1, B), (2, B), (1, "DELETE FROM acc WHERE id = 3"), (2, "DELETE FROM child"), (2, "DELETE FROM acc WHERE id = 1"),
        (1, "INSERT INTO child VALUES (2, 1)"), (3, "SELECT 1"), (2, R), (1, C), (1, ALL)],
}


def told(answer):
    return " ".join(repr(one) for one in answer if one.kind != "T")


class Play:
    """Sessions 1 to 3 of one server."""

    def __init__(self, address, seconds):
        self.seconds = seconds
        self.clients = {number: raw.Client(address) for number in (1, 2, 3)}
        self.waiting = []

    def close(self):
        for client in self.clients.values():
            client.socket.close()

    def step(self, number, sql):
        """What the statement says, and what others say that have waited for it."""
        client = self.clients[number]
        found = self.go_on([number] if number in self.waiting else [], raw.ANSWER_SECONDS_MAX)
        sql, _, rows = sql.partition("\n")
        client.send(raw.query(sql))
        if rows:
            client.until("G")
            client.send(raw.message("d", rows.encode()), raw.message("c"))
        if client.is_silent(self.seconds):
            self.waiting.append(number)
            return found + ["%d waits" % number]
        found.append("%d %s" % (number, told(client.until("Z"))))
        return found + self.go_on(self.waiting, self.seconds)

    def go_on(self, numbers, seconds):
        """Of those that wait, the answers of those that are let go."""
        found = []
        for number in list(numbers):
            if not self.clients[number].is_silent(seconds):
                self.waiting.remove(number)
                found.append("%d goes on: %s" % (number, told(self.clients[number].until("Z"))))
        return found


def play(address, script, seconds):
    with raw.Client(address) as client:
        client.rows("SET client_min_messages = error; " + SETUP)
    player = Play(address, seconds)
    try:
        return [line for number, sql in script for line in player.step(number, sql)]
    finally:
        player.close()


def make_test(pair, script):
    def test():
        for seconds in WAIT_SECONDS:
            expected, given = (play(address, script, seconds) for address in pair.addresses)
            if expected == given:
                break
        else:
            raise AssertionError("PostgreSQL:\n  %s\nKimberlite:\n  %s" % ("\n  ".join(expected), "\n  ".join(given)))
    return test


def transfer(address, seed, rounds, failures):
    """Money between accounts, in transactions of several statements, in ascending order so that none can deadlock."""
    order = random.Random(seed)
    try:
        with raw.Client(address) as client:
            for _ in range(rounds):
                one, other = sorted(order.sample(range(1, 7), 2))
                amount = order.randint(-5, 5)
                for sql in (B, "UPDATE money SET v = v - %d WHERE id = %d" % (amount, one), "SELECT sum(v) FROM money",
                            "SAVEPOINT s", "UPDATE money SET v = v + %d WHERE id = %d" % (amount, other),
                            "INSERT INTO moved (amount) VALUES (%d)" % amount, C):
                    code = client.sqlstate(sql)
                    if code:
                        raise AssertionError("%s: %s" % (sql, code))
    except BaseException as error:  # pylint: disable=broad-except
        failures.append(repr(error))


def test_transfers(pair, threads=8, rounds=40):
    """Nobody is refused at this level, and no money is lost."""
    address = pair.addresses[1]
    with raw.Client(address) as client:
        client.rows("CREATE TABLE money (id int PRIMARY KEY, v int); INSERT INTO money SELECT g, 100 FROM generate_series(1, 6) g;"
                    " CREATE TABLE moved (id bigint GENERATED ALWAYS AS IDENTITY, amount int)")
    failures = []
    workers = [threading.Thread(target=transfer, args=(address, n, rounds, failures)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures, failures[:3]
    with raw.Client(address) as client:
        assert client.rows("SELECT sum(v), count(*) FROM money") == [["600", "6"]]
        assert client.rows("SELECT count(*) FROM moved") == [[str(threads * rounds)]]
        assert client.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'tuple'") == [["0"]]


def family(address, seed, rounds, failures):
    """Children come and parents go, in blocks of a few statements. Refused may be what names the reason."""
    order = random.Random(seed)
    try:
        with raw.Client(address) as client:
            for number in range(rounds):
                one, other = order.randint(1, 4), order.randint(1, 4)
                child = "INSERT INTO son VALUES (%d, %d)" % (seed * 1000 + number, one)
                sql = order.choice([
                    [child, "UPDATE father SET v = v + 1 WHERE id = %d" % one], ["UPDATE father SET v = v + 1 WHERE id = %d" % one, child],
                    ["DELETE FROM son WHERE father = %d" % one, "DELETE FROM father WHERE id = %d" % one],
                    ["INSERT INTO father VALUES (%d, 0)" % one, child], ["UPDATE son SET father = %d WHERE father = %d" % (other, one)],
                    [child.replace("son", "heir")], ["DELETE FROM father WHERE id = %d" % one]])
                for statement in [B] + sql + [C]:
                    code = client.sqlstate(statement)
                    if code not in ("", "23503", "23505", "40P01", "25P02"):
                        raise AssertionError("%s: %s" % (statement, code))
    except BaseException as error:  # pylint: disable=broad-except
        failures.append(repr(error))


def test_families(pair, threads=6, rounds=50):
    """Nobody is refused for want of order, and no child is left alone."""
    address = pair.addresses[1]
    with raw.Client(address) as client:
        client.rows("CREATE TABLE father (id int PRIMARY KEY, v int); INSERT INTO father SELECT g, 0 FROM generate_series(1, 4) g;"
                    " CREATE TABLE son (id int PRIMARY KEY, father int REFERENCES father); CREATE INDEX ON son (father);"
                    " CREATE TABLE heir (id int PRIMARY KEY, father int REFERENCES father ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)")
    failures = []
    workers = [threading.Thread(target=family, args=(address, n, rounds, failures)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures, failures[:3]
    with raw.Client(address) as client:
        for table in ("son", "heir"):
            assert client.rows("SELECT count(*) FROM %s WHERE father NOT IN (SELECT id FROM father)" % table) == [["0"]]


def test_a_move_that_fails(pair):
    """A transaction of another level claims nothing, so it may take a key from one of this level. That one is refused
    and goes back to a savepoint; then nothing may be lost of what the other has committed."""
    with raw.Client(pair.addresses[1]) as one, raw.Client(pair.addresses[1]) as other:
        one.rows("SET client_min_messages = error; " + SETUP)
        for sql in (B, "SAVEPOINT a", "INSERT INTO acc VALUES (7, 1, 7)", "SAVEPOINT b", "UPDATE acc SET v = 2 WHERE id = 7"):
            one.rows(sql)
        other.rows("BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO acc VALUES (8, 1, 7); COMMIT")
        assert one.sqlstate(ALL) == "40001"
        one.rows("ROLLBACK TO b")
        assert one.sqlstate(ALL) == "40001"
        one.rows("ROLLBACK TO a")
        assert one.rows("SELECT id FROM acc WHERE u = 7") == [["8"]]
        one.rows("UPDATE acc SET v = 3 WHERE id = 8")
        one.rows(C)
        assert other.rows("SELECT id, v FROM acc WHERE u = 7") == [["8", "3"]]
        for number, (end, state) in enumerate(((R, ""), (C, "40001"), (ALL, "40001"))):
            key = 10 + 2 * number
            one.rows("BEGIN; INSERT INTO acc VALUES (%d, 1, %d)" % (key, key))
            other.rows("BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO acc VALUES (%d, 1, %d); COMMIT" % (key + 1, key))
            assert one.sqlstate(end) == state, end
            assert one.ask(R)[-1].body == b"I"
            assert one.rows("SELECT id FROM acc WHERE u = %d" % key) == [["%d" % (key + 1)]]


def test_a_sequence_altered_meanwhile(pair):
    """Its value may be given once more: who has one, and has gone along since, is refused."""
    with raw.Client(pair.addresses[1]) as one, raw.Client(pair.addresses[1]) as other:
        one.rows("CREATE SEQUENCE s")
        for sql in (B, "SELECT nextval('s')"):
            one.rows(sql)
        other.rows("ALTER SEQUENCE s RESTART")
        assert one.sqlstate("SELECT 1") == "40001"
        one.rows(R)
        one.rows("DROP SEQUENCE s")


def holder(address):
    """Who has claimed row 1 of `hot`."""
    client = raw.Client(address)
    client.rows("DROP TABLE IF EXISTS hot; CREATE TABLE hot (id int PRIMARY KEY, v int); INSERT INTO hot VALUES (1, 0), (2, 0)")
    client.rows("BEGIN; UPDATE hot SET v = v + 1 WHERE id = 1")
    return client


def test_many_wait(pair, count=200):
    """More than there are threads, within blocks and without; each gets the row in its turn."""
    address = pair.addresses[1]
    with holder(address) as first:
        waiting = [raw.Client(address) for _ in range(count)]
        for number, client in enumerate(waiting):
            client.send(raw.query(("BEGIN; UPDATE hot SET v = v + 1 WHERE id = 1; COMMIT", "UPDATE hot SET v = v + 1 WHERE id = 1")[number % 2]))
        assert waiting[-1].is_silent(0.3)
        assert first.rows("SELECT v FROM hot WHERE id = 1") == [["1"]]
        first.rows(C)
        for client in waiting:
            assert client.until("Z")[-1].body == b"I"
            client.socket.close()
        assert first.rows("SELECT v FROM hot WHERE id = 1") == [[str(count + 1)]]


def test_who_waits_no_longer(pair):
    """Cancelled, terminated, gone: whoever is behind them goes on, and nothing stays claimed."""
    address = pair.addresses[1]
    with holder(address) as first:
        cancelled, alone, ended, gone, last = (raw.Client(address) for _ in range(5))
        for client in (cancelled, ended, gone):
            client.rows("BEGIN; INSERT INTO hot VALUES (10 + pg_backend_pid(), 0)")
        for client in (cancelled, alone, ended, gone, last):
            client.send(raw.query("UPDATE hot SET v = v + 10 WHERE id = 1"))
            assert client.is_silent(0.05)
        raw.cancel(address, cancelled.process, cancelled.key)
        raw.cancel(address, alone.process, alone.key)
        for client in (cancelled, alone):
            assert [one.fields()["C"] for one in client.until("Z") if one.kind == "E"] == ["57014"]
        assert cancelled.sqlstate("SELECT 1") == "25P02"
        assert alone.rows("SELECT v FROM hot WHERE id = 1") == [["0"]]
        assert first.rows("SELECT wait_event_type, wait_event FROM pg_stat_activity WHERE pid = %d" % ended.process) == [["Lock", "tuple"]]
        blockers = first.rows("SELECT unnest(pg_blocking_pids(%d)) ORDER BY 1" % last.process)
        assert [int(row[0]) for row in blockers] == sorted(client.process for client in (first, ended, gone)), blockers
        assert first.rows("SELECT pg_blocking_pids(%d)::text, pg_blocking_pids(0)::text" % first.process) == [["{}", "{}"]]
        first.rows("SELECT pg_terminate_backend(%d)" % ended.process)
        assert [one.fields()["C"] for one in ended.rest() if one.kind == "E"] == ["57P01"]
        gone.socket.close()
        first.rows(C)
        assert [repr(one) for one in last.until("Z")] == ["C(UPDATE 1)", "Z(I)"]
        assert cancelled.ask(R)[-1].body == b"I"
        assert first.rows("SELECT id, v FROM hot ORDER BY id") == [["1", "11"], ["2", "0"]]
        for _ in range(100):
            if first.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'tuple'") == [["0"]]:
                break
            time.sleep(0.02)
        else:
            raise AssertionError("a row is claimed by nobody")
        for client in (cancelled, alone, last):
            client.socket.close()


def test_a_pipeline_waits(pair):
    """What comes behind a statement that waits is answered behind it, and what was answered before is sent."""
    address = pair.addresses[1]
    update = raw.parse("UPDATE hot SET v = v + 1 WHERE id = $1 RETURNING v")
    with holder(address) as first, raw.Client(address) as client:
        client.rows(B)
        client.send(update, raw.bind(["2"]), raw.execute(), raw.bind(["1"]), raw.execute(), raw.bind(["2"]), raw.execute(), raw.SYNC, raw.query(C))
        found = [client.receive() for _ in range(4)]
        assert [repr(one) for one in found] == ["1", "2", "D[b'1']", "C(UPDATE 1)"], found
        assert client.receive().kind == "2" and client.is_silent(0.2)
        first.rows(C)
        found = client.until("Z") + client.until("Z")
        assert [repr(one) for one in found] == ["D[b'2']", "C(UPDATE 1)", "2", "D[b'2']", "C(UPDATE 1)", "Z(T)", "C(COMMIT)", "Z(I)"], found


def test_columns_that_come_meanwhile(pair):
    """A client is told of columns, and given no others: within a block that began before, and behind a wait."""
    told = []
    for address in pair.addresses:
        with holder(address) as first, raw.Client(address) as client:
            first.rows(R)
            client.send(raw.parse("SELECT * FROM hot WHERE id = 2", "s"), raw.parse("UPDATE hot SET v = v + 1 WHERE id = $1 RETURNING *", "u"), raw.SYNC)
            client.until("Z")
            found = []
            for name, values in (("s", []), ("u", ["2"])):
                client.rows(B)
                first.rows("ALTER TABLE hot ADD COLUMN %s int" % name)
                client.send(raw.bind(values, name), raw.execute(), raw.SYNC)
                found += [repr(one) for one in client.until("Z") + client.ask(R)]
            told.append(found)
    assert told[0] == told[1], told
    with holder(address) as first, raw.Client(address) as other, raw.Client(address) as client:
        client.send(raw.parse("UPDATE hot SET v = v + 1 WHERE id = $1 RETURNING *", "u"), raw.SYNC).until("Z")
        for number, begin in enumerate(("SELECT 1", B)):
            client.rows(begin)
            client.send(raw.bind(["1"], "u"), raw.execute(), raw.SYNC)
            assert client.receive().kind == "2" and client.is_silent(0.1)
            other.rows("ALTER TABLE hot ADD COLUMN w%d int" % number)
            first.rows(R)
            assert [one.fields()["C"] for one in client.until("Z") if one.kind == "E"] == ["0A000"]
            client.ask(R)
            assert first.rows("SELECT v FROM hot WHERE id = 1") == [["0"]]
            client.send(raw.close("S", "u"), raw.parse("UPDATE hot SET v = v + 1 WHERE id = $1 RETURNING *", "u"), raw.SYNC).until("Z")
            first.rows("BEGIN; UPDATE hot SET v = v + 1 WHERE id = 1")


def test_ended_waits_are_counted(pair):
    """A statement alone that has waited in vain is a transaction that was rolled back."""
    address = pair.addresses[1]
    counted = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    with holder(address) as first, raw.Client(address) as client:
        before = int(first.rows(counted)[0][0])
        client.rows("SET lock_timeout = 30")
        assert client.sqlstate("UPDATE hot SET v = v + 1 WHERE id = 1") == "55P03"
        assert int(first.rows(counted)[0][0]) == before + 1


def test_nobody_is_waited_for_at_the_end(pair):
    """A server that stops ends those who wait for a row, too."""
    del pair
    with Server({"timeouts.drain": "300ms"}) as server:
        with holder(server.port) as first, raw.Client(server.port) as client:
            client.send(raw.query("UPDATE hot SET v = v + 1 WHERE id = 1"))
            assert client.is_silent(0.1)
            server.process.terminate()
            assert server.process.wait(20) == 0
            first.rest()
            client.rest()
        server.process = None


def main():
    pair = Pair()
    try:
        tests = {"test_" + name.replace(" ", "_"): make_test(pair, script) for name, script in SCRIPTS.items()}
        for test in (test_transfers, test_families, test_a_move_that_fails, test_a_sequence_altered_meanwhile, test_many_wait, test_who_waits_no_longer,
                     test_a_pipeline_waits, test_columns_that_come_meanwhile, test_ended_waits_are_counted, test_nobody_is_waited_for_at_the_end):
            tests[test.__name__] = functools.partial(test, pair)
        passed, failed = checks.run(tests, workers=1)
    finally:
        pair.close()
    checks.finish(passed, failed)


if __name__ == "__main__":
    main()
