"""SQLAlchemy 2 over psycopg 3: Core, ORM, reflection. Argument: a connection string."""
import datetime
import decimal
import sys
import time
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from checks import equal, must_fail, run

engine = sa.create_engine(sys.argv[1].replace("postgresql://", "postgresql+psycopg://"))


class Base(DeclarativeBase):
    pass


class Ward(Base):
    __tablename__ = "ward"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40), unique=True)
    patients: Mapped[list["Patient"]] = relationship(back_populates="ward", cascade="all, delete-orphan")


class Patient(Base):
    __tablename__ = "patient"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    name: Mapped[str] = mapped_column(index=True)
    ward_id: Mapped[int] = mapped_column(sa.ForeignKey("ward.id"))
    ward: Mapped[Ward] = relationship(back_populates="patients")
    born: Mapped[datetime.date | None]
    amount: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(10, 2), default=decimal.Decimal("0.00"))
    facts: Mapped[dict | None] = mapped_column(postgresql.JSONB)
    tags: Mapped[list[str] | None] = mapped_column(postgresql.ARRAY(sa.Text))
    seen: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    __table_args__ = (sa.CheckConstraint("amount >= 0", name="amount_positive"),)


def tables():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)


def parameters():
    with engine.begin() as connection:
        connection.execute(sa.insert(Ward), [{"name": "ward %d" % i} for i in range(20)])
        found = connection.execute(sa.select(Ward.name).where(Ward.id.in_([1, 2, 3])).order_by(Ward.id)).scalars().all()
        equal(found, ["ward 0", "ward 1", "ward 2"])
        statement = postgresql.insert(Ward).values(name="ward 1").on_conflict_do_nothing()
        equal(connection.execute(statement.returning(Ward.id)).all(), [])


def mapped_objects():
    with Session(engine) as session:
        ward = Ward(name="oncology", patients=[
            Patient(name="Ada", born=datetime.date(1815, 12, 10), amount=decimal.Decimal("12.50"), facts={"a": [1, None]}, tags=["x", "y,z"]),
            Patient(name="Grace")])
        session.add(ward)
        session.commit()
        again = session.scalars(sa.select(Ward).where(Ward.name == "oncology").options(selectinload(Ward.patients))).one()
        ada = next(p for p in again.patients if p.name == "Ada")
        equal((ada.amount, ada.facts, ada.tags), (decimal.Decimal("12.50"), {"a": [1, None]}, ["x", "y,z"]))
        assert ada.seen.tzinfo is not None
        ada.amount += 1
        session.delete(next(p for p in again.patients if p.name == "Grace"))
        session.commit()
        equal(session.scalar(sa.select(sa.func.count()).select_from(Patient)), 1)
        total = sa.select(Ward.name, sa.func.sum(Patient.amount)).join(Ward.patients).group_by(Ward.name)
        equal(session.execute(total).all(), [("oncology", decimal.Decimal("13.50"))])


def transactions():
    with Session(engine) as session:
        session.add(Ward(name="kept"))
        session.flush()
        try:
            with session.begin_nested():
                session.add(Ward(name="kept"))
                session.flush()
            raise AssertionError("no error")
        except sa.exc.IntegrityError:
            pass
        session.commit()
        equal(session.scalar(sa.select(sa.func.count()).where(Ward.name == "kept")), 1)
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        equal(connection.scalar(sa.text("SHOW transaction_isolation")), "serializable")


def errors():
    def insert():
        with Session(engine) as session:
            session.add(Patient(name="x", ward_id=999999))
            session.commit()
    must_fail(insert, sa.exc.IntegrityError, lambda e: e.orig.sqlstate == "23503")
    with engine.connect() as connection:
        must_fail(lambda: connection.execute(sa.text("SELECT nope")), sa.exc.ProgrammingError, lambda e: e.orig.sqlstate == "42703")


def reflection():
    inspector = sa.inspect(engine)
    equal({"ward", "patient"} <= set(inspector.get_table_names()), True)
    columns = {c["name"]: c for c in inspector.get_columns("patient")}
    equal(str(columns["amount"]["type"]), "NUMERIC(10, 2)")
    equal(columns["name"]["nullable"], False)
    assert isinstance(columns["facts"]["type"], postgresql.JSONB) and isinstance(columns["tags"]["type"], postgresql.ARRAY)
    equal(inspector.get_pk_constraint("patient")["constrained_columns"], ["id"])
    key = inspector.get_foreign_keys("patient")[0]
    equal((key["constrained_columns"], key["referred_table"], key["referred_columns"]), (["ward_id"], "ward", ["id"]))
    equal([u["column_names"] for u in inspector.get_unique_constraints("ward")], [["name"]])
    equal([i["column_names"] for i in inspector.get_indexes("patient")], [["name"]])
    equal([c["name"] for c in inspector.get_check_constraints("patient")], ["amount_positive"])
    metadata = sa.MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        equal(connection.scalar(sa.select(sa.func.count()).select_from(metadata.tables["ward"])), 22)
        assert inspector.get_schema_names() and inspector.default_schema_name == "public"


def time_travel():
    with engine.begin() as connection:
        then = connection.scalar(sa.text("SELECT now()"))
    time.sleep(0.01)
    with engine.begin() as connection:
        connection.execute(sa.delete(Patient))
    with engine.connect() as connection:
        equal(connection.scalar(sa.text("SELECT count(*) FROM patient AS OF TIMESTAMP :then"), {"then": then}), 1)


def reconnecting():
    pool = sa.create_engine(engine.url, pool_pre_ping=True, pool_size=1)
    with pool.connect() as connection:
        number = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(:n)"), {"n": number})
    with pool.connect() as connection:
        equal(connection.scalar(sa.text("SELECT 1")), 1)


run([tables, parameters, mapped_objects, transactions, errors, reflection, time_travel, reconnecting])
