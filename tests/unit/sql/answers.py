"""Asks a live PostgreSQL what calls answer, and prints the lines of test_functions.c."""
import csv, io, subprocess

ASK = r"""
CREATE FUNCTION pg_temp.answer(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    EXECUTE 'SELECT (' || call || ')::text' INTO answer;
    RETURN coalesce(answer, '\N');
EXCEPTION WHEN others THEN
    RETURN '!' || sqlstate || ' ' || sqlerrm;
END $$;
SET TimeZone = 'UTC';
CREATE TEMP TABLE calls (number int, call text);
COPY calls FROM STDIN CSV;
%s\.
COPY (SELECT number, pg_temp.answer(call) FROM calls ORDER BY number) TO STDOUT CSV;
"""


def quote(text):
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def write(psql, cases, types_there={}):
    """cases: (function, result type, [(argument type, text)]). types_there: the name that an argument's type has in
    PostgreSQL, by function and place. Answers with a tab or a line's end are left out."""
    calls = io.StringIO()
    writer = csv.writer(calls, lineterminator="\n")
    for number, (name, _, arguments) in enumerate(cases):
        typed = [(text, types_there.get((name, place), kind)) for place, (kind, text) in enumerate(arguments)]
        writer.writerow([number, "%s(%s)" % (name, ", ".join("%s::%s" % (quote(text), kind) for text, kind in typed))])
    run = subprocess.run(psql + ["-AtqX", "-v", "ON_ERROR_STOP=1"], input=ASK % calls.getvalue(), capture_output=True,
                         text=True, check=True)
    answers = [row[1] for row in csv.reader(io.StringIO(run.stdout))]
    for (name, result, arguments), answer in zip(cases, answers, strict=True):
        if result == "boolean":  # a cast to text spells it out
            answer = {"true": "t", "false": "f"}.get(answer, answer)
        if answer.startswith("!42601 syntax error"):
            continue  # names a token of its own parser
        fields = [result, answer, "function", name] + [part for argument in arguments for part in argument]
        if not any(c in field for field in fields for c in "\t\n"):
            print("\t".join(fields))
