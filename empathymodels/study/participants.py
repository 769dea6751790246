"""How participants are named: by the text of their ids, however somebody gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from empathymodels.messages import did_you_mean, listed

PREFIX = "sub-"  # of a participant in BIDS
WHOLE = re.compile(r"(?<=\d)\.0+$")  # what a column of decimals adds to a whole number


def participant_label(given: Any) -> str:
    """Return an id as studies hold it: as text, whole numbers without a decimal point.

    Examples
    --------
    >>> [participant_label(given) for given in (7, 7.0, "007", " sub-7 ")]
    ['7', '7', '007', 'sub-7']
    """
    if isinstance(given, Real) and not isinstance(given, Integral) and float(given).is_integer():
        return f"{float(given):.0f}"
    return str(given).strip()


def matched_participants(given: Iterable[Any], known: Iterable[Any]) -> list[Any]:
    """Return for each id the participant that it names, and None where it names nobody.

    An id may be a number or text, with or without BIDS's ``sub-``, and whole numbers with the
    ``.0`` that a column of decimals gave them, where nobody is called exactly that. Leading
    zeros tell people apart.

    Examples
    --------
    >>> matched_participants([7, "sub-08", 9, "6"], ["7", "08", "sub-9", "6.0"])
    ['7', '08', 'sub-9', '6.0']
    >>> matched_participants(["07"], ["7"])
    [None]
    """
    exact = {participant_label(entry): entry for entry in known}
    by_label = {WHOLE.sub("", label): entry for label, entry in exact.items()} | exact

    def match(label: str) -> Any:
        bare = WHOLE.sub("", label)
        written = (label, bare, bare.removeprefix(PREFIX), PREFIX + bare)
        return next((by_label[text] for text in written if text in by_label), None)

    return [match(participant_label(one)) for one in given]


def named_participants(
    given: Iterable[Any] | float, known: Iterable[Any], *, argument: str = "participants="
) -> list[Any]:
    """Return the participants that ids name; KeyError tells those that name nobody.

    Examples
    --------
    >>> named_participants([1, 3], ["1", "2", "3"])
    ['1', '3']
    """
    given = [given] if isinstance(given, str | float | Real) else list(given)
    known = list(known)
    found = matched_participants(given, known)
    unknown = [one for one, match in zip(given, found, strict=True) if match is None]
    if unknown:
        raise KeyError(
            f"{argument} must name people of the study; {listed(unknown, 5)} "
            f"({len(unknown)} of {len(given)}) are not. It has {listed(known)}. Name some of these."
            + did_you_mean(participant_label(unknown[0]), known)
        )
    return found
