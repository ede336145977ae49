// pgx v5: a day's work. Argument: a connection string. Prints "ok NAME" or "fail NAME why" for each area.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

const long = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a + b = 0"

var (
	ctx  = context.Background()
	url  string
	conn *pgx.Conn
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Sprintf("%#v is not %#v", got, wanted))
	}
}

func exec(sql string, arguments ...any) pgconn.CommandTag {
	tag, err := conn.Exec(ctx, sql, arguments...)
	must(err)
	return tag
}

func refused(err error, code string) *pgconn.PgError {
	var told *pgconn.PgError
	if !errors.As(err, &told) || told.Code != code {
		panic(fmt.Sprintf("%v is no %s", err, code))
	}
	return told
}

// one asks for one value as the type of wanted and compares.
func one[T any](wanted T, sql string, arguments ...any) {
	var got T
	must(conn.QueryRow(ctx, sql, arguments...).Scan(&got))
	equal(got, wanted)
}

func tables() {
	exec("CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL UNIQUE, age int CHECK (age >= 0))")
	one(int32(1), "INSERT INTO person (name, age) VALUES ($1, $2) RETURNING id", "Ada", 36)
}

func values(modes ...pgx.QueryExecMode) {
	at := time.Date(2024, 2, 29, 12, 34, 56, 123456000, time.UTC)
	for _, mode := range modes {
		one(true, "SELECT $1::bool", mode, true)
		one(int16(-5), "SELECT $1::int2", mode, int16(-5))
		one(int64(-9223372036854775808), "SELECT $1::int8", mode, int64(-9223372036854775808))
		one(0.1, "SELECT $1::float8", mode, 0.1)
		one("naïve 日本語 🙂", "SELECT $1::text", mode, "naïve 日本語 🙂")
		one([]byte{0, 255}, "SELECT $1::bytea", mode, []byte{0, 255})
		one([]int32{1, 2, 3}, "SELECT $1::int4[]", mode, []int32{1, 2, 3})
		one([]string{"a,b", "q\"q"}, "SELECT $1::text[]", mode, []string{"a,b", "q\"q"})
		one(map[string]any{"a": []any{1.0, nil}}, "SELECT $1::jsonb", mode, `{"a": [1, null]}`)
		one([16]byte{1, 2, 3}, "SELECT $1::uuid", mode, pgtype.UUID{Bytes: [16]byte{1, 2, 3}, Valid: true})
		var stamp time.Time
		must(conn.QueryRow(ctx, "SELECT $1::timestamptz", mode, at).Scan(&stamp))
		equal(stamp.Equal(at), true)
		var number pgtype.Numeric
		must(conn.QueryRow(ctx, "SELECT $1::numeric", mode, pgtype.Numeric{Int: big.NewInt(1234567), Exp: -3, Valid: true}).Scan(&number))
		equal(number.Int.String()+fmt.Sprint(number.Exp), "1234567-3")
		var nothing *string
		must(conn.QueryRow(ctx, "SELECT $1::text", mode, nil).Scan(&nothing))
		equal(nothing == nil, true)
		one(pgtype.Interval{Microseconds: 5, Days: 3, Months: 2, Valid: true}, "SELECT $1::interval", mode,
			pgtype.Interval{Microseconds: 5, Days: 3, Months: 2, Valid: true})
	}
}

func typesInText() { values(pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec) }
func typesInBinary() {
	values(pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec)
}

func parameters() {
	batch := &pgx.Batch{}
	for i := range 50 {
		batch.Queue("INSERT INTO person (name, age) VALUES ($1, $2)", fmt.Sprintf("p%d", i), i)
	}
	must(conn.SendBatch(ctx, batch).Close())
	one(int64(3), "SELECT count(*) FROM person WHERE age = ANY($1)", []int32{1, 2, 3})
	rows, err := conn.Query(ctx, "SELECT name, age FROM person WHERE age < @top ORDER BY age", pgx.NamedArgs{"top": 2})
	must(err)
	type person struct {
		Name string
		Age  int
	}
	people, err := pgx.CollectRows(rows, pgx.RowToStructByName[person])
	must(err)
	equal(people, []person{{"p0", 0}, {"p1", 1}})
}

func preparedStatements() {
	_, err := conn.Prepare(ctx, "by_age", "SELECT name FROM person WHERE age = $1")
	must(err)
	for i := range 10 {
		one(fmt.Sprintf("p%d", i), "by_age", i)
	}
	exec("CREATE TABLE shape (a int)")
	const shape = "SELECT * FROM shape WHERE a > $1"
	exec(shape, 1)
	exec("ALTER TABLE shape ADD COLUMN b int")
	_, err = conn.Exec(ctx, shape, 1)
	refused(err, "0A000")
	exec(shape, 1) // it has prepared again
	must(conn.Deallocate(ctx, "by_age"))
}

func transactions() {
	exec("CREATE TABLE ledger (id int PRIMARY KEY)")
	must(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO ledger VALUES (1)")
		must(err)
		inner := pgx.BeginFunc(ctx, tx, func(nested pgx.Tx) error {
			_, err := nested.Exec(ctx, "INSERT INTO ledger VALUES (1)")
			return err
		})
		refused(inner, "23505")
		return nil
	}))
	one(int64(1), "SELECT count(*) FROM ledger")
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly})
	must(err)
	_, err = tx.Exec(ctx, "INSERT INTO ledger VALUES (2)")
	refused(err, "25006")
	must(tx.Rollback(ctx))
}

