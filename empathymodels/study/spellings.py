"""Labels that may be one thing in several spellings, and ids that are no people's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from empathymodels.messages import Notices, counted, listed
from empathymodels.study.column_types import as_labels
from empathymodels.study.recoding import folded

MOST_HEADERS = 3  # rows that a header may go on for
LEADING_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")
HEADER_WORDS = re.compile(  # letters of what a header calls the column of ids
    "(participant|subject|subj|sub|vpn?|proband|respondent|response|record|person|user|worker|"
    "prolificp?)(id|nr|no|number|code|name)?|p(id|nr|no|number|code)|id(nr|no|number|code)?"
)
SUMMARY_WORDS = "mean|average|median|total|grandtotal|overall|standarddeviation|stddev"


def blanks_apart(written: pd.Series, labels: pd.Series, name: str) -> Iterator[str]:
    """Yield a doubt of labels that a column has both with blanks around them and without."""
    ways = as_labels(written).groupby(labels).unique()
    apart = [str(way) for ws in ways if len(ws) > 1 for way in ws if way != str(way).strip()]
    if apart:
        yield (
            f"Labels of {name} should be written in one way. {len(apart):,} occur there with "
            f"blanks and without, {listed(apart, 3)}, and are taken for the same. If they are not, "
            "rename them before reading."
        )


def nearly_alike(key: str, columns: list[pd.Series]) -> Iterator[str]:
    """Yield a doubt of labels that differ by case, hyphens or leading zeros alone."""
    labels = {str(label): None for column in columns for label in column.dropna().unique()}
    ways: dict[str, list[str]] = {}
    for label in labels:
        ways.setdefault(LEADING_ZEROS.sub("", folded(label)), []).append(label)
    near = [listed(map(_shown, same)) for same in ways.values() if len(same) > 1]
    if near:
        yield (
            f"Labels of '{key}' should be written in one way. Found {len(near):,} that occur in "
            f"several, which differ by case, hyphens, leading zeros or unseen marks alone: "
            f"{'; '.join(near[:3])}. They are taken for different ones. If they are not, rename "
            "them before reading."
        )


def _shown(label: str) -> str:
    """A label, with letters written out of which others may look alike."""
    return label if label.isascii() else f"{label} ({ascii(label)[1:-1]})"


def join_spellings(tables: Mapping[str, pd.DataFrame], told: Notices) -> None:
    """Give people one id where tables write it with .0 or ``sub-`` and without."""
    written = {name: table["participant"].dropna().unique() for name, table in tables.items()}
    spellings: dict[str, set[str]] = {}
    for ids in written.values():
        for label in ids:
            spellings.setdefault(_bare(label), set()).add(label)
    joined = {label: bare for bare, ways in spellings.items() if len(ways) > 1 for label in ways}
    for table_name, table in tables.items():
        here = [label for label in written[table_name] if joined.get(label, label) != label]
        if not here:
            continue
        table["participant"] = table["participant"].map(lambda label: joined.get(label, label))
        shown = ", ".join(f"{label!r} as {joined[label]!r}" for label in here[:3])
        line = f"read {counted(len(here), 'id')} of {table_name} as others are written: {shown}"
        twice = [label for label in here if joined[label] in written[table_name]]
        told.done.append(line)
        if twice:
            told.doubts.append(
                f"Ids of {table_name} should be written in one way. {len(twice):,} occur there in "
                f"two, {listed(twice, 3)} beside {listed((joined[t] for t in twice), 3)}, and are "
                "taken for the same people. If they are not, rename them before reading."
            )


def _bare(label: str) -> str:
    return re.sub(r"^(-?\d+)\.0+$", r"\1", label.removeprefix("sub-"))


def header_like(table: pd.DataFrame, table_name: str, own: str) -> Iterator[str]:
    """Yield a problem where ids are what a further header row would hold, or one of summaries."""
    ids = table["participant"]
    bare = ids.astype(str).str.lower().str.replace(r"[\W_]", "", regex=True)
    heads = bare.str.fullmatch(HEADER_WORDS.pattern)
    # such words may be initials of people: those of a header are on top, and not again below
    heads &= (np.arange(len(ids)) < MOST_HEADERS) & ~ids.duplicated(keep=False)
    heads |= bare == re.sub(r"[\W_]", "", own.lower())
    sums = bare.str.fullmatch(SUMMARY_WORDS) & ~ids.duplicated(keep=False)
    found = ids.notna() & (heads | sums | ids.astype(str).str.contains("ImportId"))
    if found.any():
        at = np.flatnonzero(found)
        yield (
            f"Ids must be those of people. Found {listed(ids[found].unique(), 3)} in "
            f"{counted(len(at), 'row')} of {table_name}, first in row "
            f"{', '.join(map(str, at[:3]))} (from 0): a further header row, or one of "
            "summaries? Drop it, or give a person who is called so another id."
        )


def same_but_written_otherwise(unknown: Iterable[str], known: Iterable[str]) -> str:
    """Point to ids that differ by leading zeros, capitals or blanks alone."""
    bare = {_bare(str(label)).lower().lstrip("0"): str(label) for label in known}
    pairs = [(str(u), bare.get(_bare(str(u)).lower().lstrip("0"))) for u in unknown]
    alike = [f"{there!r} for {here!r}" for here, there in pairs if there is not None]
    if not alike:
        return ""
    return f" There participants has {', '.join(alike[:5])}: write them alike."
