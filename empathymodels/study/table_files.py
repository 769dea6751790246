"""Tables in text files, read as text: every cell as it is written, with the header checked.

A file may be misread in silence: a delimiter at the end of lines moves columns, a second header row
becomes a person, two columns have one name. Each is looked for here, before any cell is given a
meaning. Names, codes and types follow in `empathymodels.study.tables`.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import pandas as pd

from empathymodels.messages import Notices, counted, label_in_cell, listed
from empathymodels.study.table_header import Misread, under_header

DELIMITERS = {"csv": ",", "tsv": "\t", "txt": ""}  # unless the header has another, and not this
PARTED = "read with"  # what parts the cells of a file, in the log
MARKS = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", " ": "blanks"}
THOUSANDS = r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*"
DECIMAL_COMMA = r"\s*[+-]?(\d+(,\d+)?|,\d+)([eE][+-]?\d+)?\s*"
UNREADABLE = (OSError, EOFError, LookupError, ValueError, csv.Error)
LONGEST_CELL = 1 << 30  # Python's csv module stops at 131,072 letters unless told


def read_files(
    source: Sequence[str | Path],
    table_name: str,
    *,
    file_names: str | None,
    encoding: str,
    notices: Notices,
) -> pd.DataFrame | None:
    """Return the rows of one file, of several, or of a folder's; None, and problems, without.

    Parameters
    ----------
    source : sequence of paths
        Files (.csv, .tsv, .txt, or .gz of them), or one folder of them.
    table_name : str
        What the table is, for messages.
    file_names : str, optional
        What the names of files say, such as ``"sub-{participant}_run-{block}*.csv"``.
    encoding : str
        Encoding of the files.
    notices : Notices
        Receives what is wrong and what was done.

    Returns
    -------
    DataFrame or None
        Cells as text, missing where a file lacks a column that others have.
    """
    found = list(_files(source, table_name, file_names, notices))
    tables, bare, notes = [], list[str](), Counter[str]()
    for path, labels in found:
        try:
            table, done = text_table(path, encoding=encoding)
        except Misread as error:
            notices.problems.append(f"{table_name} in '{path}': {error}")
            continue
        except UNREADABLE as error:
            notices.problems.append(
                f"{table_name} must be a table in UTF-8 text. '{path}' cannot be read: {error}. "
                f"{_other_encoding(path, encoding)}"
            )
            continue
        if table.columns.empty:
            notices.problems.append(f"{table_name} must have a header and rows. '{path}' is empty.")
        elif table.empty:
            bare.append(path.name)
        twice = [name for name in labels if name in table]
        if twice:
            notices.problems.append(
                f"{table_name}: what a file's name says must not be in the file too. '{path.name}' "
                f"has {listed(twice)}. Take it out of `file_names`, or give the column another "
                f'name: columns={{"{twice[0]}_in_file": "{twice[0]}"}}.'
            )
        notes.update(done)
        tables.append(table.assign(**labels)[[*labels, *table]])
    if not tables or len(tables) < len(found):
        return None
    for note, number in notes.items():
        where = f" in {counted(number, 'file')}" if len(found) > 1 else ""
        notices.done.append(f"{table_name}: {note}{where}")
    if len(found) > 1:
        notices.log.append(f"read {counted(len(found), 'file')} of {table_name}")
        notices.done.extend(columns_lacking(tables))
        notices.done.extend(without_rows(bare))
    return pd.concat(tables, ignore_index=True)


def columns_lacking(tables: list[pd.DataFrame]) -> Iterator[str]:
    """Yield what is to be told of columns that some of several files do not have."""
    for column in dict.fromkeys(column for table in tables for column in table):
        lacking = sum(column not in table for table in tables)
        if lacking:
            yield f"{counted(lacking, 'file')} had no column '{column}': read as missing"


def without_rows(names: Sequence[str]) -> Iterator[str]:
    """Yield what is to be told of files that have a header alone, or nothing."""
    if names:
        yield f"{counted(len(names), 'file')} had no rows: {listed(names, 5)}"


# ---------------------------------------------------------------------------- which files


def _files(
    source: Sequence[str | Path], table_name: str, file_names: str | None, notices: Notices
) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield the files with what their names say."""
    paths = [Path(path) for path in source]
    folder = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
    if folder is not None:
        depth = "*/" * (file_names or "").count("/")
        paths = sorted((p for p in folder.glob(f"{depth}*") if _kind(p)), key=natural)
        if not paths:
            notices.problems.append(
                f"{table_name} must be a table or a folder of tables (.csv, .tsv, .txt, or .gz of "
                f"them). Found {listed(sorted(p.name for p in folder.iterdir()), 5)} in "
                f"'{folder}'. Give the folder that holds the files."
            )
    absent = [path for path in paths if not path.is_file()]
    foreign = [path for path in paths if path.is_file() and not _kind(path)]
    wanted = f"{table_name} must be an existing .csv or .tsv file (or .txt, or .gz of them). Found"
    if absent:
        notices.problems.append(f"{wanted} no file at {listed(absent, 3)}. Check the path.")
    if foreign:
        notices.problems.append(
            f"{wanted} a file of another kind, {listed(foreign, 3)}. Save it as one of these, or "
            "read it yourself and give the DataFrame."
        )
    if absent or foreign:
        return
    again = [path.name for path, number in Counter(paths).items() for _ in range(number - 1)]
    if again:
        notices.done.append(
            f"{table_name}: read {counted(len(again), 'file')} once that the list names again: "
            f"{listed(again, 3)}"
        )
        paths = list(dict.fromkeys(paths))
    if file_names is None or (len(source) == 1 and folder is None):
        yield from ((path, {}) for path in paths)
        return
    said = {path: _labels(file_names, path) for path in paths}
    other = [path.name for path, labels in said.items() if labels is None]
    if other and (folder is None or len(other) == len(said)):
        notices.problems.append(
            f"Files of {table_name} must be named like `file_names` {file_names!r}. Found "
            f"{listed(other, 3)}. Correct it: {{participant}} stands for the id, * for anything."
        )
        return
    if other:
        notices.done.append(
            f"{table_name}: left out {counted(len(other), 'file')} not named like {file_names!r}: "
            f"{listed(other, 3)}"
        )
    yield from ((path, labels) for path, labels in said.items() if labels is not None)


