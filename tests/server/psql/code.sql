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

-- levels, what RAISE says beside its message, and what a handler knows
DO $$ BEGIN RAISE INFO 'i'; RAISE LOG 'l'; RAISE DEBUG 'd'; RAISE WARNING 'w'; END $$;
SET client_min_messages = error;
DO $$ BEGIN RAISE INFO 'i'; RAISE WARNING 'w'; END $$;
RESET client_min_messages;
DO $$ BEGIN RAISE EXCEPTION 'm' USING CONSTRAINT = 'c', TABLE = 't', COLUMN = 'x', SCHEMA = 's', DETAIL = 'd', HINT = 'h', ERRCODE = 'check_violation'; END $$;
DO $$ BEGIN RAISE too_many_rows; END $$;
DO $$ BEGIN RAISE no_data_found; EXCEPTION WHEN no_data_found THEN RAISE NOTICE '% %', SQLERRM, SQLSTATE; END $$;
DO $$ BEGIN RAISE NOTICE '% %', array[1, 2], (array[3, 4])[2]; END $$;
