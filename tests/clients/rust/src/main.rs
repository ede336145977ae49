//! tokio-postgres: a day's work. Argument: a connection string. Prints "ok NAME" or "fail NAME why" for each area.
use bytes::Bytes;
use futures_util::{future, pin_mut, SinkExt, StreamExt, TryStreamExt};
use std::time::{Duration, Instant, SystemTime};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const LONG: &str =
    "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a + b = 0";

async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(client)
}

fn refused<T>(result: Result<T, Error>, state: &SqlState) -> Outcome {
    match result {
        Err(error) if error.code() == Some(state) => Ok(()),
        Err(error) => Err(format!("{error:?} is no {state:?}").into()),
        Ok(_) => Err(format!("no error, wanted {state:?}").into()),
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(got: T, wanted: T) -> Outcome {
    if got == wanted {
        return Ok(());
    }
    Err(format!("{got:?} is not {wanted:?}").into())
}

async fn tables(client: &Client) -> Outcome {
    client.batch_execute("CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL UNIQUE, age int CHECK (age >= 0))").await?;
    let row = client.query_one("INSERT INTO person (name, age) VALUES ($1, $2) RETURNING id", &[&"Ada", &36]).await?;
    equal(row.get::<_, i32>(0), 1)
}

async fn types_in_text(client: &Client) -> Outcome {
    for message in client.simple_query("SELECT 1, true, NULL, 'x', 1.50, '{1,2}'::int[]").await? {
        if let SimpleQueryMessage::Row(row) = message {
            equal(row.get(0), Some("1"))?;
            equal(row.get(1), Some("t"))?;
            equal(row.get(2), None)?;
            equal(row.get(4), Some("1.50"))?;
            equal(row.get(5), Some("{1,2}"))?;
        }
    }
    Ok(())
}

async fn types_in_binary(client: &Client) -> Outcome {
    let now = SystemTime::UNIX_EPOCH + Duration::from_micros(1_709_210_096_123_456);
    let row = client
        .query_one(
            "SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float8, $6::text, $7::bytea, $8::timestamptz, $9::int4[], $10::text[], $11::text",
            &[&true, &-5i16, &7i32, &i64::MIN, &0.1f64, &"naïve 日本語 🙂", &vec![0u8, 255], &now, &vec![Some(1), None],
              &vec!["a,b", "q\"q"], &None::<String>],
        )
        .await?;
    equal(row.get::<_, bool>(0), true)?;
    equal(row.get::<_, i16>(1), -5)?;
    equal(row.get::<_, i32>(2), 7)?;
    equal(row.get::<_, i64>(3), i64::MIN)?;
    equal(row.get::<_, f64>(4), 0.1)?;
    equal(row.get::<_, &str>(5), "naïve 日本語 🙂")?;
    equal(row.get::<_, Vec<u8>>(6), vec![0, 255])?;
    equal(row.get::<_, SystemTime>(7), now)?;
    equal(row.get::<_, Vec<Option<i32>>>(8), vec![Some(1), None])?;
    equal(row.get::<_, Vec<String>>(9), vec!["a,b".to_string(), "q\"q".to_string()])?;
    equal(row.get::<_, Option<String>>(10), None)
}

async fn parameters(client: &Client) -> Outcome {
    let insert = client.prepare("INSERT INTO person (name, age) VALUES ($1, $2)").await?;
    for i in 0..50i32 {
        client.execute(&insert, &[&format!("p{i}"), &i]).await?;
    }
    let row = client.query_one("SELECT count(*) FROM person WHERE age = ANY($1)", &[&vec![1, 2, 3]]).await?;
    equal(row.get::<_, i64>(0), 3)
}

async fn prepared_statements(client: &Client) -> Outcome {
    let select = client.prepare("SELECT name FROM person WHERE age = $1").await?;
    for i in 0..10i32 {
        equal(client.query_one(&select, &[&i]).await?.get::<_, String>(0), format!("p{i}"))?;
    }
    client.batch_execute("CREATE TABLE shape (a int)").await?;
    let select = client.prepare("SELECT * FROM shape").await?;
    client.query(&select, &[]).await?;
    client.batch_execute("ALTER TABLE shape ADD COLUMN b int").await?;
    refused(client.query(&select, &[]).await, &SqlState::FEATURE_NOT_SUPPORTED)
}

async fn transactions(client: &mut Client) -> Outcome {
    client.batch_execute("CREATE TABLE ledger (id int PRIMARY KEY)").await?;
    let mut outer = client.transaction().await?;
    outer.execute("INSERT INTO ledger VALUES (1)", &[]).await?;
    let inner = outer.transaction().await?;
    refused(inner.execute("INSERT INTO ledger VALUES (1)", &[]).await, &SqlState::UNIQUE_VIOLATION)?;
    inner.rollback().await?;
    outer.commit().await?;
    let dropped = client.transaction().await?;
    dropped.execute("INSERT INTO ledger VALUES (2)", &[]).await?;
    drop(dropped);
    equal(client.query_one("SELECT count(*) FROM ledger", &[]).await?.get::<_, i64>(0), 1)
}

async fn errors(client: &Client) -> Outcome {
    refused(client.query("SELECT nope FROM person", &[]).await, &SqlState::UNDEFINED_COLUMN)?;
    refused(client.query("SELECT 1 / $1::int", &[&0]).await, &SqlState::DIVISION_BY_ZERO)?;
    refused(client.batch_execute("INSERT INTO person (name, age) VALUES ('x', -1)").await, &SqlState::CHECK_VIOLATION)?;
    equal(client.query_one("SELECT 1", &[]).await?.get::<_, i32>(0), 1)
}

async fn copy(client: &Client) -> Outcome {
    client.batch_execute("CREATE TABLE copied (id int, name text)").await?;
    let sink = client.copy_in("COPY copied FROM STDIN").await?;
    pin_mut!(sink);
    for i in 0..5000 {
        sink.send(Bytes::from(format!("{i}\tname {i}\n"))).await?;
    }
    equal(sink.finish().await?, 5000)?;
    let out = client.copy_out("COPY copied TO STDOUT").await?;
    let bytes: usize = out.map_ok(|part| part.len()).try_fold(0, |a, b| future::ready(Ok(a + b))).await?;
    equal(bytes > 50000, true)?;
    let broken = client.copy_in("COPY copied FROM STDIN").await?;
    pin_mut!(broken);
    broken.send(Bytes::from_static(b"x\ty\n")).await?;
    refused(broken.finish().await, &SqlState::INVALID_TEXT_REPRESENTATION)
}

async fn cursors(client: &mut Client) -> Outcome {
    let transaction = client.transaction().await?;
    let portal = transaction.bind("SELECT id FROM copied ORDER BY id", &[]).await?;
    equal(transaction.query_portal(&portal, 2).await?.len(), 2)?;
    equal(transaction.query_portal(&portal, 10).await?[0].get::<_, i32>(0), 2)?;
    equal(transaction.query_portal(&portal, 0).await?.len(), 4988)?;
    transaction.commit().await?;
    let no: [i32; 0] = [];
    let rows = client.query_raw("SELECT id FROM copied", no).await?;
    pin_mut!(rows);
    let mut count = 0;
    while let Some(row) = rows.next().await {
        row?;
        count += 1;
    }
    equal(count, 5000)
}

async fn pipelines(client: &Client) -> Outcome {
    let all = (0..100i32).map(|i| async move { client.query_one("SELECT $1::int4", &[&i]).await.map(|row| row.get::<_, i32>(0)) });
    equal(future::try_join_all(all).await?, (0..100).collect::<Vec<i32>>())
}

async fn time_travel(client: &Client) -> Outcome {
    client.batch_execute("CREATE TABLE past (id int PRIMARY KEY, v text); INSERT INTO past VALUES (1, 'old')").await?;
    let then: SystemTime = client.query_one("SELECT now()", &[]).await?.get(0);
    tokio::time::sleep(Duration::from_millis(10)).await;
    client.execute("UPDATE past SET v = 'new'", &[]).await?;
    equal(client.query_one("SELECT v FROM past AS OF TIMESTAMP $1", &[&then]).await?.get::<_, String>(0), "old".to_string())
}

async fn cancellation(client: &Client) -> Outcome {
    let begun = Instant::now();
    let token = client.cancel_token();
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        token.cancel_query(NoTls).await
    };
    let (asked, cancelled) = future::join(client.query(LONG, &[]), cancel).await;
    cancelled?;
    refused(asked, &SqlState::QUERY_CANCELED)?;
    equal(begun.elapsed() < Duration::from_secs(5), true)
}

async fn reconnecting(client: &Client, url: &str) -> Outcome {
    let other = connect(url).await?;
    let number: i32 = other.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    client.execute("SELECT pg_terminate_backend($1)", &[&number]).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    equal(other.query_one("SELECT 1", &[]).await.is_err(), true)?;
    equal(connect(url).await?.query_one("SELECT 1", &[]).await?.get::<_, i32>(0), 1)
}

fn tell(failed: &mut bool, name: &str, outcome: Outcome) {
    match outcome {
        Ok(()) => println!("ok\t{name}"),
        Err(error) => {
            *failed = true;
            println!("fail\t{name}\t{}", error.to_string().replace('\n', " "));
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).expect("a connection string");
    let mut client = connect(&url).await.expect("no connection");
    let mut failed = false;
    tell(&mut failed, "tables", tables(&client).await);
    tell(&mut failed, "types in text", types_in_text(&client).await);
    tell(&mut failed, "types in binary", types_in_binary(&client).await);
    tell(&mut failed, "parameters", parameters(&client).await);
    tell(&mut failed, "prepared statements", prepared_statements(&client).await);
    tell(&mut failed, "transactions", transactions(&mut client).await);
    tell(&mut failed, "errors", errors(&client).await);
    tell(&mut failed, "copy", copy(&client).await);
    tell(&mut failed, "cursors", cursors(&mut client).await);
    tell(&mut failed, "pipelines", pipelines(&client).await);
    tell(&mut failed, "time travel", time_travel(&client).await);
    tell(&mut failed, "cancellation", cancellation(&client).await);
    tell(&mut failed, "reconnecting", reconnecting(&client, &url).await);
    std::process::exit(i32::from(failed));
}