def _labels(file_names: str, path: Path) -> dict[str, str] | None:
    """Return what the end of a path says by a pattern, or None where it is named otherwise."""
    parts = re.split(r"\{(\w+)\}", file_names)
    names, between = parts[1::2], parts[2:-1:2]
    if not names or len(set(names)) < len(names) or not all(between):
        raise ValueError(
            "`file_names` must hold names in braces, each once, for what differs between files, "
            f"and something between them; found {file_names!r}. Write for example "
            "'sub-{participant}_*.csv'."
        )
    literal = [re.escape(part).replace(r"\*", "[^/]*") for part in parts[::2]]
    labels = [f"(?P<{name}>[^/]+?)" for name in parts[1::2]]
    pattern = "".join(part for pair in zip(literal, [*labels, ""], strict=True) for part in pair)
    there = "/".join(path.parts[-1 - file_names.count("/") :])
    match = re.fullmatch(pattern, there)
    return match.groupdict() if match else None


def _kind(path: Path) -> str:
    """Return the ending that says how a file is read, or an empty text."""
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    return kind if kind in DELIMITERS and not path.name.startswith(".") else ""


def natural(label: object) -> list[tuple[int, int, str]]:
    """Return a key that sorts numbers within text by size: 2 before 10.

    Examples
    --------
    >>> sorted(["p10", "p2", "p1"], key=natural)
    ['p1', 'p2', 'p10']
    """
    parts = re.split(r"(\d+)", str(label))
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


# ----------------------------------------------------------------------------- their text


def text_table(
    path: Path, delimiter: str | None = None, encoding: str = "utf-8"
) -> tuple[pd.DataFrame, list[str]]:
    """Return a file's cells as text, with their lines as index, and what was left out.

    Parameters
    ----------
    path : Path
        The file, plain or gzipped.
    delimiter : str, optional
        What parts the cells. Unless given, that of the file's ending or another that the header
        has in its place; where that is no comma, numbers may have a decimal comma.
    encoding : str
        How its text is written; a byte order mark is skipped.

    Raises
    ------
    ValueError
        It is not such text, rows are longer or shorter than the header, or names repeat.
    """
    with opened(path) as file:
        content = file.read()
    text = content.decode(encoding).removeprefix("\ufeff")
    if "\0" in text:
        raise ValueError("it holds null characters")
    told = re.match(r'(?i)"?sep=(.)"?\r?\n', text)  # written for Excel
    usual = DELIMITERS.get(_kind(path), "")
    lines = text[told.end() if told else 0 :].lstrip("\r\n").splitlines()[:2]
    mark = told[1] if told else delimiter or _mark(lines, usual)
    rows = _rows(text[told.end() :] if told else text, mark, 1 if told else 0)
    if not rows:
        return pd.DataFrame(), []
    if delimiter:  # whoever gives one knows the format
        if len(rows[0][1]) == 1:
            _refuse_other_delimiter(rows[0][1][0], mark)
        return under_header(rows)
    table, notes = under_header(rows)
    if usual and mark != usual:
        notes.append(f"{PARTED} {MARKS.get(mark, repr(mark))} between columns")
    return (table, notes) if mark == "," else _with_decimal_points(table, notes)


