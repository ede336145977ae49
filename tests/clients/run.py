#!/usr/bin/env python3
"""Clients that people have, each from its registry, do a day's work on a started server; clients.md is written from it.

    tests/clients/run.py             runs them and checks docs/reference/clients.md as far as they could run
    tests/clients/run.py --write     runs them and writes it
    tests/clients/run.py NAME...     these alone, checking nothing

A client whose runtime is absent is skipped by name; one that can not be installed, too, where no registry answers.
BUILD: the build directory. What is installed stays in no place but the scratch directory.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "server"))
from serve import Server  # noqa: E402

DOCUMENT = os.path.join(HERE, "..", "..", "docs", "reference", "clients.md")
INSTALL_SECONDS_MAX, WORK_SECONDS_MAX = 220, 90
BEGIN, END = "<!-- written by tests/clients/run.py -->\n", "<!-- end -->\n"
AREAS = {
    "tables": "DDL, RETURNING, generated keys",
    "types in text": "values of every type that the client knows, in text format",
    "types in binary": "the same in binary format",
    "parameters": "parameters of all kinds, batches",
    "mapped objects": "an ORM's unit of work",
    "migrations": "schemas that the tool makes and changes, forward and back",
    "prepared statements": "named statements, also when their tables change",
    "transactions": "blocks, savepoints, isolation, conflicts",
    "errors": "SQLSTATE, message, position; the session goes on",
    "copy": "COPY in and out, text and binary, and its errors",
    "cursors": "large answers in parts",
    "pipelines": "many requests before the first answer",
    "reflection": "what the client's own tools read of the catalogue",
    "time travel": "AS OF with a parameter",
    "cancellation": "cancel requests, statement_timeout",
    "notifications": "LISTEN and NOTIFY",
    "asynchronous": "the client's asynchronous face",
    "reconnecting": "after the server has ended the session",
}


class Absent(Exception):
    """The client can not run here; the text says why."""


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Absent("%s is not installed" % program)


def install(directory, *command, environment=None):
    run = subprocess.run(command, cwd=directory, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=INSTALL_SECONDS_MAX)
    if run.returncode != 0:
        said = run.stdout.decode("utf-8", "replace")
        lost = re.search("resol|network|connect|unreachable|timed out|offline|No matching distribution", said, re.I)
        if lost and "--locked" not in said and "error[" not in said:
            raise Absent("its registry does not answer: " + " ".join(said.split())[-200:])
        raise RuntimeError("%s\n%s" % (" ".join(command), said[-3000:]))


def python(program, *packages):
    def make(directory):
        install(directory, sys.executable, "-m", "venv", "venv")
        install(directory, "venv/bin/pip", "install", "-q", "--disable-pip-version-check", *packages)
        return [os.path.join(directory, "venv/bin/python"), os.path.join(HERE, "python", program)]
    return make


def node(program, packages, *arguments):
    def make(directory):
        need("node", "npm")
        install(directory, "npm", "install", "--silent", "--no-save", *packages)
        shutil.copy(os.path.join(HERE, "node", program), directory)
        return ["node", os.path.join(directory, program), *arguments]
    return make


def go(directory):
    need("go")
    shutil.copytree(os.path.join(HERE, "go"), os.path.join(directory, "go"))
    install(os.path.join(directory, "go"), "go", "build", "-o", "work", ".", environment={"GOFLAGS": "-buildvcs=false -modcacherw"})
    return [os.path.join(directory, "go", "work")]


def java(directory):
    need("java", "javac", "mvn")
    install(directory, "mvn", "-q", "-B", "-Dmaven.repo.local=" + os.path.join(directory, "m2"), "dependency:copy",
            "-Dartifact=org.postgresql:postgresql:42.7.14", "-DoutputDirectory=" + directory)
    jar = os.path.join(directory, "postgresql-42.7.14.jar")
    install(directory, "javac", "-cp", jar, "-d", directory, os.path.join(HERE, "java", "Work.java"))
    return ["java", "-cp", directory + ":" + jar, "Work"]


POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>work</groupId>
<artifactId>work</artifactId><version>1</version><dependencies>%s</dependencies></project>"""
DEPENDENCY = "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>"
JAVA_TOOLS = {
    "flyway": ("org.flywaydb:flyway-database-postgresql:11.8.2",),
    "liquibase": ("org.liquibase:liquibase-core:4.31.1",),
    "hibernate": ("org.hibernate.orm:hibernate-core:6.6.15.Final",),
}
java_tools_lock = threading.Lock()
java_tools_made = []


