"""What Kimberlite has: signatures read from its reference page, which a unit test holds to the function table.

So a function that is added there is asked here from that day on, without a line in this test.
"""
import re

TYPES = ["boolean", "tinyint", "smallint", "integer", "bigint", "real", "double precision", "numeric", "text",
         "character varying", "character", "bytea", "date", "time without time zone", "timestamp without time zone",
         "timestamp with time zone", "interval", "uuid", "json", "jsonb", "name", '"char"', "oid", "regclass", "regproc", "regprocedure", "regoperator", "regtype", "regnamespace", "regrole", "any"]
ELEMENTS = ["integer", "text", "numeric"]  # what polymorphic arguments are asked for with, and arrays of them
ARRAYS = {"anyarray", "anycompatiblearray"}
PSEUDO = ARRAYS | {"anyelement", "anycompatible", "anynonarray"}
NAMES = TYPES + [name + "[]" for name in TYPES] + sorted(PSEUDO) + ["anyenum"]
TYPE = "(%s)" % "|".join(re.escape(name) for name in sorted(NAMES, key=len, reverse=True))
# A type that PostgreSQL does not have; types that a case would have to make, or whose numbers differ.
ACTS = {"pg_reload_conf", "oidvectortypes"}  # does something to the server; is of an oidvector
OF_EXTENSIONS = {"uuid_generate_v4", "uuid_nil", "gen_random_bytes", "digest"}  # the server beside may not have them
NOT_ASKED = {"tinyint", "anyenum", "enum", "regclass", "regproc", "regprocedure", "regoperator", "regtype", "regnamespace", "regrole"}


class Signature:
    """One line of the page: class is operator, function, aggregate or cast."""

    def __init__(self, kind, name, arguments, result, variadic=False, within=None):
        self.kind, self.name, self.arguments = kind, name, arguments
        self.result, self.variadic = result, variadic
        self.within = within  # the type that an ordered-set aggregate sorts

    @property
    def item(self):
        """The name under which uses are counted."""
        return "%s %s" % (self.kind, self.result if self.kind == "cast" else self.name)

    def __str__(self):
        return "%s(%s)" % (self.item, ", ".join(self.arguments))


def read_call(kind, call, result):
    if kind == "operator":
        binary = re.fullmatch(r"%s (\S+) %s" % (TYPE, TYPE), call)
        if binary:
            return Signature(kind, binary[2], [binary[1], binary[3]], result)
        unary = re.fullmatch(r"(\S+) %s" % TYPE, call)
        return Signature(kind, unary[1], [unary[2]], result)
    name, inside, within = re.fullmatch(r"(\w+)\(([^()]*)\)(?: WITHIN GROUP \(ORDER BY (.*)\))?", call).groups()
    arguments = [] if inside in ("", "*") else inside.split(", ")
    variadic = arguments[-1:] == ["..."]
    return Signature(kind, name, arguments[:-1] if variadic else arguments, result, variadic, within)


def spread(signature):
    """The signature, or each that it stands for when it is polymorphic."""
    if not PSEUDO & set(signature.arguments + [signature.result, signature.within]):
        return [signature]
    found = []
    for element in ELEMENTS:
        meant = lambda name: element + "[]" if name in ARRAYS else element if name in PSEUDO else name
        found.append(Signature(signature.kind, signature.name, [meant(a) for a in signature.arguments],
                               meant(signature.result), signature.variadic, signature.within and meant(signature.within)))
    return found


def read(path):
    """Every signature that both databases can have."""
    kind, found = None, []
    for line in open(path, encoding="utf-8"):
        if line.startswith("## "):
            kind = {"Operators": "operator", "Functions": "function", "Aggregates": "aggregate",
                    "Casts": "cast"}.get(line[3:].strip())
        cells = [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if kind == "cast" and len(cells) == 4 and cells[0] in TYPES:
            for target in ", ".join(c for c in cells[1:] if c).split(", "):
                found.append(Signature("cast", "cast", [cells[0]], target))
        elif kind and kind != "cast" and len(cells) == 3 and cells[0].startswith("`"):
            found += spread(read_call(kind, cells[0].strip("`"), cells[1]))
    return [s for s in found if not NOT_ASKED & set(s.arguments + [s.result]) and not s.name.startswith("kimberlite_")
            and s.name not in ACTS | OF_EXTENSIONS]
