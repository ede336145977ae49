#!/usr/bin/env python3
"""Makes paths.tsv: asks a live PostgreSQL 15 what SQL/JSON paths lead to.

    paths.py CASES SEED psql ARGUMENT...  > paths.tsv

Paths are drawn from the grammar, in both modes, over values whose keys are those of the paths. Moments have cases of
their own (moments.py); the text of a syntax error, which names a token, is not asked.
"""
import random, sys

import answers

VALUES = ['{"a": 1, "b": [1, 2, {"c": "x"}], "d": null}', '[1, 2, 3]', '[[1, 2], [3, "4"], {"a": [5]}]', '"text"', "12.50", "true",
          "null", "[]", "{}", '{"a": {"a": {"a": 7, "b": "abc"}}}', '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"b": null}]',
          '["abc", "Abd", "b c", ""]', '{"a": [-1.5, 0, 2.25], "b": true}', '{"x y": 1, "$k": 2}',
          '{"x": -12345678.0010, "yy": 0.00001, "z": null, "a": {"q": 0, "longkey": {"r": true}}, "n": 100000000000, "m": {}, "b": ["abcde", {"a": 1}]}']
VARIABLES = ['{"x": 1, "y": "abc"}', '{"x": [1, 2], "y": null}', '{"w": 31.4, "y": {"z": 0.001, "y": {}}}', "{}", "[1]"]
OPERATORS = ["==", "!=", "<>", "<", "<=", ">", ">="]
METHODS = ["type", "size", "abs", "floor", "ceiling", "double", "keyvalue"]
OBJECTS = ["$", "$[*]", '$.** ? (@.type() == "object")', "$.a", "$y", "$.b[last]", "$.a.a", "$[1 to last]"]
FUNCTIONS = [("jsonb_path_query_array", "jsonb"), ("jsonb_path_query_first", "jsonb"), ("jsonb_path_exists", "boolean"),
             ("jsonb_path_match", "boolean")]


class Paths:
    def __init__(self, draw):
        self.draw, self.filters, self.subscripts = draw, 0, 0

    def primary(self, depth):
        kinds = ["$"] * 5 + ["1", "2.5", "0", '"abc"', "null", "true", "$x", "$y"]
        kinds += ["@"] * 8 if self.filters else []
        kinds += ["last"] * 5 if self.subscripts else []
        if depth > 0 and self.draw.random() < 0.1:
            return "(%s)" % self.value(depth - 1)
        return self.draw.choice(kinds)

    def accessor(self, depth):
        draw = self.draw
        kind = draw.randrange(11)
        if kind < 4:
            return "." + draw.choice(["a", "b", "c", "d", '"x y"', "*", "k"])
        if kind < 6:
            return "[%s]" % draw.choice(["*", "0", "1", "*", "0 to 1", "5", self.subscript(depth)])
        if kind < 7:
            return ".**" + draw.choice(["", "", "{1}", "{0 to 1}", "{2 to last}", "{last}"])
        if kind < 9:
            self.filters += 1
            inside = self.predicate(depth - 1)
            self.filters -= 1
            return " ? (%s)" % inside
        return ".%s()" % draw.choice(METHODS)

    def subscript(self, depth):
        self.subscripts += 1
        text = self.draw.choice(["last", "last - 1", "0, last", self.value(max(0, depth - 1))])
        self.subscripts -= 1
        return text

    def accessed(self, depth):
        text = self.primary(depth)
        if text[0] in "$@(" or self.draw.random() < 0.1:
            text = "(%s)" % text if text[0] not in "$@(" else text
            for _ in range(self.draw.choice([0, 1, 1, 2, 3])):
                text += self.accessor(depth)
        return text

    def value(self, depth):
        choice = self.draw.random()
        if depth <= 0 or choice < 0.7:
            return self.accessed(depth)
        if choice < 0.8:
            return "%s(%s)" % (self.draw.choice("+-"), self.value(depth - 1))
        return "%s %s %s" % (self.accessed(depth - 1), self.draw.choice("+-*/%"), self.accessed(depth - 1))

    def predicate(self, depth):
        draw = self.draw
        choice = draw.random()
        if depth <= 0 or choice < 0.5:
            return "%s %s %s" % (self.value(depth - 1), draw.choice(OPERATORS), self.value(depth - 1))
        if choice < 0.58:
            return "exists(%s)" % self.value(depth - 1)
        if choice < 0.64:
            return "%s starts with %s" % (self.value(depth - 1), draw.choice(['"a"', '""', "$y", '"abc"']))
        if choice < 0.72:
            return "%s like_regex %s" % (self.value(depth - 1), draw.choice(['"^a"', '"^A" flag "i"', '"b.c"', '"[a-c]+$"', '"a.c" flag "q"']))
        if choice < 0.78:
            return "!(%s)" % self.predicate(depth - 1)
        if choice < 0.84:
            return "(%s) is unknown" % self.predicate(depth - 1)
        return "%s %s %s" % (self.predicate(depth - 1), draw.choice(["&&", "||"]), self.predicate(depth - 1))

    def path(self):
        text = self.draw.choice(["", "", "lax ", "strict ", "strict "])
        if self.draw.random() < 0.04: # of objects, wherever they stand
            return text + self.draw.choice(OBJECTS) + ".keyvalue()" + self.draw.choice(["", "", ".value", ".id", ".keyvalue()", ".value.keyvalue()"])
        text += self.predicate(2) if self.draw.random() < 0.25 else self.value(3)
        if self.draw.random() < 0.03:
            text += self.draw.choice([" ]", " +", " == 1 == 2", "..a", " foo"])
        return text


def draw_case(draw):
    name, result = draw.choice(FUNCTIONS)
    arguments = [("jsonb", draw.choice(VALUES)), ("text", Paths(draw).path())]
    if draw.random() < 0.7:
        arguments.append(("jsonb", VARIABLES[0] if draw.random() < 0.7 else draw.choice(VARIABLES)))
        if draw.random() < 0.5:
            arguments.append(("bool", draw.choice(["true", "false"])))
    return name, result, arguments


def main():
    count, draw = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    types = {(name, 1): "jsonpath" for name, _ in FUNCTIONS}
    answers.write(sys.argv[3:], [draw_case(draw) for _ in range(count)], types)


main()
