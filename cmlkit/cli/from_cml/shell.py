"""Shell scripts: the simple commands in them, and the place of each word.

Reads what POSIX calls a simple command wherever one can stand: after operators and reserved words, in groups,
functions, substitutions, and here-documents that the shell expands. Nothing is run or expanded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# GitHub puts these values into the script before the shell reads it.
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_PLACEHOLDER = "\x00"
_META = frozenset(" \t\n;&|<>()")
_LEADING = frozenset(("if", "then", "elif", "else", "while", "until", "do", "time", "{", "!", "coproc"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_REDIRECTION = re.compile(r"&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||<|>")


class NotShell(ValueError):
    """The text is no complete shell script, such as one with an open quote."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word of a script.

    Attributes:
        start: Offset of its first character in the script.
        end: Offset behind its last character.
        text: The word as written.
        value: The word without quotes and escapes; None if the shell, or GitHub, puts a value into it.
    """

    start: int
    end: int
    text: str
    value: str | None

    @property
    def is_assignment(self) -> bool:
        """Whether the word sets a variable, if it stands before a command."""
        return _ASSIGNMENT.match(self.text) is not None


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script that was read.

    Attributes:
        commands: The words of each simple command, without redirections, in the order in which the commands end.
        comments: Start and end of each comment.
        compound: Whether there are conditions, loops or functions, which must not become empty.
        documents: Start and end of each here-document.
    """

    commands: Sequence[Sequence[Word]]
    comments: Sequence[tuple[int, int]]
    documents: Sequence[tuple[int, int]]
    compound: bool


def read(script: str) -> Script:
    """Return the commands of a script.

    Raises:
        NotShell: A quote, a substitution or a here-document does not end.
    """
    reader = _Reader(_EXPRESSION.sub(lambda found: _PLACEHOLDER * len(found[0]), script), script)
    try:
        reader.commands_until("")
    except IndexError as error:
        raise NotShell("it ends within a command") from error
    return Script(
        commands=reader.commands,
        comments=reader.comments,
        documents=reader.documents,
        compound=reader.compound,
    )


@dataclass(frozen=True, kw_only=True)
class _Document:
    """A here-document whose text is still to come."""

    delimiter: str
    tabs: bool
    expanded: bool


