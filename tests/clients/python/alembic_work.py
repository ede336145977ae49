"""Alembic over psycopg 3: what it generates from models, upgrades and downgrades. Argument: a connection string."""
import enum
import os
import sys
import tempfile

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from checks import equal, run

URL = sys.argv[1].replace("postgresql://", "postgresql+psycopg://")
engine = sa.create_engine(URL)
directory = tempfile.TemporaryDirectory()
metadata = sa.MetaData()


class Kind(enum.Enum):
    inpatient = 1
    outpatient = 2


person = sa.Table(
    "person", metadata,
    sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("name", sa.String(50), nullable=False, index=True, unique=True),
    sa.Column("kind", sa.Enum(Kind), server_default="inpatient"),
    sa.Column("facts", JSONB, server_default=sa.text("'{}'")),
    sa.Column("tags", ARRAY(sa.Text)),
    sa.Column("seen", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.Column("amount", sa.Numeric(10, 2), sa.CheckConstraint("amount > 0", name="positive")))
sa.Table(
    "visit", metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    sa.Column("note", sa.Text, comment="what was said"),
    sa.Index("visit_noted", "person_id", postgresql_where=sa.text("note IS NOT NULL")),
    sa.UniqueConstraint("person_id", "note", name="one_note"), comment="visits")

ENVIRONMENT = """
from alembic import context
from sqlalchemy import create_engine
config = context.config
with create_engine(config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection, target_metadata=config.attributes["metadata"], compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()
"""


def config():
    made = Config()
    made.set_main_option("script_location", directory.name)
    made.set_main_option("sqlalchemy.url", URL)
    made.attributes["metadata"] = metadata
    made.print_stdout = lambda *_: None
    return made


def differences():
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_server_default": True}), metadata)


def migrations():
    os.makedirs(os.path.join(directory.name, "versions"))
    with open(os.path.join(directory.name, "env.py"), "w") as file:
        file.write(ENVIRONMENT)
    with open(os.path.join(directory.name, "script.py.mako"), "w") as file:
        file.write("${imports if imports else ''}\nimport sqlalchemy as sa\nfrom alembic import op\nrevision = ${repr(up_revision)}\n"
                   "down_revision = ${repr(down_revision)}\n\ndef upgrade():\n    ${upgrades}\n\ndef downgrade():\n    ${downgrades}\n")
    command.revision(config(), "one", autogenerate=True)
    command.upgrade(config(), "head")
    equal(differences(), [])
    with engine.begin() as connection:
        connection.execute(sa.insert(person), [{"name": "Ada", "amount": 1}, {"name": "Grace", "amount": 2}])
    person.append_column(sa.Column("height", sa.Float, server_default="1.5"))
    person.c.name.type = sa.String(80)
    metadata.tables["visit"].c.note.nullable = False
    command.revision(config(), "two", autogenerate=True)
    command.upgrade(config(), "head")
    equal(differences(), [])
    with engine.connect() as connection:
        equal(connection.execute(sa.text("SELECT name, height, kind FROM person ORDER BY id")).all(),
              [("Ada", 1.5, "inpatient"), ("Grace", 1.5, "inpatient")])
    command.downgrade(config(), "-1")
    with engine.connect() as connection:
        equal([column["name"] for column in sa.inspect(connection).get_columns("person")][-1], "amount")
    command.downgrade(config(), "base")
    equal(sa.inspect(engine).get_table_names(), ["alembic_version"])


def transactions():
    """A migration that fails leaves nothing."""
    with open(os.path.join(directory.name, "versions", "broken.py"), "w") as file:
        file.write("from alembic import op\nrevision = 'broken'\ndown_revision = None\nbranch_labels = ('side',)\n\ndef upgrade():\n"
                   "    op.execute('CREATE TABLE half (id int)')\n    op.execute('SELECT 1 / 0')\n\ndef downgrade():\n    pass\n")
    try:
        command.upgrade(config(), "side@head")
        raise AssertionError("it has not failed")
    except sa.exc.DataError:
        pass
    equal(sa.inspect(engine).get_table_names(), ["alembic_version"])


run([migrations, transactions])