func failures() {
	_, err := conn.Exec(ctx, "SELECT nope FROM person")
	equal(refused(err, "42703").Position, int32(8))
	_, err = conn.Exec(ctx, "INSERT INTO person (name, age) VALUES ($1, $2)", "x", -1)
	refused(err, "23514")
	_, err = conn.Exec(ctx, "SELECT 1 / $1::int", 0)
	refused(err, "22012")
	_, err = conn.Exec(ctx, "INSERT INTO person (name, age) VALUES ($1, $2)", "Ada", 1)
	refused(err, "23505")
	one(int32(1), "SELECT 1")
}

func copying() {
	exec("CREATE TABLE copied (id int8, name text, at timestamptz)")
	rows := [][]any{}
	for i := range 5000 {
		rows = append(rows, []any{int64(i), fmt.Sprintf("name %d", i), time.Now()})
	}
	count, err := conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "name", "at"}, pgx.CopyFromRows(rows))
	must(err)
	equal(count, int64(5000))
	tag, err := conn.PgConn().CopyFrom(ctx, strings.NewReader("5000,x,2024-01-01\n"), "COPY copied FROM STDIN CSV")
	must(err)
	equal(tag.String(), "COPY 1")
	tag, err = conn.PgConn().CopyTo(ctx, io.Discard, "COPY copied TO STDOUT")
	must(err)
	equal(tag.RowsAffected(), int64(5001))
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("x,y,z\n"), "COPY copied FROM STDIN CSV")
	refused(err, "22P02")
}

func pipelines() {
	p := conn.PgConn().StartPipeline(ctx)
	p.SendQueryParams("INSERT INTO ledger VALUES (70)", nil, nil, nil, nil)
	p.SendQueryParams("SELECT 1/0", nil, nil, nil, nil)
	must(p.Sync())
	p.SendQueryParams("SELECT 2", nil, nil, nil, nil)
	must(p.Sync())
	refused(p.Close(), "22012")
	one(int64(0), "SELECT count(*) FROM ledger WHERE id = 70")
}

func timeTravel() {
	exec("CREATE TABLE past (id int PRIMARY KEY, v text)")
	exec("INSERT INTO past VALUES (1, 'old')")
	var then time.Time
	must(conn.QueryRow(ctx, "SELECT now()").Scan(&then))
	time.Sleep(10 * time.Millisecond)
	exec("UPDATE past SET v = 'new'")
	one("old", "SELECT v FROM past AS OF TIMESTAMP $1", then)
	one("new", "SELECT v FROM past")
}

func cancellation() {
	other, err := pgx.Connect(ctx, url)
	must(err)
	defer other.Close(ctx)
	begun := time.Now()
	go func() {
		time.Sleep(300 * time.Millisecond)
		must(other.PgConn().CancelRequest(ctx))
	}()
	_, err = other.Exec(ctx, long)
	refused(err, "57014")
	exec("SET statement_timeout = 200")
	_, err = conn.Exec(ctx, long)
	refused(err, "57014")
	exec("RESET statement_timeout")
	limited, stop := context.WithTimeout(ctx, 300*time.Millisecond)
	defer stop()
	_, err = other.Exec(limited, long)
	equal(errors.Is(err, context.DeadlineExceeded), true)
	equal(time.Since(begun) < 5*time.Second, true)
}

func notifications() {
	other, err := pgx.Connect(ctx, url)
	must(err)
	defer other.Close(ctx)
	_, err = other.Exec(ctx, "LISTEN news")
	must(err)
	exec("SELECT pg_notify('news', 'hello')")
	limited, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	heard, err := other.WaitForNotification(limited)
	must(err)
	equal(heard.Payload, "hello")
}

func reconnecting() {
	pool, err := pgxpool.New(ctx, url)
	must(err)
	defer pool.Close()
	var number int32
	must(pool.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&number))
	exec("SELECT pg_terminate_backend($1)", number)
	time.Sleep(200 * time.Millisecond)
	for range 5 {
		var got int
		if err = pool.QueryRow(ctx, "SELECT 1").Scan(&got); err == nil {
			break
		}
	}
	must(err)
}

func main() {
	var err error
	url = os.Args[1]
	conn, err = pgx.Connect(ctx, url)
	must(err)
	failed := false
	for _, area := range []struct {
		name string
		run  func()
	}{
		{"tables", tables}, {"types in text", typesInText}, {"types in binary", typesInBinary}, {"parameters", parameters},
		{"prepared statements", preparedStatements}, {"transactions", transactions}, {"errors", failures}, {"copy", copying},
		{"pipelines", pipelines}, {"time travel", timeTravel}, {"cancellation", cancellation}, {"notifications", notifications},
		{"reconnecting", reconnecting},
	} {
		func() {
			defer func() {
				if why := recover(); why != nil {
					failed = true
					fmt.Printf("fail\t%s\t%s\n", area.name, strings.ReplaceAll(fmt.Sprint(why), "\n", " "))
				}
			}()
			area.run()
			fmt.Printf("ok\t%s\n", area.name)
		}()
	}
	if failed {
		os.Exit(1)
	}
}
