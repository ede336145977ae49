//! The published Rust client at work on a started server: `native-client-test HOST:PORT TENANT`.
//!
//! One source for every release of `kimberlite-client`. Prints a line for each piece of work; the first that goes wrong
//! ends it.

use kimberlite_client::{AtClause, Client, ClientConfig, ClientError, ErrorCode, PushPayload, QueryParam, QueryValue};
use kimberlite_types::{DataClass, Offset, TenantId};
use std::time::Duration;

fn config() -> ClientConfig {
    ClientConfig { read_timeout: Some(Duration::from_secs(20)), ..ClientConfig::default() }
}

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ErrorCode {
    result.expect_err("it should have been refused").code().expect("an answer of the server")
}

fn big(cell: &QueryValue) -> i64 {
    match cell {
        QueryValue::BigInt(number) => *number,
        other => panic!("{other:?} is no number"),
    }
}

fn text(cell: &QueryValue) -> &str {
    match cell {
        QueryValue::Text(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

fn sql(client: &mut Client) {
    let (rows, _) = client.execute("CREATE TABLE visits (id BIGINT PRIMARY KEY, name TEXT, cost DECIMAL(10,2), day DATE)", &[]).unwrap();
    assert_eq!(rows, 0);
    let insert = "INSERT INTO visits VALUES ($1, $2, $3, $4)";
    for id in 1..=3 {
        let row = [
            QueryParam::BigInt(id),
            QueryParam::Text(format!("visitor {id}")),
            QueryParam::Text("12.50".into()),
            QueryParam::Text("2026-01-31".into()),
        ];
        let (rows, _) = client.execute(insert, &row).unwrap();
        assert_eq!(rows, 1);
    }
    let result = client.query("SELECT id, name, cost, day, NULL AS nothing FROM visits ORDER BY id", &[]).unwrap();
    assert_eq!(result.rows.len(), 3);
    assert_eq!(text(&result.rows[0][2]), "12.50");
    assert_eq!(text(&result.rows[0][3]), "Date(20484)");
    assert!(matches!(result.rows[0][4], QueryValue::Null));
    let row = client.query("SELECT UPPER(name), LENGTH(name), NOW() FROM visits WHERE id = 3", &[]).unwrap();
    assert_eq!(text(&row.rows[0][0]), "VISITOR 3");
    assert!(matches!(row.rows[0][2], QueryValue::Timestamp(_)));
    let returned = client.query("UPDATE visits SET cost = cost + 1 WHERE id = $1 RETURNING cost", &[QueryParam::BigInt(1)]).unwrap();
    assert_eq!(text(&returned.rows[0][0]), "13.50");
    assert!(client.query_explain("SELECT * FROM visits WHERE id = 1", &[]).unwrap().contains("visits"));
    println!("statements");

    assert_eq!(code(client.execute("INSERT INTO visits VALUES (1, 'x', 0, NULL)", &[])), ErrorCode::UniqueConstraintViolation);
    assert_eq!(code(client.query("SELECT * FROM nothing", &[])), ErrorCode::TableNotFound);
    assert_eq!(code(client.query("SELEC 1", &[])), ErrorCode::QueryParseError);
    assert_eq!(code(client.query("SELECT 1/0", &[])), ErrorCode::QueryExecutionError);
    assert_eq!(code(client.execute("CREATE TABLE visits (id INT)", &[])), ErrorCode::StreamAlreadyExists);
    println!("errors");
}

fn time_travel(client: &mut Client) {
    let (_, before) = client.execute("INSERT INTO visits VALUES (10, 'before', 1, NULL)", &[]).unwrap();
    let now = client.query("SELECT clock_timestamp()", &[]).unwrap();
    let QueryValue::Timestamp(moment) = now.rows[0][0] else { panic!("no timestamp") };
    client.execute("DELETE FROM visits", &[]).unwrap();
    let count = "SELECT count(*) FROM visits";
    assert_eq!(big(&client.query(count, &[]).unwrap().rows[0][0]), 0);
    assert_eq!(big(&client.query_at(count, &[], Offset::new(before)).unwrap().rows[0][0]), 4);
    assert_eq!(big(&client.query_at_clause(count, &[], AtClause::TimestampNs(moment)).unwrap().rows[0][0]), 4);
    assert_eq!(code(client.query_at(count, &[], Offset::new(1 << 40))), ErrorCode::PositionAhead);
    println!("the past");
}

fn transactions(client: &mut Client) {
    client.execute("BEGIN", &[]).unwrap();
    client.execute("INSERT INTO visits VALUES (20, 'kept', 1, NULL)", &[]).unwrap();
    client.execute("COMMIT", &[]).unwrap();
    client.execute("BEGIN", &[]).unwrap();
    client.execute("INSERT INTO visits VALUES (21, 'dropped', 1, NULL)", &[]).unwrap();
    client.execute("ROLLBACK", &[]).unwrap();
    assert_eq!(client.query("SELECT id FROM visits", &[]).unwrap().rows.len(), 1);
    println!("transactions");
}

fn streams(client: &mut Client, address: &str, tenant: u64) {
    let stream = client.create_stream("events", DataClass::Public).unwrap();
    assert_eq!(client.create_stream("events", DataClass::Public).unwrap(), stream);
    let first = client.append(stream, vec![b"one".to_vec(), Vec::new(), b"three".to_vec()], Offset::new(0)).unwrap();
    assert_eq!(u64::from(first), 0);
    assert_eq!(code(client.append(stream, vec![b"x".to_vec()], Offset::new(0))), ErrorCode::OffsetMismatch);
    assert_eq!(code(client.append(stream, Vec::new(), Offset::new(3))), ErrorCode::InvalidRequest);
    let read = client.read_events(stream, Offset::new(1), 1 << 20).unwrap();
    assert_eq!(read.events, vec![Vec::new(), b"three".to_vec()]);
    assert_eq!(client.stream_length(stream).unwrap(), 3);
    client.sync().unwrap();
    println!("streams");

    let mut subscriber = Client::connect(address, TenantId::new(tenant), config()).unwrap();
    let subscription = subscriber.subscribe(stream, Offset::new(0), 4, None).unwrap();
    let mut offset = 0;
    let mut next = |subscriber: &mut Client| {
        let push = subscriber.next_push().unwrap().expect("a push");
        let PushPayload::SubscriptionEvents { subscription_id, start_offset, events, .. } = push.payload else {
            panic!("no events")
        };
        assert_eq!((subscription_id, u64::from(start_offset), events.len()), (subscription.subscription_id, offset, 1));
        offset += 1;
        events[0].clone()
    };
    assert_eq!(next(&mut subscriber), b"one");
    assert_eq!(next(&mut subscriber), b"");
    assert_eq!(next(&mut subscriber), b"three");
    client.append(stream, vec![b"four".to_vec()], Offset::new(3)).unwrap();
    assert_eq!(next(&mut subscriber), b"four"); // an idle subscriber is pushed to
    assert_eq!(subscriber.grant_credits(subscription.subscription_id, 10).unwrap(), 10);
    client.append(stream, vec![b"five".to_vec()], Offset::new(4)).unwrap();
    assert_eq!(next(&mut subscriber), b"five");
    subscriber.unsubscribe(subscription.subscription_id).unwrap();
    assert_eq!(code(subscriber.grant_credits(subscription.subscription_id, 1)), ErrorCode::SubscriptionNotFound);
    println!("subscriptions");
}

fn administration(client: &mut Client, tenant: u64) {
    let tables = client.list_tables().unwrap();
    assert_eq!((tables.len(), tables[0].name.as_str(), tables[0].column_count), (1, "visits", 4));
    let table = client.describe_table("visits").unwrap();
    assert!(table.columns[0].primary_key && !table.columns[1].primary_key);
    assert_eq!(client.list_indexes("visits").unwrap().len(), 1);
    assert_eq!(code(client.describe_table("nothing")), ErrorCode::TableNotFound);
    let made = client.tenant_create(TenantId::new(tenant + 1000), Some("clinic".to_string())).unwrap();
    assert!(made.created);
    assert!(!client.tenant_create(TenantId::new(tenant + 1000), None).unwrap().created);
    assert!(client.tenant_list().unwrap().len() >= 2);
    assert_eq!(code(client.tenant_get(TenantId::new(4_000_000_000))), ErrorCode::TenantNotFound);
    assert_eq!(client.server_info().unwrap().protocol_version, 5);
    assert!(client.erasure_list().is_err()); // not there, and not pretended
    println!("administration");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let address = arguments[1].as_str();
    let tenant: u64 = arguments[2].parse().unwrap();
    let mut client = Client::connect(address, TenantId::new(tenant), config()).unwrap();
    sql(&mut client);
    time_travel(&mut client);
    transactions(&mut client);
    streams(&mut client, address, tenant);
    administration(&mut client, tenant);
    let mut large = Client::connect(address, TenantId::new(1 << 32), config()).map_err(|_| ());
    if let Ok(large) = &mut large {
        assert_eq!(code(large.query("SELECT 1", &[])), ErrorCode::InvalidRequest);
    }
    client.reconnect().unwrap();
    assert_eq!(big(&client.query("SELECT 1", &[]).unwrap().rows[0][0]), 1);
    println!("reconnecting");
    println!("done");
}
