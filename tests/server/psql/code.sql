CREATE TABLE t (a int PRIMARY KEY);
DO $$BEGIN
    RAISE NOTICE 'one %', 1;
    RAISE WARNING 'two % of %', 2, NULL USING DETAIL = 'the detail', HINT = 'the hint';
    RAISE LOG 'for the log';
    INSERT INTO t VALUES (1);
END$$;
SET client_min_messages = warning;
DO $$BEGIN RAISE NOTICE 'not told'; RAISE WARNING 'told'; END$$;
SET client_min_messages = error;
DO $$BEGIN RAISE WARNING 'not told'; END$$;
RESET client_min_messages;
DO $$BEGIN
    INSERT INTO t VALUES (2);
    INSERT INTO t VALUES (1);
EXCEPTION WHEN unique_violation THEN
    RAISE WARNING 'it is there';
END$$;
SELECT * FROM t;
