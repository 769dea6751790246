"""Names of several files: which may be kept as paths, and what they may say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from empathymodels.messages import counted, listed

DEEPEST = 6  # folders within each other
PLAIN = re.compile(r"\w[\w .,()+=-]{0,119}(?<![ .])")  # a part of a name that may be kept
DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # which Windows takes for others
ENTITIES = {"sub": "participant", "ses": "session", "run": "block"}  # of names as BIDS has them
DIGITS = "0123456789"


def plain_names(names: Sequence[str], what: str) -> list[str]:
    """Return the names of files as they may be kept.

    Raises
    ------
    ValueError
        A name has signs that a path may not have here, or two differ in capitals alone.
    """
    strange = [name for name in names if not _is_plain(name)]
    if strange:
        raise ValueError(
            "Names of several files, and of their folders, must be of letters, digits, blanks and "
            f". _ - + = , ( ), at most {DEEPEST} folders deep; found {listed(strange, 3)} "
            f"({len(strange):,} of {counted(len(names), 'file')} of {what}). Rename them."
        )
    times = Counter(name.casefold() for name in names)
    twice = [name for name, number in times.items() if number > 1]
    if twice:
        raise ValueError(
            f"Files of {what} must have names of their own, whatever their capitals; found "
            f"{listed(twice, 3)} several times. Rename them, or choose each once."
        )
    return list(names)


def _is_plain(name: str) -> bool:
    parts = name.split("/")
    is_plain = all(PLAIN.fullmatch(part) and not DEVICES.fullmatch(part) for part in parts)
    return is_plain and len(parts) <= DEEPEST


def pattern_of(names: Sequence[str]) -> str:
    """Return what names of files say, as far as it can be guessed; empty where nothing differs.

    Examples
    --------
    >>> pattern_of(["sub-01_run-1_x.csv", "sub-01_run-2_x.csv", "sub-02_run-1_x.csv"])
    'sub-{participant}_run-{block}_x.csv'
    >>> pattern_of(["VP07 effort.csv", "VP12 effort.csv"])
    'VP{participant} effort.csv'
    """
    if len(names) < 2:
        return ""
    if all(re.search(r"(^|[/_])sub-[^/_]+[/_.]", name) for name in names):
        return _pattern_of_entities(names)
    start = _beginning(names).rstrip(DIGITS)
    rests = [name[len(start) :] for name in names]
    end = _beginning([rest[::-1] for rest in rests])[::-1].lstrip(DIGITS)
    labels = [rest.removesuffix(end) for rest in rests]
    return f"{start}{{participant}}{end}" if all(labels) and "/" not in "".join(labels) else ""


def _beginning(names: Sequence[str]) -> str:
    """Return what all names begin with."""
    first, last = min(names), max(names)
    same = [one == other for one, other in zip(first, last, strict=False)]
    return first[: [*same, False].index(False)]


def _pattern_of_entities(names: Sequence[str]) -> str:
    """Return the pattern of names like ``sub-01/sub-01_run-2_x.csv``, what else differs as *."""
    cut = [re.split(r"([/_.])", name) for name in names]
    if len({len(parts) for parts in cut}) > 1:
        return ""
    pattern, told = [], set[str]()
    for same in zip(*cut, strict=True):
        key, _, label = same[0].partition("-")
        ours = ENTITIES.get(key, "") if label and all(p.startswith(f"{key}-") for p in same) else ""
        if ours and ours not in told:
            told.add(ours)
            pattern.append(f"{key}-{{{ours}}}")
        else:
            pattern.append(same[0] if len(set(same)) == 1 else f"{key}-*" if ours else "*")
    return "".join(pattern)
