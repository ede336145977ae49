"""A terminal for tests: what a program has painted."""
import re


class Screen:
    """What a terminal shows: characters and their colours, from the little of ECMA-48 that a line editor uses."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[(" ", "")] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.color, self.saved, self.rest = "", None, ""

    def down(self):
        if self.row + 1 == self.rows:
            self.cells = self.cells[1:] + [[(" ", "")] * self.columns]
        else:
            self.row += 1

    def put(self, character):
        if self.column == self.columns:
            self.column = 0
            self.down()
        self.cells[self.row][self.column] = (character, self.color)
        self.column += 1

    def control(self, numbers, letter):
        count = int(numbers.split(";")[0] or 1) if numbers.replace(";", "").isdigit() or not numbers else 1
        line = self.cells[self.row]
        self.column = min(self.column, self.columns - 1) if letter in "ABCDGKP@" else self.column
        if letter == "m":
            self.color = "" if numbers in ("", "0") else numbers
        elif letter == "A":
            self.row = max(0, self.row - count)
        elif letter == "B":
            self.row = min(self.rows - 1, self.row + count)
        elif letter == "C":
            self.column = min(self.columns - 1, self.column + count)
        elif letter == "D":
            self.column = max(0, self.column - count)
        elif letter == "H":
            self.row = self.column = 0
        elif letter == "G":
            self.column = count - 1
        elif letter in "KJ":
            line[self.column:] = [(" ", "")] * (self.columns - self.column)
            for row in range(self.row + 1, self.rows if letter == "J" else 0):
                self.cells[row] = [(" ", "")] * self.columns
        elif letter == "P":
            line[self.column:] = line[self.column + count:] + [(" ", "")] * min(count, self.columns - self.column)
        elif letter == "@":
            line[self.column:] = ([(" ", "")] * count + line[self.column:])[:self.columns - self.column]

    def feed(self, text):
        text = self.rest + text
        at = 0
        while at < len(text):
            escape = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z@])|\x1b([78=>])").match(text, at)
            if escape:
                at = escape.end()
                if escape[3] == "7":
                    self.saved = (self.row, self.column, self.color)
                elif escape[3] == "8":
                    self.row, self.column, self.color = self.saved
                elif escape[2]:
                    self.control(escape[1], escape[2])
                continue
            if text[at] == "\x1b" and len(text) - at < 16:
                break
            if text[at] == "\r":
                self.column = 0
            elif text[at] == "\n":
                self.down()
            elif text[at] == "\b":
                self.column = max(0, self.column - 1)
            elif text[at] >= " ":
                self.put(text[at])
            at += 1
        self.rest = text[at:]

    def text(self, row):
        return "".join(character for character, _ in self.cells[row]).rstrip()

    def colored(self, row, word):
        at = self.text(row).index(word)
        colors = {color for _, color in self.cells[row][at:at + len(word)]}
        return colors.pop() if len(colors) == 1 else colors