def opened(path: Path) -> IO[bytes]:
    """Open a file, plain or gzipped, to read its bytes."""
    return (
        cast(IO[bytes], gzip.open(path)) if path.name.lower().endswith(".gz") else path.open("rb")
    )


def _mark(lines: Sequence[str], usual: str) -> str:
    """What parts the cells of a header and of the first row: as often in both, and most often."""
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines] or [""]
    header = bare[0].strip()
    marks = [mark for mark in MARKS if mark in header and mark != " "]
    marks = marks or ([" "] if " " in header and not usual else [])
    counts = {mark: [line.count(mark) for line in bare] for mark in marks}
    even = [mark for mark in marks if len(set(counts[mark])) == 1] or marks
    most = max((counts[mark][0] for mark in even), default=0)
    best = [mark for mark in even if counts[mark][0] == most]
    return usual if usual in best or not best else best[0]


def _with_decimal_points(table: pd.DataFrame, notes: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Write numbers of columns that have decimal commas, and no other numbers, with points.

    Where every comma may as well part thousands (``1,234``), a column stays as it is written.
    """
    found = []
    for name in table:
        cells = table[name].astype(str)
        numbers = cells[cells.str.contains(r"\d")]
        commas = numbers[numbers.str.contains(",")]
        if numbers.str.fullmatch(DECIMAL_COMMA).all() and not commas.str.fullmatch(THOUSANDS).all():
            table = table.assign(**{str(name): cells.str.replace(",", ".")})
            found.append(name)
    if found:
        columns = counted(len(found), "column")
        notes = [*notes, f"read decimal commas of {columns} as points: {listed(found, 5)}"]
    return table, notes


def _rows(text: str, delimiter: str, skipped: int) -> list[tuple[int, list[str]]]:
    """Return cells with the lines they end in, without empty lines at all.

    Cells that `spreadsheet_cell` made inert are the labels that they were.
    """
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        lines = io.StringIO(text, newline="")
        blanks = delimiter == " "
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=blanks)
        return [
            (reader.line_num + skipped, [label_in_cell(cell) for cell in cells])
            for cells in reader
            if cells
        ]
    finally:
        csv.field_size_limit(limit)


def _refuse_other_delimiter(first: str, mark: str) -> None:
    """Refuse a file whose columns were not told apart."""
    other = next((m for m in MARKS if m in first and m not in (mark, " ")), None)
    if other is not None:
        raise Misread(
            f"columns must be separated by {MARKS[mark]}. Found one column, {first!r}, which looks "
            f"separated by {MARKS[other]}. Save it with {MARKS[mark]}."
        )


def _other_encoding(path: Path, encoding: str) -> str:
    """Advise an encoding that the file's first bytes speak for, if another than it was read by."""
    repair = "Repair the file, or read it yourself and give the DataFrame."
    try:
        with opened(path) as file:
            start = file.read(4096)
    except UNREADABLE:
        return repair
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        likely = "utf-16"
    elif b"\0" in start:
        wide = [name for name in ("utf-16-le", "utf-16-be") if _is_table(start, name)]
        if not wide:
            return repair
        likely = wide[0]
    else:
        likely = "cp1252"
    try:
        start[: len(start) // 2 * 2].decode(likely)
    except UnicodeDecodeError:
        likely = "latin-1"
    if likely == encoding or not _is_text(start, encoding):
        return f'Name its encoding (it is read as {encoding}): encoding="{likely}".'
    return repair


def _is_table(start: bytes, encoding: str) -> bool:
    """Whether the bytes, so read, hold lines with something between their cells."""
    text = start.decode(encoding, errors="replace")
    return "\0" not in text and "\n" in text and any(mark in text for mark in MARKS)


def _is_text(start: bytes, encoding: str) -> bool:
    try:
        return "\0" not in start.decode(encoding, errors="strict")
    except UnicodeDecodeError as error:
        return error.start > len(start) - 4  # cut within a letter
    except LookupError:
        return False
