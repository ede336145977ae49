#!/usr/bin/env python3
"""Writes the files of the templates as C texts: embed.py OUT FILE...

Each FILE becomes an element {stem, text} of template_files, which templates.h declares.
"""

import sys
from pathlib import Path


def quoted(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


out = ['#include "cli/templates.h"', "", "const struct template_file template_files[] = {"]
for name in sys.argv[2:]:
    path = Path(name)
    lines = path.read_text(encoding="utf-8").splitlines()
    out += [f'    {{"{path.stem}",'] + ["     " + quoted(line) for line in lines] + ["    },"]
out += ["    {0},", "};", ""]
Path(sys.argv[1]).write_text("\n".join(out), encoding="utf-8")
