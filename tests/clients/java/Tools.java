import jakarta.persistence.*;
import java.math.BigDecimal;
import java.nio.file.*;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.*;
import java.util.*;
import java.util.concurrent.Callable;
import java.util.logging.LogManager;
import liquibase.Liquibase;
import liquibase.database.Database;
import liquibase.database.DatabaseFactory;
import liquibase.database.jvm.JdbcConnection;
import liquibase.resource.DirectoryResourceAccessor;
import liquibase.snapshot.SnapshotControl;
import liquibase.snapshot.SnapshotGeneratorFactory;
import org.flywaydb.core.Flyway;
import org.hibernate.SessionFactory;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.cfg.Configuration;
import org.hibernate.type.SqlTypes;

/** Flyway, Liquibase and Hibernate. Arguments: the tool's name, a connection string. Prints "ok NAME" or "fail NAME why". */
public class Tools {
    enum Mood { SAD, OK }

    @Entity(name = "Person") @Table(name = "person", indexes = @Index(name = "person_born", columnList = "born"))
    public static class Person {
        @Id @GeneratedValue(strategy = GenerationType.SEQUENCE) Long id;
        @Column(unique = true, length = 40, nullable = false) String name;
        BigDecimal amount;
        Instant seen;
        LocalDate born;
        @Enumerated(EnumType.STRING) Mood mood;
        byte[] bytes;
        UUID key;
        @jakarta.persistence.Version int turn;
        @OneToMany(mappedBy = "person", cascade = CascadeType.ALL) List<Visit> visits = new ArrayList<>();
        @ElementCollection Set<String> tags = new HashSet<>();
        @JdbcTypeCode(SqlTypes.JSON) Map<String, Object> facts;
    }

    @Entity(name = "Visit") @Table(name = "visit")
    public static class Visit {
        @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
        @Column(length = 100000) String note;
        @ManyToOne Person person;
    }

    static String url;
    static Path files;
    static boolean failed;

    static void area(String name, Callable<?> work) {
        try {
            work.call();
            System.out.println("ok\t" + name);
        } catch (Throwable error) {
            failed = true;
            StringBuilder why = new StringBuilder();
            for (Throwable at = error; at != null; at = at.getCause()) {
                why.append(at).append(" ");
            }
            System.out.println("fail\t" + name + "\t" + why.toString().replaceAll("\\s+", " "));
        }
    }

    static void equal(Object a, Object b) {
        if (!Objects.equals(a, b)) {
            throw new AssertionError(a + " is not " + b);
        }
    }

    static void flyway() throws Exception {
        Files.writeString(files.resolve("V1__first.sql"), """
            CREATE TABLE ward (id BIGSERIAL PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE, facts JSONB DEFAULT '{}', at TIMESTAMPTZ DEFAULT now());
            CREATE INDEX ward_at ON ward (at);
            COMMENT ON TABLE ward IS 'wards';
            INSERT INTO ward (name) VALUES ('a;b'), ('c');
            DO $$ BEGIN CREATE TYPE mood AS ENUM ('ok'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            """);
        Files.writeString(files.resolve("V2__second.sql"), "ALTER TABLE ward ADD COLUMN n int NOT NULL DEFAULT 0;");
        Files.writeString(files.resolve("R__view.sql"), "CREATE OR REPLACE VIEW wards AS SELECT id, name, n FROM ward;");
        Flyway flyway = Flyway.configure().dataSource(url, "kimberlite", "").locations("filesystem:" + files).cleanDisabled(false).load();
        area("migrations", () -> {
            equal(flyway.migrate().migrationsExecuted, 3);
            flyway.validate();
            equal(flyway.migrate().migrationsExecuted, 0);
            Files.writeString(files.resolve("V3__broken.sql"), "CREATE TABLE half (id int); SELECT 1 / 0;");
            try {
                flyway.migrate();
                throw new AssertionError("it has not failed");
            } catch (org.flywaydb.core.api.FlywayException expected) {
                Files.delete(files.resolve("V3__broken.sql"));
            }
            flyway.repair();
            equal(flyway.info().pending().length, 0);
            return null;
        });
        area("reflection", () -> {
            flyway.clean();
            try (Connection connection = DriverManager.getConnection(url); var tables = connection.getMetaData().getTables(null, "public", "%", new String[] {"TABLE", "VIEW"})) {
                equal(tables.next(), false);
            }
            return null;
        });
    }

