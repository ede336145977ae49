// pgjdbc: a day's work. Argument: a connection string. Prints "ok NAME" or "fail NAME why" for each area.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class Work {
    interface Area {
        void run() throws Exception;
    }

    static final String LONG =
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a + b = 0";
    static String url;
    static Connection connection;
    static boolean failed;

    static Connection connect(String options) throws SQLException {
        return DriverManager.getConnection(url + options, "kimberlite", "");
    }

    static void equal(Object got, Object wanted) {
        if (!Objects.deepEquals(got, wanted)) {
            throw new AssertionError(got + " is not " + wanted);
        }
    }

    static void refused(Area area, String state) throws Exception {
        try {
            area.run();
        } catch (SQLException error) {
            equal(error.getSQLState(), state);
            return;
        }
        throw new AssertionError("no error, wanted " + state);
    }

    static void exec(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    static Object one(Connection on, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = on.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                Object value = rows.getObject(1);
                return value instanceof Array array ? array.getArray() : value;
            }
        }
    }

    static void tables() throws Exception {
        exec("CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL UNIQUE, age int CHECK (age >= 0))");
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO person (name, age) VALUES (?, ?)",
                                                                    Statement.RETURN_GENERATED_KEYS)) {
            insert.setString(1, "Ada");
            insert.setInt(2, 36);
            equal(insert.executeUpdate(), 1);
            ResultSet keys = insert.getGeneratedKeys();
            keys.next();
            equal(keys.getInt("id"), 1);
        }
    }

    static void values(Connection on) throws Exception {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("bool", true);
        values.put("int4", -5);
        values.put("int8", Long.MIN_VALUE);
        values.put("float8", 0.1);
        values.put("numeric", new BigDecimal("12345678901234567890.123"));
        values.put("text", "naïve 日本語 🙂");
        values.put("bytea", new byte[] {0, -1});
        values.put("date", java.sql.Date.valueOf("2024-02-29"));
        values.put("timestamp", Timestamp.valueOf("2024-02-29 12:34:56.123456"));
        values.put("uuid", UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
        values.put("int4[]", new Integer[] {1, null, 3});
        values.put("text[]", new String[] {"a,b", "q\"q"});
        for (var entry : values.entrySet()) {
            Object value = entry.getValue();
            String sql = "SELECT ?::" + entry.getKey();
            for (int turn = 0; turn < 7; turn++) { // from the fifth on it is prepared by name, and answers in binary
                Object given = value instanceof Object[] array
                                   ? on.createArrayOf(entry.getKey().replace("[]", ""), array) : value;
                equal(one(on, sql, given), value);
            }
        }
    }

    static void parameters() throws Exception {
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO person (name, age) VALUES (?, ?)")) {
            for (int i = 0; i < 50; i++) {
                insert.setString(1, "p" + i);
                insert.setInt(2, i);
                insert.addBatch();
            }
            equal(insert.executeBatch().length, 50);
        }
        equal(one(connection, "SELECT count(*) FROM person WHERE age = ANY(?)",
                  connection.createArrayOf("int4", new Integer[] {1, 2, 3})), 3L);
    }

    static void prepared() throws Exception {
        try (PreparedStatement select = connection.prepareStatement("SELECT name FROM person WHERE age = ?")) {
            for (int i = 0; i < 20; i++) {
                select.setInt(1, i);
                ResultSet rows = select.executeQuery();
                rows.next();
                equal(rows.getString(1), "p" + i);
            }
        }
        exec("CREATE TABLE shape (a int)");
        try (PreparedStatement select = connection.prepareStatement("SELECT * FROM shape")) {
            for (int i = 0; i < 8; i++) {
                select.executeQuery();
            }
            exec("ALTER TABLE shape ADD COLUMN b text");
            equal(select.executeQuery().getMetaData().getColumnCount(), 2); // the driver prepares again by itself
        }
    }

    static void transactions() throws Exception {
        exec("CREATE TABLE ledger (id int PRIMARY KEY)");
        connection.setAutoCommit(false);
        exec("INSERT INTO ledger VALUES (1)");
        Savepoint savepoint = connection.setSavepoint();
        refused(() -> exec("INSERT INTO ledger VALUES (1)"), "23505");
        refused(() -> exec("SELECT 1"), "25P02");
        connection.rollback(savepoint);
        exec("INSERT INTO ledger VALUES (2)");
        connection.commit();
        exec("INSERT INTO ledger VALUES (3)");
        connection.rollback();
        connection.setAutoCommit(true);
        equal(one(connection, "SELECT count(*) FROM ledger"), 2L);
        connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        equal(one(connection, "SHOW transaction_isolation"), "serializable");
    }

    static void errors() throws Exception {
        refused(() -> exec("SELECT nope FROM person"), "42703");
        refused(() -> exec("INSERT INTO person (name, age) VALUES ('x', -1)"), "23514");
        refused(() -> one(connection, "SELECT 1 / ?", 0), "22012");
        equal(one(connection, "SELECT 1"), 1);
    }

    static void copying() throws Exception {
        exec("CREATE TABLE copied (id int, name text)");
        CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 5000; i++) {
            lines.append(i).append("\tname ").append(i).append('\n');
        }
        equal(copy.copyIn("COPY copied FROM STDIN", new StringReader(lines.toString())), 5000L);
        StringWriter out = new StringWriter();
        copy.copyOut("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT", out);
        equal(out.toString(), lines.toString());
        refused(() -> copy.copyIn("COPY copied FROM STDIN", new StringReader("x\ty\n")), "22P02");
    }

    static void cursors() throws Exception {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(100);
            ResultSet rows = statement.executeQuery("SELECT id FROM copied ORDER BY id");
            int count = 0;
            while (rows.next()) {
                equal(rows.getInt(1), count++);
            }
            equal(count, 5000);
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    static void reflection() throws Exception {
        DatabaseMetaData about = connection.getMetaData();
        ResultSet tables = about.getTables(null, "public", "per%", new String[] {"TABLE"});
        tables.next();
        equal(tables.getString("TABLE_NAME"), "person");
        ResultSet columns = about.getColumns(null, "public", "person", null);
        List<String> names = new ArrayList<>();
        while (columns.next()) {
            names.add(columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME"));
        }
        equal(names, List.of("id serial", "name text", "age int4"));
        ResultSet keys = about.getPrimaryKeys(null, "public", "person");
        keys.next();
        equal(keys.getString("COLUMN_NAME"), "id");
        equal(about.getIndexInfo(null, "public", "person", true, false).next(), true);
    }

    static void timeTravel() throws Exception {
        exec("CREATE TABLE past (id int PRIMARY KEY, v text)");
        exec("INSERT INTO past VALUES (1, 'old')");
        Object then = one(connection, "SELECT now()");
        Thread.sleep(10);
        exec("UPDATE past SET v = 'new'");
        equal(one(connection, "SELECT v FROM past AS OF TIMESTAMP ?", then), "old");
    }

    static void cancellation() throws Exception {
        long begun = System.nanoTime();
        Statement statement = connection.createStatement();
        Thread canceller = new Thread(() -> {
            try {
                Thread.sleep(300);
                statement.cancel();
            } catch (Exception error) {
                throw new AssertionError(error);
            }
        });
        canceller.start();
        refused(() -> statement.executeQuery(LONG), "57014");
        canceller.join();
        statement.setQueryTimeout(1);
        refused(() -> statement.executeQuery(LONG), "57014");
        equal(System.nanoTime() - begun < 6_000_000_000L, true);
    }

    static void reconnecting() throws Exception {
        Connection other = connect("");
        Object number = one(other, "SELECT pg_backend_pid()");
        one(connection, "SELECT pg_terminate_backend(?)", number);
        refused(() -> one(other, "SELECT 1"), "57P01");
        equal(other.isValid(1), false);
        equal(one(connect(""), "SELECT 1"), 1);
    }

    static void area(String name, Area area) {
        try {
            area.run();
            System.out.println("ok\t" + name);
        } catch (Throwable error) {
            failed = true;
            System.out.println("fail\t" + name + "\t" + String.valueOf(error).replace('\n', ' '));
            error.printStackTrace();
        }
    }

    public static void main(String[] arguments) throws Exception {
        url = "jdbc:" + arguments[0].replaceFirst("//[^@]*@", "//");
        connection = connect("");
        area("tables", Work::tables);
        area("types in text", () -> {
            try (Connection text = connect("?binaryTransfer=false"); Connection simple = connect("?preferQueryMode=simple")) {
                values(text);
                equal(one(simple, "SELECT ?::int4 + 1", 4), 5);
            }
        });
        area("types in binary", () -> values(connection));
        area("parameters", Work::parameters);
        area("prepared statements", Work::prepared);
        area("transactions", Work::transactions);
        area("errors", Work::errors);
        area("copy", Work::copying);
        area("cursors", Work::cursors);
        area("reflection", Work::reflection);
        area("time travel", Work::timeTravel);
        area("cancellation", Work::cancellation);
        area("reconnecting", Work::reconnecting);
        System.exit(failed ? 1 : 0);
    }
}
