"""Words for messages: lists, suggestions, counts, and all problems at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches


def listed(names: Iterable[object], limit: int = 12) -> str:
    """Return names quoted and joined by commas, cut after `limit` with the number left out."""
    quoted = [f"'{name}'" for name in names]
    if not quoted:
        return "none"
    shown = ", ".join(quoted[:limit])
    return shown if len(quoted) <= limit else f"{shown} and {len(quoted) - limit} more"


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


def tell_all(opening: str, problems: list[str]) -> None:
    """Raise one ValueError that lists every problem; nothing without problems."""
    if problems:
        bullets = [f"  {number}. {text}" for number, text in enumerate(problems, start=1)]
        raise ValueError("\n".join([opening, *bullets]))


@dataclass(frozen=True)
class Told:
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
