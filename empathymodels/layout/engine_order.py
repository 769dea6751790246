"""Engine order: trials outermost, sequences side by side, nothing padded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """How rows of a table become sequences of trials.

    Attributes
    ----------
    order : ndarray (row,) of int
        Row of the table at each place in engine order.
    sequence : ndarray (row,) of int
        Sequence (longest first) at each place in engine order.
    offsets : ndarray (trial + 1,) of int
        First place of every trial; the last entry is the number of rows.
    first_rows : ndarray (sequence,) of int
        A table row of every sequence, to look up its participant and labels.
    """

    order: np.ndarray
    sequence: np.ndarray
    offsets: np.ndarray
    first_rows: np.ndarray


def lay_out(sequence_codes: np.ndarray) -> Layout:
    """Arrange rows, given the sequence of each row and rows in time order within sequences.

    Examples
    --------
    >>> lay_out(np.array([0, 0, 1, 1, 1])).order
    array([2, 0, 3, 1, 4])
    """
    _, codes, lengths = np.unique(sequence_codes, return_inverse=True, return_counts=True)
    rank = np.empty(len(lengths), dtype=np.int64)
    rank[np.argsort(-lengths, kind="stable")] = np.arange(len(lengths))
    sequence = rank[codes]
    by_sequence = np.argsort(sequence, kind="stable")
    sorted_lengths = np.sort(lengths)[::-1]
    starts = np.concatenate([[0], np.cumsum(sorted_lengths)])
    trial = np.empty(len(codes), dtype=np.int64)
    trial[by_sequence] = np.arange(len(codes)) - np.repeat(starts[:-1], sorted_lengths)
    order = np.lexsort((sequence, trial))
    counts = np.bincount(trial, minlength=1)  # also without rows there is a first trial
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Layout(order, sequence[order], offsets, by_sequence[starts[:-1]])
