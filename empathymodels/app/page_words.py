"""What the package says, in the words of the page: its fields in place of Python's arguments."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CODE = r"(?:'[^']*'|\"[^\"]*\"|[\w.+-]+)"  # as it is written in Python
# what messages advise in Python, and what does the same here; in order
FIELDS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (
        rf"codes=\{{'(\w+)': \{{(?:\.\.\., )?({CODE}): \.\.\.\}}\}}",
        lambda found: (
            f"under 'What other codes mean' of '{found[1]}', as {_bare(found[2])}=MEANING"
        ),
    ),
    (
        rf"missing=\{{['\"](\w+)['\"]: \[({CODE}(?:, {CODE})*)\]\}}",
        lambda found: f"write {_bare(found[2])} under 'Codes of missing values' of '{found[1]}'",
    ),
    (r"; or keep such values as they are with others=\"keep\"", ""),
    (r"Name yours: columns=\{\"\w+\": \"\.\.\.\"\}", "Choose yours below"),
    (r"Study\(\.\.\., columns=\{\.\.\.\}\)", "choose its column"),
    (r"encoding=\"([\w-]+)\"", r"\1, under 'Letters are written in'"),
    (r"`file_names`", "'What the names of the files say'"),
    (r"`keep`", "'Rows to keep'"),
    (r"`folder`", "The folder"),
    (r" \(tune=, draws=\)", " (more 'Draws per chain' in the plan)"),
    (r"Raise target_accept \((0\.\d+)\)", r"Raise target_accept to \1 in the Python script"),
    (r"with centring=", "with centring= there"),
    (r" \(em\.check\)", ""),
    (r"Plot it \(plot_statistics, plot_predictions\)", "Look at its picture"),
)


def in_page_words(text: str) -> str:
    """Return a message with the fields of the page in place of arguments.

    Examples
    --------
    >>> in_page_words("Say what every code stands for, codes={'work': {'ja': ...}}.")
    "Say what every code stands for, under 'What other codes mean' of 'work', as ja=MEANING."
    >>> in_page_words("If '99', '98' mean none, missing={'work': ['99', '98']}.")
    "If '99', '98' mean none, write 99, 98 under 'Codes of missing values' of 'work'."
    >>> in_page_words("Sample longer (tune=, draws=).")
    "Sample longer (more 'Draws per chain' in the plan)."
    """
    for argument, field in FIELDS:
        text = re.sub(argument, field, text)
    return text


def _bare(codes: str) -> str:
    """Return codes of a list in Python as one writes them in a field."""
    found = re.findall(CODE, codes)
    return ", ".join(code[1:-1] if code[0] in "'\"" else code for code in found)


def own_names(files: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what the files of tables, by table, were given as, by our names; folders are tables.

    Examples
    --------
    >>> own_names({"trials": {"file": "trials_0f.csv", "own": "my data.csv"}})
    {'trials_0f.csv': 'my data.csv'}
    >>> own_names({"trials": {"file": "trials_0f", "own": "2 files", "names": ["a.csv", "b.csv"]}})
    {'trials_0f': 'trials'}
    """
    own = {}
    for table, about in files.items():
        if "names" in about:
            own[about["file"]] = table
        elif Path(about["file"]).suffix:  # and no data set, whose files keep their names
            own[about["file"]] = about["own"]
    return own


def with_own_names(text: str, folder: Path, own: Mapping[str, str]) -> str:
    """Return a message with files of a folder by the names that they were given by.

    Parameters
    ----------
    text : str
        The message.
    folder : Path
        Where the files are.
    own : mapping of str to str
        By our names of files, what those who gave them call them; others keep theirs.
    """
    for file, name in own.items():
        text = text.replace(str(folder / file), name)
    return text.replace(f"{folder}{os.sep}", "")


def problems_of(text: str) -> tuple[str, list[str]]:
    r"""Return how a message begins, and the problems that it lists, if it does.

    Examples
    --------
    >>> problems_of("It cannot be used:\n  1. No header.\n  2. No rows.")
    ('It cannot be used:', ['No header.', 'No rows.'])
    """
    opening, *listed = re.split(r"\n  \d+\. ", text)
    return opening, listed