def java_tools(directory):
    """The program and its libraries, made once for all three: they share most of what is fetched."""
    with java_tools_lock:
        if not java_tools_made:
            artifacts = ["org.postgresql:postgresql:42.7.14", *(name for names in JAVA_TOOLS.values() for name in names)]
            with open(os.path.join(directory, "pom.xml"), "w") as file:
                file.write(POM % "".join(DEPENDENCY % tuple(name.split(":")) for name in artifacts))
            install(directory, "mvn", "-q", "-B", "-Dmaven.repo.local=" + os.path.join(directory, "m2"), "dependency:copy-dependencies",
                    "-DoutputDirectory=" + os.path.join(directory, "lib"))
            install(directory, "javac", "-cp", os.path.join(directory, "lib", "*"), "-d", os.path.join(directory, "classes"),
                    os.path.join(HERE, "java", "Tools.java"))
            shutil.rmtree(os.path.join(directory, "m2"))
            made = tempfile.TemporaryDirectory(prefix="kimberlite-client-")
            for part in ("lib", "classes"):
                shutil.move(os.path.join(directory, part), made.name)
            java_tools_made.append(made)
    return java_tools_made[0].name


def java_tool(name):
    def make(directory):
        need("java", "javac", "mvn")
        there = java_tools(directory)
        return ["java", "-cp", os.path.join(there, "classes") + ":" + os.path.join(there, "lib", "*"), "Tools", name]
    return make


def rust(directory):
    need("cargo")
    shutil.copytree(os.path.join(HERE, "rust"), os.path.join(directory, "rust"))
    install(os.path.join(directory, "rust"), "cargo", "build", "-q", "--locked",
            environment={"CARGO_TARGET_DIR": os.path.join(directory, "target")})
    return [os.path.join(directory, "target", "debug", "work")]


def terminal(program, script):
    """A program of PostgreSQL 15's, as it is installed."""
    def make(_):
        need(program)
        version = subprocess.run([program, "--version"], stdout=subprocess.PIPE, timeout=WORK_SECONDS_MAX).stdout.decode()
        if re.search(r" 15\.", version) is None:
            raise Absent("it is not that of PostgreSQL 15: " + version.strip())
        return [sys.executable, os.path.join(HERE, "terminal", script)]
    return make


CLIENTS = {
    "psql": ("15", "C", terminal("psql", "psql_work.py")),
    "pgbench": ("15", "C", terminal("pgbench", "pgbench_work.py")),
    "psycopg 3": ("3.3.9", "Python", python("psycopg3.py", "psycopg[binary]==3.3.9")),
    "psycopg2": ("2.9.13", "Python", python("psycopg2_work.py", "psycopg2-binary==2.9.13")),
    "SQLAlchemy": ("2.1.9", "Python", python("sqlalchemy_work.py", "sqlalchemy==2.1.9", "psycopg[binary]==3.3.9")),
    "Django": ("5.2.19", "Python", python("django_work.py", "django==5.2.19", "psycopg[binary]==3.3.9")),
    "asyncpg": ("0.32.0", "Python", python("asyncpg_work.py", "asyncpg==0.32.0")),
    "Alembic": ("1.20.1", "Python", python("alembic_work.py", "alembic==1.20.1", "sqlalchemy==2.1.9", "psycopg[binary]==3.3.9")),
    "node-postgres": ("8.23.1", "JavaScript", node("work.js", ("pg@8.23.1", "pg-cursor@2.22.1", "pg-copy-streams@7.0.0"))),
    "Knex": ("3.3.0", "JavaScript", node("tools.js", ("pg@8.23.1", "knex@3.3.0"), "knex")),
    "Sequelize": ("6.37.8", "JavaScript", node("tools.js", ("pg@8.23.1", "sequelize@6.37.8"), "sequelize")),
    "TypeORM": ("1.1.1", "JavaScript",
                node("tools.js", ("pg@8.23.1", "typeorm@1.1.1", "reflect-metadata@0.2.2"), "typeorm")),
    "Drizzle": ("0.45.4", "JavaScript", node("tools.js", ("pg@8.23.1", "drizzle-orm@0.45.4"), "drizzle")),
    "pgx": ("5.13.0", "Go", go),
    "pgjdbc": ("42.7.14", "Java", java),
    "Flyway": ("11.8.2", "Java", java_tool("flyway")),
    "Liquibase": ("4.31.1", "Java", java_tool("liquibase")),
    "Hibernate": ("6.6.15", "Java", java_tool("hibernate")),
    "tokio-postgres": ("0.7.18", "Rust", rust),
}


