"""CSV as programs of any locale write it: the one reader of recordings and of traffic.

The delimiter is found from the header (comma, semicolon, tab or bar; Excel's ``sep=;`` too), a byte
order mark is dropped, and numbers may have a decimal comma. A number that can be read in two ways
is refused. Text in, cells out; which column means what is the caller's to know.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from tuner.errors import UsageError

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
#: What programs write for a value that they do not know.
_UNKNOWN = {"", "-", "--", "n/a", "#n/a", "na", "<na>", "nan", "null", "none", "nil", "\\n"}
#: Rows by which the form of a file's numbers is settled.
_SAMPLE = 1000

#: Line number and cells, as many as there are columns.
Row = tuple[int, list[str]]


def is_unknown(cell: object) -> bool:
    """True for an empty cell and for the words for an unknown value, such as N/A."""
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in _UNKNOWN)


@dataclass(frozen=True)
class Table:
    """Columns as they are named, and the rows that are not blank."""

    header: tuple[str, ...]
    rows: Iterable[Row]
    delimiter: str = ","
    name: str = ""

    def with_numbers(self, columns: Collection[int]) -> "Table":
        """The table with the numbers of these columns as Python writes them.

        Other text in them is left as it is. Rows raise UsageError for a number that can be read in
        two ways; ``rows`` of the table itself must not be used any more.
        """
        return replace(self, rows=self._converted(columns))

    def _converted(self, columns: Collection[int]) -> Iterator[Row]:
        rows, sample, failed = iter(self.rows), list[Row](), None
        try:
            sample.extend(islice(rows, _SAMPLE))
        except UsageError as error:  # told in its place, after the rows before it
            failed = error
        numbers = Numbers(self.delimiter)
        numbers.learn(cells[column] for _, cells in sample for column in columns)
        for line, cells in chain(sample, rows):
            for column in columns:
                try:
                    cells[column] = numbers.plain(cells[column])
                except UsageError as error:
                    place = f"{self.name}, line {line}"
                    raise UsageError(place, error.reason, error.fix) from None
            yield line, cells
        if failed:
            raise failed


def read_table(stream: Iterable[str], name: str, *, whole: bool = False) -> Table:
    """Read the header, then rows as they are asked for; ``whole`` refuses rows that end before the
    last column. Raises UsageError that names the line."""
    lines = enumerate(stream, 1)
    number, first = next(((n, line) for n, line in lines if _is_header(line)), (0, ""))
    first = first.lstrip("\ufeff")
    given = re.fullmatch(r"sep=([,;|\t])\s*", first, re.IGNORECASE)
    if given:
        number, first = next(lines, (number, ""))
    delimiter = given[1] if given else _delimiter(first)
    text = chain([first], (line for _, line in lines))
    records = _records(text, delimiter, name, max(0, number - 1), strict=whole)
    header = tuple(cell.strip() for cell in next(records, (0, []))[1])
    while header and not header[-1]:
        header = header[:-1]  # a delimiter ends every line
    for column in header:
        if header.count(column) > 1:
            place = f"{name}, line {number}"
            raise UsageError(place, f"names the column {column!r} twice", "Rename one of them.")
    return Table(header, _rows(records, header, name, delimiter, whole), delimiter, name)


def _is_header(line: str) -> bool:
    """Return whether a line is neither empty, nor delimiters alone, nor a remark."""
    text = line.strip("\ufeff \t\r\n,;|")
    return bool(text) and not line.lstrip("\ufeff").startswith("# ")


def read_table_text(text: str, name: str) -> Table:
    """As :func:`read_table`, of text that is in memory."""
    return read_table(io.StringIO(text, newline=""), name)


def _delimiter(header: str) -> str:
    """The one that makes the most columns of a header; comma if none does."""

    def columns(delimiter: str) -> int:
        try:
            cells = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:
            return 0
        return 0 if any('"' in cell for cell in cells) else len(cells)  # a quote begins a cell

    return max(_DELIMITERS, key=columns)


#: A line after the last one. If it becomes a part of a value, a quote before it was never closed.
_END = "\0end of the file"


def _records(
    lines: Iterable[str], delimiter: str, name: str, before: int, *, strict: bool
) -> Iterator[Row]:
    """Split lines into cells, with the number of the line that each record ends on; ``strict``
    takes nothing between the end of a quote and the next delimiter."""
    reader = csv.reader(chain(lines, [_END]), delimiter=delimiter, strict=strict)
    begins = before + 1
    try:
        for cells in reader:
            if cells and cells[-1].endswith(_END):
                if cells != [_END]:
                    raise csv.Error("unexpected end of data")
                return
            yield reader.line_num + before, cells
            begins = reader.line_num + before + 1
    except csv.Error as error:
        reason = next((ours for theirs, ours in _MISTAKES.items() if theirs in str(error)), None)
        if reason is not None:
            raise UsageError(f"{name}, line {begins}", reason, _QUOTES) from None
        place = f"{name}, line {reader.line_num + before}"
        raise UsageError(place, f"is not CSV: {error}", "Fix or drop the line.") from None


#: What the csv module says of quotes, and what we say of the line that the record begins on.
_MISTAKES = {
    "unexpected end": "has a quote that is never closed",
    "field limit": f"has a value of more than {csv.field_size_limit():,} characters",
    "expected after": "goes on after the end of a quote",
}
_QUOTES = 'Close each quote, and write one that is part of a value twice ("").'


def _rows(
    records: Iterable[Row], header: Sequence[str], name: str, delimiter: str, whole: bool
) -> Iterator[Row]:
    """Return the rows that are not blank, with as many cells as there are columns."""
    for line, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        extra = [cell for cell in cells[len(header) :] if cell.strip()]
        few = whole and len(cells) < len(header)
        if extra or few:
            values = f"{len(cells)} value{'s' * (len(cells) != 1)}"
            reason = f"has {values} for {len(header)} columns"
            fix = f"Quote values that hold a {_DELIMITERS[delimiter]}."
            if few:
                left = f"{header[len(cells)]!r}, which may be empty, after a {delimiter!r}"
                fix = f"Give a value for {left}."
            raise UsageError(f"{name}, line {line}", reason, fix)
        missing = [""] * (len(header) - len(cells))
        yield line, cells[: len(header)] + missing


_SPACED = re.compile(r"(?<=\d)[ \u00a0\u202f](?=\d{3}(?!\d))")
_EXPONENT = r"(?:[eE][+-]?\d+)?"
_WITH_COMMA = re.compile(rf"[+-]?\d*,\d+{_EXPONENT}", re.ASCII)
_WITH_POINT = re.compile(rf"[+-]?\d*\.\d*{_EXPONENT}", re.ASCII)
#: Groups of three digits; the first does not begin with 0.
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?", re.ASCII)


class Numbers:
    """The form of one file's numbers: its decimal mark, found from the numbers themselves."""

    def __init__(self, delimiter: str = ",", *, whole: bool = False) -> None:
        """``whole``: they count, so that a group of three digits is hardly a fraction."""
        self._delimiter = delimiter
        self._whole = whole
        self._mark = ""

    def learn(self, cells: Iterable[str]) -> None:
        """Settle the mark by those that can be read in one way only."""
        marks = {_mark(cell.strip()) for cell in cells} - {""}
        if len(marks) == 1:
            self._mark = marks.pop()

    def plain(self, cell: str) -> str:
        """The number with a decimal point; other text as it is. Raises UsageError if it is
        ambiguous, or has another mark than those before."""
        text = _SPACED.sub("", cell.strip())
        if "," not in text and "." not in text:
            return text
        groups = _COMMA_GROUPS.fullmatch(text) or _POINT_GROUPS.fullmatch(text)
        if not (groups or _WITH_COMMA.fullmatch(text) or _WITH_POINT.fullmatch(text)):
            return cell
        mark = _mark(text)
        if self._mark and mark not in ("", self._mark):
            reason = f"{text[:40]!r} has another decimal mark than the numbers before it"
            raise UsageError("", reason, "Write all numbers with a point, like 1234.5.")
        self._mark = self._mark or mark or self._usual(text)
        if self._mark == ",":
            return text.replace(".", "").replace(",", ".")
        return text.replace(",", "")

    def _usual(self, text: str) -> str:
        """The mark if nothing else tells it: a comma goes with semicolons, where a point may be one
        of thousands."""
        if "." in text and self._delimiter != ";":
            return "."
        if "," in text and self._delimiter == ";" and not self._whole:
            return ","
        reason = f"{text[:40]!r} can be read as a decimal number or with thousands"
        raise UsageError(
            "", reason, "Write numbers with a point and no thousands, like 1234.5 or 1.2340."
        )


def _mark(text: str) -> str:
    """The decimal mark of a number; empty where it may be one or the other."""
    text = _SPACED.sub("", text)
    by_comma, by_point = _COMMA_GROUPS.fullmatch(text), _POINT_GROUPS.fullmatch(text)
    if by_comma:
        return "." if "." in text or text.count(",") > 1 else ""
    if by_point:
        return "," if "," in text or text.count(".") > 1 else ""
    if _WITH_COMMA.fullmatch(text):
        return ","
    return "." if _WITH_POINT.fullmatch(text) else ""
