"""A study: up to three tidy tables with unique keys, read once and never changed.

``trials`` has one row per participant, [session], [block] and trial; ``participants`` one row
per person; ``regions`` one row per participant, region and whatever else tells its betas
apart. Keys in brackets are optional. Tables join on every key they share.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.messages import counted, did_you_mean, listed, printable
from empathymodels.study.bids.read import read_bids
from empathymodels.study.keys import KEYS
from empathymodels.study.recoding import Codes, Marks
from empathymodels.study.row_filters import ALLOWED, rows_that_match
from empathymodels.study.table_files import PARTED
from empathymodels.study.tables import RENAMED, Columns, Source, read_study
from empathymodels.terminal import tell

TELLS_OF_FORM = re.compile(rf"{RENAMED} |\w+: {PARTED} |read [\d,]+ files? of ")


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Study:
    """Tables of one study, checked and with keys that join.

    Parameters
    ----------
    trials, participants, regions : DataFrame, path or list of paths, optional
        Tables, or files that hold them: .csv, .tsv or .txt (also .gz), a list of such files, or
        a folder of them. Nothing given is changed. Files are read as text first; a column of
        numbers becomes numbers unless that would lose what is written (007, or 1.1 and 1.10).
        Without `participants`, the people are those of the other tables, in order of
        first appearance. An id may be written with or without ``sub-``.
    name, citation, notes : str
        What the study is called, where it was published, what to know before using it.
    columns : mapping of str to str, optional
        The study's own column name for each of ours: ``{"choice": "resp"}``. Names of one table
        alone stand under the table's name: ``{"participants": {"participant": "ID"}}``.
    missing : mapping of str to list, optional
        Codes that stand for a missing value: ``{"choice": [2]}``.
    codes : mapping of str to mapping, optional
        What other codes stand for: ``{"recipient": {1: "self", 2: "other"}}``. Here and in
        `missing`, a code meets a value however either is written (2, 2.0, ``"2"``; True,
        ``"TRUE"``, 1), and one that meets none is an error.
    others : {"refuse", "keep"}
        Whether a value that `codes` does not name is an error, or stays as it is.
    file_names : str, optional
        What the names of several files say, in braces, with ``*`` for anything:
        ``"sub-{participant}_run-{block}_*.csv"``. A ``/`` reaches into folders.
    encoding : str
        Encoding of the files, such as ``"utf-16"`` or ``"cp1252"``.
    log : tuple of str
        What has been done to the tables.
    simulated : bool
        Whether a model drew the responses. Their values are then not held to the declared
        ranges, which a normal distribution may leave.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": [1, 1, 2], "trial": [1, 2, 1], "resp": [0, 9, 1]})
    >>> study = Study(
    ...     trials=table,
    ...     name="helping",
    ...     columns={"participant": "subject", "choice": "resp"},
    ...     missing={"choice": [9]},
    ... )
    >>> study
    <Study helping: 2 participants, 3 trials>
    >>> study.trials["choice"].tolist()
    [0.0, nan, 1.0]
    """

    trials: pd.DataFrame | None
    participants: pd.DataFrame
    regions: pd.DataFrame | None
    name: str
    citation: str
    notes: str
    log: tuple[str, ...]
    simulated: bool

    @checked_arguments
    def __init__(
        self,
        *,
        trials: Source | None = None,
        participants: Source | None = None,
        regions: Source | None = None,
        name: str = "study",
        citation: str = "",
        notes: str = "",
        columns: Columns | None = None,
        missing: Marks | None = None,
        codes: Codes | None = None,
        others: Literal["refuse", "keep"] = "refuse",
        file_names: str | None = None,
        encoding: str = "utf-8",
        log: tuple[str, ...] = (),
        simulated: bool = False,
    ) -> None:
        sources = {"trials": trials, "participants": participants, "regions": regions}
        tables, told = read_study(
            sources,
            name,
            columns={} if columns is None else dict(columns),
            missing={} if missing is None else dict(missing),
            codes={} if codes is None else dict(codes),
            others=others,
            file_names=file_names,
            encoding=encoding,
        )
        for line in told.done:
            tell(f"Study '{name}': {line}.")
        doubts = [doubt for doubt in told.doubts if doubt not in log]  # once of every study
        for doubt in doubts:
            warnings.warn(printable(doubt), stacklevel=3)
        done = (*log, *told.log, *told.done, *doubts)
        texts = {"name": name, "citation": citation, "notes": notes, "log": done}
        fields = {table: tables.get(table) for table in KEYS} | texts | {"simulated": simulated}
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    @classmethod
    @checked_arguments
    def from_bids(
        cls,
        folder: str | Path,
        *,
        task: str,
        keep: str | None = None,
        columns: Mapping[str, str] | None = None,
        missing: Marks | None = None,
        codes: Codes | None = None,
        others: Literal["refuse", "keep"] = "refuse",
        labels: str | Sequence[str] = (),
        sessions: str | Sequence[str | int] | None = None,
    ) -> Study:
        r"""Return the behaviour of one task of a BIDS data set.

        Trials are the rows of ``sub-*/[ses-*/]<kind>/*_task-<task>[_run-*]_events.tsv``, where the
        kind is func, beh, eeg, meg, ieeg or nirs; of a run without such a file, those of
        ``_beh.tsv``, or of the nearest events above it (for everybody, ``task-<task>_events.tsv``
        at the root). File names give the keys: `participant`
        is the label after ``sub-`` (text: ``"007"``), `session` that after ``ses-`` and `block`
        that after ``run-``, which are numbers where all are whole and text otherwise. Other parts
        of the names, such as ``acq-``, are columns too.

        `trial` is the row's place in its run, from 1, among the rows that are kept, by onset
        (in ``_beh.tsv``, as in the file); unless the files have a column `trial`, or `columns`
        names one. People are those of participants.tsv, where there is one; those without
        events stay, and events of others are an error unless `keep` leaves them out. Scores in
        phenotype/ are columns of participants (one for each session where there are several),
        and what sessions.tsv says of a session is a column of trials.

        Name and citation come from dataset_description.json, notes from the sidecars (by BIDS
        inheritance): one line for each column with its description, units and levels. The log
        tells what was dropped, sorted, absent or empty.

        Parameters
        ----------
        folder : str or Path
            Folder that holds participants.tsv and ``sub-*``.
        task : str
            Label of the task, as after ``task-``.
        keep : str, optional
            Rows of events to keep, as a condition (see `exclude`) on the files' own columns and
            on `participant`, `session` and `block`: ``"event_type == 'Rate'"``.
        columns : mapping of str to str, optional
            The files' own column name for each of ours: ``{"choice": "response"}``. A key named
            here is not taken from file names; a column whose name is one of our keys, and is
            not meant so, gets another: ``{"trial_in_file": "trial"}``.
        missing : mapping of str to list, optional
            Codes that stand for a missing value beside ``n/a``, by our names.
        codes : mapping of str to mapping, optional
            What other codes stand for, by our names.
        others : {"refuse", "keep"}
            Whether a value that `codes` (or a sidecar, see `labels`) does not name is an error, or
            stays as it is.
        labels : str or sequence of str, optional
            Columns, by our names, for which "Levels" in the sidecar say what codes stand for.
        sessions : str or sequence of str or int, optional
            Labels of the sessions to read, in order of time; numbers always ascend. Otherwise
            all are read, and those with text labels are in order of acq_time in
            ``sub-*_sessions.tsv``, else of their labels, with a warning.

        Raises
        ------
        ValueError
            There is no such data set or task, or all that is wrong with its files.

        Examples
        --------
        >>> import tempfile
        >>> events = pd.DataFrame(
        ...     {
        ...         "onset": [0, 3, 8],
        ...         "type": ["picture", "rate", "rate"],
        ...         "rating": [None, 64, None],
        ...     }
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "sub-07" / "func" / "sub-07_task-pain_run-1_events.tsv"
        ...     file.parent.mkdir(parents=True)
        ...     events.to_csv(file, sep="\t", na_rep="n/a", index=False)
        ...     study = Study.from_bids(folder, task="pain", keep="type == 'rate'")
        >>> study.trials[["participant", "block", "trial", "rating"]]
          participant  block  trial  rating
        0          07      1      1    64.0
        1          07      1      2     NaN
        >>> study.log[1]
        "dropped 1 of 3 rows: kept type == 'rate'"
        """
        return read_bids(
            cls,
            folder,
            task=task,
            keep=keep,
            columns={} if columns is None else dict(columns),
            missing={} if missing is None else dict(missing),
            codes={} if codes is None else dict(codes),
            others=others,
            labels=labels,
            sessions=sessions,
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that the study has, by name."""
        every = {"trials": self.trials, "participants": self.participants, "regions": self.regions}
        return {name: table for name, table in every.items() if table is not None}

    @property
    def changes(self) -> tuple[str, ...]:
        """The log without what changes no data: how columns are called and files are written."""
        return tuple(line for line in self.log if not TELLS_OF_FORM.match(line))

    @property
    def digest(self) -> str:
        """Hash of the contents of all tables, and of whether they were simulated."""
        names = [(name, list(table)) for name, table in self.tables.items()]
        parts = [repr((names, self.simulated))]
        parts += [str(pd.util.hash_pandas_object(t).to_list()) for t in self.tables.values()]
        ordered = [t.select_dtypes("category") for t in self.tables.values()]
        parts += [repr(list(t[name].cat.categories)) for t in ordered for name in t]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    @checked_arguments
    def exclude(self, query: str, *, table: str = "trials", reason: str) -> Study:
        """Return the study without the rows of one table that match, and with a log entry.

        Excluded participants leave every table. People who lose their last row of `trials`
        stay in a participants table that knows more of them than their id.

        Parameters
        ----------
        query : str
            Rows to drop, as a condition on columns: ``"rt < 0.2 or missing(choice)"``,
            ``"participant in ['07', '12']"``. Comparisons, ``and``, ``or``, ``not``, ``in`` and
            arithmetic are understood; the text is parsed and no code in it is run. People may be
            named as everywhere (7, ``"sub-07"``); other labels are text, in quotation marks.
        table : {"trials", "participants", "regions"}
            Table the query is asked of.
        reason : str
            Why, for the log.

        Examples
        --------
        >>> table = pd.DataFrame({"participant": [1, 1], "trial": [1, 2], "rt": [0.1, 0.8]})
        >>> Study(trials=table).exclude("rt < 0.2", reason="anticipations").log
        ('excluded 1 of 2 rows of trials: anticipations',)
        """
        tables = self.tables
        if table not in tables:
            raise KeyError(
                f"exclude() needs a table of the study, of {listed(tables)}; found '{table}'. Name "
                f"one of these.{did_you_mean(table, tables)}"
            )
        rows = tables[table]
        try:
            dropped = rows.index[rows_that_match(query, rows)]
        except ValueError as error:
            raise ValueError(
                f"exclude() needs a condition on the columns of {table}. Found {query!r}: {error}. "
                f"It has {listed(rows)}. A condition may hold {ALLOWED}. Correct it; a variable's "
                'value is put in by an f-string: f"rt > {limit}".'
            ) from error
        if dropped.empty:
            warnings.warn(
                f"No row of {table} matches {query!r}: nothing is excluded. Labels are compared "
                "letter by letter.",
                stacklevel=3,
            )
        log = [f"excluded {len(dropped):,} of {counted(len(rows), 'row')} of {table}: {reason}"]
        people = rows.loc[dropped, "participant"]
        tables[table] = rows.drop(index=dropped)
        if table == "participants":
            for other in [name for name in tables if name != table]:
                gone = np.asarray(tables[other]["participant"].isin(people))
                tables[other] = tables[other].loc[~gone]
                log.append(f"with them went {counted(gone.sum(), 'row')} of {other}")
        elif list(self.participants) == ["participant"]:
            del tables["participants"]  # derived again from the rows that are left
        changed: dict[str, Any] = {name: tables.get(name) for name in KEYS}
        return replace(self, **changed, log=(*self.log, *log))

    def __repr__(self) -> str:
        """Name and sizes."""
        nouns = {"participants": "participant", "trials": "trial", "regions": "region row"}
        tables = self.tables
        sizes = [counted(len(tables[name]), noun) for name, noun in nouns.items() if name in tables]
        drawn = " (simulated)" if self.simulated else ""
        return printable(f"<Study {self.name}{drawn}: {', '.join(sizes)}>")

    def __str__(self) -> str:
        """Name, sizes, columns, citation and what was done."""
        lines = [repr(self).strip("<>")]
        lines += [f"  {name}: {', '.join(table)}" for name, table in self.tables.items()]
        lines += [f"  {text}" for text in (self.citation, *self.log) if text]
        return printable("\n".join(lines))
