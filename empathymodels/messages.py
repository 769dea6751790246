"""Words for messages: lists, suggestions, counts, and all problems at once.

Labels are the user's text and may hold anything. Whatever shows one makes it inert: `printable` for
terminals and messages, `drawable` for figures, `spreadsheet_cell` for files of tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

LONGEST = 200  # letters of a label that a message shows


def listed(names: Iterable[object], limit: int = 12) -> str:
    """Return names quoted and joined by commas, cut after `limit` with the number left out."""
    quoted = [f"'{printable(shortened(str(name), LONGEST), keep='')}'" for name in names]
    if not quoted:
        return "none"
    first = ", ".join(quoted[:limit])
    return first if len(quoted) <= limit else f"{first} and {len(quoted) - limit} more"


def shown(values: Iterable[object], limit: int = 5) -> str:
    """Return values as they are written in code, cut after `limit`.

    Examples
    --------
    >>> shown([0.1, "left"])
    "0.1, 'left'"
    """
    words = [f"{v:.10g}" if isinstance(v, int | float) else repr(v) for v in values]
    return ", ".join(words[:limit]) + (", ..." if len(words) > limit else "")


def shortened(text: str, limit: int = 60) -> str:
    """Return a text, cut after `limit` letters.

    Examples
    --------
    >>> shortened("a long answer in words", 10)
    'a long ...'
    """
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def did_you_mean(name: str, known: Iterable[object]) -> str:
    """Return " Did you mean ...?" for the nearest known name, or an empty text."""
    entries = {str(entry).lower(): str(entry) for entry in known}
    near = get_close_matches(str(name).lower(), entries, n=1)
    return f" Did you mean '{entries[near[0]]}'?" if near else ""


def sentence(text: str) -> str:
    """Begin a text with a capital, and leave the rest (AI, TPJ) as it is."""
    return text[:1].upper() + text[1:]


def counted(number: int, noun: str) -> str:
    """Return "1 trial", "2 trials"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def not_converged(fits: Mapping[str, str]) -> str:
    """Say which fits did not converge, given what each of them failed; nothing of none."""
    if not fits:
        return ""
    named = "; ".join(f"'{printable(name)}' ({why})" for name, why in fits.items())
    return f"; not converged: {named}. Sample them longer (em.check) before you rely on this"


# control characters, and marks that turn the direction of writing or end a line
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
JOINERS = "\u200c\u200d\u200e\u200f"  # which letters of some languages need between them
FORMULA = re.compile(r"'*[=+\-@\t\r\n]")  # what a spreadsheet runs, or such a cell made inert


def printable(text: str, keep: str = "\n\t") -> str:
    r"""Return a text in which control characters are written out, but for those to `keep`.

    Examples
    --------
    >>> print(printable("\x1b[31mred\x07"))
    \x1b[31mred\x07
    """

    def written(match: re.Match[str]) -> str:
        return match[0] if match[0] in keep else match[0].encode("unicode_escape").decode()

    return UNSEEN.sub(written, text)


def drawable(label: object) -> str:
    r"""Return a label as matplotlib draws it letter by letter: without equations in it.

    Examples
    --------
    >>> print(drawable("$x_{1}$\x07"))
    \$x_{1}\$\x07
    """
    return printable(str(label), keep="\n").replace("$", r"\$")


def spreadsheet_cell(label: str) -> str:
    """Return a label as a cell that no spreadsheet runs: with an apostrophe where it would.

    `label_in_cell` gives it back. Numbers stay as they are.

    Examples
    --------
    >>> [spreadsheet_cell(label) for label in ("=1+1", "'=1", "-1.5", "a=b")]
    ["'=1+1", "''=1", '-1.5', 'a=b']
    """
    text = printable(label)
    return f"'{text}" if FORMULA.match(text) and not _is_number(text) else text


def label_in_cell(text: str) -> str:
    """Return the label that `spreadsheet_cell` made a cell of.

    Examples
    --------
    >>> [label_in_cell(text) for text in ("'=1+1", "''=1", "-1.5", "'tis")]
    ['=1+1', "'=1", '-1.5', "'tis"]
    """
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def tell_all(opening: str, problems: list[str]) -> None:
    """Raise one ValueError that lists every problem; nothing without problems."""
    if problems:
        bullets = [f"  {number}. {text}" for number, text in enumerate(problems, start=1)]
        raise ValueError(printable("\n".join([opening, *bullets])))


@dataclass(frozen=True)
class Notices:
    """What is to be told of data, as it is found.

    Attributes
    ----------
    problems : list of str
        What is wrong: raised together.
    doubts : list of str
        What works but is unwise: warned of.
    done : list of str
        What was changed: logged, and shown once.
    log : list of str
        What else was done: logged.
    """

    problems: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


def duration(seconds: float) -> str:
    """Return a time in words, as short as it may be.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0.2, 1, 89, 200, 7300)]
    ['1 second', '1 second', '89 seconds', '3 minutes', '2.0 hours']
    """
    if seconds < 90:
        return counted(max(round(seconds), 1), "second")
    if seconds < 5400:
        return counted(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"


def words(name: str) -> str:
    """Return a name of the code as words: ``learning_rate`` as "learning rate"."""
    return name.replace("_", " ")