    static void liquibase() throws Exception {
        Files.writeString(files.resolve("changes.xml"), """
            <databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
                xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">
            <changeSet id="1" author="a"><preConditions onFail="MARK_RAN"><not><tableExists tableName="person"/></not></preConditions>
              <createTable tableName="person" remarks="people"><column name="id" type="bigint" autoIncrement="true"><constraints primaryKey="true"/></column>
                <column name="name" type="varchar(50)"><constraints nullable="false" unique="true" uniqueConstraintName="one_name"/></column>
                <column name="at" type="timestamp with time zone" defaultValueComputed="CURRENT_TIMESTAMP"/><column name="ok" type="boolean" defaultValueBoolean="false"/>
                <column name="bytes" type="blob"/><column name="note" type="clob"/><column name="key" type="uuid"/></createTable>
              <createIndex tableName="person" indexName="person_at"><column name="at"/></createIndex><createSequence sequenceName="numbers" startValue="5" incrementBy="2"/></changeSet>
            <changeSet id="2" author="a"><createTable tableName="visit"><column name="id" type="int"><constraints primaryKey="true"/></column><column name="person" type="bigint"/></createTable>
              <addForeignKeyConstraint baseTableName="visit" baseColumnNames="person" constraintName="visit_person" referencedTableName="person" referencedColumnNames="id" onDelete="CASCADE"/>
              <addColumn tableName="person"><column name="n" type="int" defaultValueNumeric="3"/></addColumn><renameColumn tableName="person" oldColumnName="n" newColumnName="turns"/>
              <modifyDataType tableName="person" columnName="turns" newDataType="bigint"/><addNotNullConstraint tableName="person" columnName="turns"/>
              <insert tableName="person"><column name="name" value="Ada"/></insert><createView viewName="people">select id from person</createView><rollback><dropView viewName="people"/><dropTable tableName="visit"/></rollback></changeSet>
            </databaseChangeLog>
            """);
        try (Connection connection = DriverManager.getConnection(url)) {
            Database database = DatabaseFactory.getInstance().findCorrectDatabaseImplementation(new JdbcConnection(connection));
            Liquibase tool = new Liquibase("changes.xml", new DirectoryResourceAccessor(files), database);
            area("migrations", () -> {
                tool.update("");
                tool.update("");
                return null;
            });
            area("reflection", () -> {
                var found = snapshot(database);
                equal(found.get(liquibase.structure.core.Table.class).size(), 4); /* two are its own */
                equal(found.get(liquibase.structure.core.ForeignKey.class).size(), 1);
                tool.rollback(1, "");
                equal(snapshot(database).get(liquibase.structure.core.Table.class).size(), 3);
                return null;
            });
        }
    }

    static liquibase.snapshot.DatabaseSnapshot snapshot(Database database) throws Exception {
        return SnapshotGeneratorFactory.getInstance().createSnapshot(database.getDefaultSchema(), database, new SnapshotControl(database));
    }

    static SessionFactory hibernateOf(String mode) {
        return new Configuration().addAnnotatedClass(Person.class).addAnnotatedClass(Visit.class).setProperty("hibernate.connection.url", url)
            .setProperty("hibernate.hbm2ddl.auto", mode).setProperty("hibernate.hbm2ddl.halt_on_error", "true").buildSessionFactory();
    }

    static void hibernate() {
        area("migrations", () -> {
            hibernateOf("update").close();
            hibernateOf("update").close();
            return null;
        });
        area("mapped objects", () -> {
            try (SessionFactory factory = hibernateOf("none")) {
                factory.inTransaction(session -> {
                    Person ada = new Person();
                    ada.name = "Ada";
                    ada.amount = new BigDecimal("1.50");
                    ada.seen = Instant.parse("2024-02-29T12:34:56.789Z");
                    ada.born = LocalDate.of(1815, 12, 10);
                    ada.mood = Mood.OK;
                    ada.bytes = new byte[] {0, -1};
                    ada.key = UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
                    ada.tags.add("x");
                    ada.facts = new HashMap<>(Map.of("k", 1));
                    Visit visit = new Visit();
                    visit.note = "long";
                    visit.person = ada;
                    ada.visits.add(visit);
                    session.persist(ada);
                });
                factory.inTransaction(session -> {
                    Person ada = session.createQuery("from Person p where p.name like 'A%' order by p.id", Person.class).setMaxResults(1)
                        .setLockMode(LockModeType.PESSIMISTIC_WRITE).getSingleResult();
                    equal(List.of(ada.amount.setScale(2), ada.seen, ada.born, ada.mood, ada.key, ada.tags, ada.visits.get(0).note, ada.facts.get("k")),
                        List.of(new BigDecimal("1.50"), Instant.parse("2024-02-29T12:34:56.789Z"), LocalDate.of(1815, 12, 10), Mood.OK,
                            UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), Set.of("x"), "long", 1));
                    ada.amount = ada.amount.add(BigDecimal.ONE);
                    equal(session.createQuery("select count(*), avg(p.amount) from Person p group by p.mood having count(*) > 0").list().size(), 1);
                });
            }
            return null;
        });
        area("transactions", () -> {
            try (SessionFactory factory = hibernateOf("none")) {
                var one = factory.openSession();
                one.beginTransaction();
                Person mine = one.createQuery("from Person", Person.class).getSingleResult();
                factory.inTransaction(session -> session.createQuery("from Person", Person.class).getSingleResult().amount = BigDecimal.TEN);
                mine.amount = BigDecimal.ZERO;
                try {
                    one.getTransaction().commit();
                    throw new AssertionError("its version has changed");
                } catch (OptimisticLockException expected) {
                    one.close();
                }
            }
            return null;
        });
        area("reflection", () -> {
            hibernateOf("validate").close();
            return null;
        });
    }

    public static void main(String[] arguments) throws Exception {
        LogManager.getLogManager().reset();
        url = "jdbc:" + arguments[1].replaceFirst("//([^@/]*)@([^/]*)/(.*)", "//$2/$3?user=$1");
        files = Files.createTempDirectory(Path.of("").toAbsolutePath(), "files");
        switch (arguments[0]) {
            case "flyway" -> flyway();
            case "liquibase" -> liquibase();
            default -> hibernate();
        }
        System.exit(failed ? 1 : 0);
    }
}