def work(name):
    """("ran", {area: "" or why}) or ("skipped", why)."""
    directory = tempfile.mkdtemp(prefix="kimberlite-client-")
    try:
        command = CLIENTS[name][2](directory)
        with Server() as server:
            run = subprocess.run(command + ["postgresql://kimberlite@127.0.0.1:%d/kimberlite" % server.port], cwd=directory,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WORK_SECONDS_MAX)
        told = [line.split("\t") for line in run.stdout.decode("utf-8", "replace").splitlines()]
        found = {line[1]: "" if line[0] == "ok" else line[-1] for line in told if len(line) > 1 and line[0] in ("ok", "fail")}
        if not found or (run.returncode != 0 and not any(found.values())):
            raise RuntimeError("exit %d\n%s" % (run.returncode, run.stderr.decode("utf-8", "replace")[-2000:]))
        return "ran", found
    except Absent as why:
        return "skipped", str(why)
    except (RuntimeError, subprocess.TimeoutExpired) as why:
        return "ran", {"tables": "it does not run: %s" % why}
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def row(name, found):
    version, language, _ = CLIENTS[name]
    marks = ["" if area not in found else "no" if found[area] else "yes" for area in AREAS]
    return "| %s %s (%s) | %s |\n" % (name, version, language, " | ".join(marks))


def table(rows):
    head = "| client | " + " | ".join(AREAS) + " |\n|---|" + "---|" * len(AREAS) + "\n"
    return BEGIN + "\n" + head + "".join(rows) + "\n" + END


def meanings():
    return "".join("* **%s**: %s\n" % pair for pair in AREAS.items())


def read_rows():
    with open(DOCUMENT) as file:
        text = file.read()
    inside = text[text.index(BEGIN):text.index(END)]
    return text, {line.split("| ")[1].strip().rsplit(" ", 2)[0]: line + "\n" for line in inside.splitlines() if line.startswith("| ")}


def main():
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")] or list(CLIENTS)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(wanted, pool.map(work, wanted)))
    passed, failed, rows = 0, 0, {}
    for name, (outcome, found) in outcomes.items():
        if outcome == "skipped":
            print("skipped %s: %s" % (name, found))
            continue
        rows[name] = row(name, found)
        for area, why in found.items():
            passed, failed = passed + (not why), failed + bool(why)
            if why:
                print("failed %s, %s: %s" % (name, area, why))
            if area not in AREAS:
                failed += 1
                print("failed %s: an area of no meaning: %s" % (name, area))
    text, written = read_rows()
    fresh = text[:text.index(BEGIN)] + table([rows.get(name) or written.get(name, "") for name in CLIENTS]) + \
        text[text.index(END) + len(END):]
    if "--write" in sys.argv:
        with open(DOCUMENT, "w") as file:
            file.write(fresh)
    elif len(wanted) == len(CLIENTS) and fresh != text:
        failed += 1
        print("failed: docs/reference/clients.md is not what came of it; tests/clients/run.py --write writes it")
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0 if passed else 77)


if __name__ == "__main__":
    main()