class _Reader:
    """A position in a script, and what was found before it."""

    def __init__(self, text: str, written: str) -> None:
        self.text, self.written, self.at = text, written, 0
        self.commands: list[Sequence[Word]] = []
        self.comments: list[tuple[int, int]] = []
        self.documents: list[tuple[int, int]] = []
        self.compound = False
        self._expected: list[_Document] = []

    def commands_until(self, end: str) -> None:
        """Read commands up to the character that ends them; to the end of the script if it is empty."""
        words: list[Word] = []
        cases: list[bool] = []  # of each `case` that is open: whether a pattern comes next
        while not self._ends(end):
            if cases and cases[-1] and not words and self.text[self.at] != "\n" and self._pattern():
                cases[-1] = False
            elif self.text[self.at] in ";&|)\n" and not self.text.startswith("&>", self.at):
                self._operator(words, cases)
            elif not self._apart(words) and not self._redirection(words):
                self._word_of_command(words, cases)
        self._close(words)
        self.at += 1

    def _ends(self, end: str) -> bool:
        self._skip_blanks()
        if end and self.at >= len(self.text):
            raise NotShell(f"a {end} is missing")
        return self.at >= len(self.text) or self.text[self.at] == end

    def _operator(self, words: list[Word], cases: list[bool]) -> None:
        """Read what ends a command, and the here-documents that begin behind its line."""
        self._close(words)
        if cases and self.text[self.at : self.at + 2] in (";;", ";&"):
            cases[-1] = True
            self.at += 1
        self.at += 1
        if self.text[self.at - 1] == "\n":
            self._here_documents()

    def _apart(self, words: list[Word]) -> bool:
        """Read a comment, a group or arithmetic; return False if none stands here."""
        if self.text[self.at] == "#":
            self._comment()
        elif self.text.startswith("((", self.at) and not words:
            self._arithmetic(self.at + 2)
        elif self.text[self.at] == "(":
            self._open(words)
        else:
            return False
        return True

    def _word_of_command(self, words: list[Word], cases: list[bool]) -> None:
        word = self.word()
        leads = not words and (word.text in _LEADING or word.text in ("function", "[[", "case", "for", "select"))
        self.compound = self.compound or leads
        if leads and word.text == "[[":
            self._condition()
        elif leads and word.text == "function":
            self._skip_blanks()
            self.word()
        elif not words and word.text == "esac" and cases:
            cases.pop()
        elif words and words[0].text == "case" and word.text == "in":
            words.clear()
            cases.append(True)
        elif word.text not in _LEADING or words:
            words.append(word)

    def _pattern(self) -> bool:
        """Skip a pattern of `case`; return False at its `esac`."""
        if re.compile(r"esac(?![\w./-])").match(self.text, self.at):
            return False
        if self.text[self.at] == "#":
            self._comment()
            return False
        self.at += self.text[self.at] == "("
        self._skip_words(")")
        return True

    def _open(self, words: list[Word]) -> None:
        """Read a group in parentheses, or skip those of a function."""
        array = bool(words) and words[-1].text.endswith("=") and words[-1].end == self.at
        self.at += 1
        if words and not array and (closed := re.compile(r"[ \t]*\)").match(self.text, self.at)):
            words.clear()
            self.compound = True
            self.at = closed.end()
        elif array:
            self._skip_words(")")
        elif words:
            raise NotShell("an unexpected parenthesis")
        else:
            self.commands_until(")")

    def _condition(self) -> None:
        """Skip the rest of `[[ … ]]`, in which operators have other meanings."""
        while self.at < len(self.text):
            if self.text[self.at] in _META:
                self.at += 1
            elif self.word().text == "]]":
                return
        raise NotShell("a [[ does not end")

    def _skip_words(self, end: str) -> None:
        while self.text[self.at : self.at + 1] not in (end, ""):
            if self.text[self.at] in _META:
                self.at += 1
            else:
                self.word()
        if self.at >= len(self.text):
            raise NotShell(f"a {end} is missing")
        self.at += 1

    def _close(self, words: list[Word]) -> None:
        if words:
            self.commands.append(tuple(words))
            words.clear()

    def _skip_blanks(self) -> None:
        while True:
            if self.text.startswith("\\\n", self.at):
                self.at += 2
            elif self.text[self.at : self.at + 1] in (" ", "\t"):
                self.at += 1
            else:
                return

    def _comment(self) -> None:
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        self.comments.append((self.at, end))
        self.at = end

    def _redirection(self, words: list[Word]) -> bool:
        """Skip a redirection with its target; return False if none stands here."""
        if re.compile(r"[<>]\(").match(self.text, self.at):
            start, self.at = self.at, self.at + 2
            self.commands_until(")")
            words.append(Word(start=start, end=self.at, text=self.written[start : self.at], value=None))
            return True
        if not (operator := _REDIRECTION.match(self.text, self.at)):
            return False
        if words and words[-1].text.isdecimal() and words[-1].end == self.at:
            words.pop()  # the number of a file descriptor
        self.at = operator.end()
        self._skip_blanks()
        if self.text[self.at : self.at + 1] in ("", "\n"):
            raise NotShell("a redirection without a target")
        target = self.word()
        if operator[0] in ("<<", "<<-"):
            plain = re.sub(r"\\(.)|['\"]", r"\1", target.text)
            self._expected.append(_Document(delimiter=plain, tabs=operator[0] == "<<-", expanded=plain == target.text))
        return True

    def _here_documents(self) -> None:
        for document in self._expected:
            indent = "\t*" if document.tabs else ""
            last = re.compile(rf"^{indent}{re.escape(document.delimiter)}\r?$\n?", re.MULTILINE)
            if not (found := last.search(self.text, self.at)):
                raise NotShell(f"the here-document {document.delimiter} does not end")
            self.documents.append((self.at, found.start()))
            if document.expanded:
                self._substitutions(self.at, found.start())
            self.at = found.end()
        self._expected = []

    def _substitutions(self, start: int, end: int) -> None:
        """Read the commands that a text between two offsets substitutes."""
        self.at = start
        while self.at < end:
            if not self._expansion():
                self.at += 2 if self.text[self.at] == "\\" else 1
        self.at = end

    def word(self) -> Word:
        """Read one word, with the commands that it substitutes."""
        start, value, known = self.at, "", True
        while self.at < len(self.text) and self.text[self.at] not in _META:
            character = self.text[self.at]
            if character == "\\":
                following = self.text[self.at + 1 : self.at + 2]
                value += "" if following == "\n" else following
                self.at += 2
            elif character in "'\"":
                quoted, plain = self._quoted(character)
                value, known = value + quoted, known and plain
            elif self._expansion():
                known = False
            else:
                value += character
                known = known and character != _PLACEHOLDER
                self.at += 1
        self.at = min(self.at, len(self.text))
        return Word(start=start, end=self.at, text=self.written[start : self.at], value=value if known else None)

    def _quoted(self, quote: str) -> tuple[str, bool]:
        """Read a quoted part; return its text, and whether the shell puts nothing into it."""
        self.at += 1
        start, value, plain = self.at, "", True
        while True:
            character = self.text[self.at : self.at + 1]
            if not character:
                raise NotShell(f"a {quote} does not end: {self.written[start - 1 : start + 20]!r}")
            if character == quote:
                self.at += 1
                return value, plain
            if quote == '"' and character == "\\":
                following = self.text[self.at + 1 : self.at + 2]
                value += "" if following == "\n" else following if following in '$`"\\' else f"\\{following}"
                self.at += 2
            elif quote == '"' and self._expansion():
                plain = False
            else:
                plain = plain and character != _PLACEHOLDER
                value += character
                self.at += 1

    def _expansion(self) -> bool:
        """Read `$NAME`, `${…}`, `$(…)`, `$((…))`, `$'…'` or backquotes; return False if none stands here."""
        if self.text.startswith("$((", self.at):
            self._arithmetic(self.at + 3)
        elif self.text.startswith("$(", self.at):
            self.at += 2
            self.commands_until(")")
        elif self.text.startswith("${", self.at):
            self._braces()
        elif self.text.startswith("`", self.at):
            self._backquotes()
        elif self.text.startswith("$'", self.at):
            found = re.compile(r"\$'(?:[^'\\]|\\.)*'", re.DOTALL).match(self.text, self.at)
            if not found:
                raise NotShell("a $' does not end")
            self.at = found.end()
        elif found := re.compile(r"\$(\w+|[@*#?$!-])").match(self.text, self.at):
            self.at = found.end()
        else:
            return False
        return True

    def _arithmetic(self, start: int) -> None:
        depth, self.at = 2, start
        while depth:
            character = self.text[self.at : self.at + 1]
            if not character:
                raise NotShell("an arithmetic expression does not end")
            depth += {"(": 1, ")": -1}.get(character, 0)
            self.at += 1

    def _braces(self) -> None:
        self.at += 2
        while self.text[self.at : self.at + 1] != "}":
            character = self.text[self.at : self.at + 1]
            if not character:
                raise NotShell("a ${ does not end")
            if character == '"':
                self._quoted(character)
            elif not self._expansion():
                self.at += 2 if character == "\\" else 1
        self.at += 1

    def _backquotes(self) -> None:
        end = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL).match(self.text, self.at)
        if not end:
            raise NotShell("a ` does not end")
        inner = _Reader(self.text[: end.end(1)], self.written)
        inner.at = self.at + 1
        inner.commands_until("")
        self.commands += inner.commands
        self.comments += inner.comments
        self.at = end.end()
