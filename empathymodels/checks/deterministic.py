"""People whose responses follow from the data without any noise.

Their likelihood grows without end as a noise goes to 0 or a slope to infinity: a value at the end
of its range, which only the population and its priors hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from empathymodels.checks.attributes import attributes
from empathymodels.layout.arrangement import Arrangement, Scored

FORETOLD = 8  # values that must follow from the others: fewer may do so by chance
FEW = 4  # distinct values up to which a column is a kind of event
AT_AN_END = 0.9  # share of ratings at one end of their scale
NAMED = 5  # people who are told
KINDS = {  # of people whose responses have no noise, as rows name them
    "constant": "people whose '{}' is always the same",
    "end": "people whose '{}' is at an end of its scale",
    "function": "people whose '{}' follows from what happened",
    "separated": "people whose '{}' the attributes separate",
}


@dataclass(frozen=True)
class Follows:
    """A person whose responses follow from something.

    Attributes
    ----------
    participant : str
        Whose.
    response : str
        Which.
    kind : str
        ``"constant"``, ``"end"``, ``"function"`` or ``"separated"``.
    how : str
        In words, after "their 'feeling'".
    """

    participant: str
    response: str
    kind: str
    how: str


def deterministic_people(arrangement: Arrangement) -> list[Follows]:
    """Find people whose responses on trials have no noise, a finding per person and response."""
    found = []
    for name, scored in arrangement.scored.items():
        if scored.trial is None:
            continue
        functions = _functions(scored, _events(arrangement, scored))
        design = _design(arrangement, scored)
        rows = pd.Series(scored.participant).groupby(scored.participant).indices
        for person, own in rows.items():
            kind, how = _how(scored, own, functions.get(person, ""), design)
            if kind:
                found.append(Follows(arrangement.participants[person], name, kind, how))
    return found


def by_kind(people: Iterable[Follows]) -> dict[tuple[str, str], list[Follows]]:
    """Sort people by response and kind of finding."""
    found: dict[tuple[str, str], list[Follows]] = {}
    for person in people:
        found.setdefault((person.response, person.kind), []).append(person)
    return found


def named(people: list[Follows]) -> str:
    """Say of the first people how their responses follow."""
    who = "; ".join(f"{one.participant}: {one.how}" for one in people[:NAMED])
    return who + (f" and {len(people) - NAMED:,} more" if len(people) > NAMED else "")


def _how(scored: Scored, own: np.ndarray, function: str, design: np.ndarray) -> tuple[str, str]:
    """Kind and words of how one person's responses follow, or twice nothing."""
    values = scored.observed[own]
    if len(values) - 1 < FORETOLD:
        return "", ""
    if len(set(values)) == 1:
        return "constant", f"is always {values[0]:g}"
    if function:
        return "function", f"is always the same after the same {function}"
    is_choice = scored.response.levels is not None and len(scored.response.levels) == 2
    if is_choice and _is_separated(values, design[own]):
        return "separated", "is told apart by the attributes without any error"
    for end in () if is_choice else scored.response.range or ():
        at_end = int((values == end).sum())
        if at_end >= AT_AN_END * len(values):
            return "end", f"is {end:g}, an end of its scale, on {at_end} of {len(values)} trials"
    return "", ""


# -------------------------------------------------------------------------- what came before


def _events(arrangement: Arrangement, scored: Scored) -> pd.DataFrame:
    """What happened on the trial of every observation and before it, by words; of few kinds."""
    name, trials = scored.response.name, arrangement.trials
    read = arrangement.needs[name].all_data & set(trials)
    before = trials.groupby(arrangement.layout.sequence, sort=False).shift()
    now = {f"'{column}'": trials[column] for column in sorted(read - {name})}
    earlier = {
        f"previous '{column}'": before[column] for column in sorted(read | {name} & set(trials))
    }
    found = {words: values for words, values in (now | earlier).items() if values.nunique() <= FEW}
    return pd.DataFrame(found, index=trials.index).iloc[scored.trial].reset_index(drop=True)


def _candidates(events: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield events alone, then twos and threes of what was before: a choice and its outcomes."""
    yield from ((name,) for name in events)
    before = [name for name in events if name.startswith("previous")]
    yield from (names for number in (2, 3) for names in combinations(before, number))


def _functions(scored: Scored, events: pd.DataFrame) -> dict[int, str]:
    """After which events people's responses are always the same, and not after others, in words.

    All people at once: everybody's values after equal events have one smallest and largest.
    """
    found: dict[int, str] = {}
    for names in _candidates(events):
        known = events[list(names)].notna().all(axis=1).to_numpy()
        if not known.any():
            continue
        people = pd.Series(scored.participant[known], name="person")
        keys = [people, *(events[name][known].reset_index(drop=True) for name in names)]
        values = pd.Series(scored.observed[known]).groupby(keys, sort=False, observed=True)
        table = values.agg(["min", "max", "size"])
        table["is_alike"] = table["min"] == table["max"]
        person = table.groupby("person", sort=False).agg(
            least=("min", "min"),
            most=("max", "max"),
            rows=("size", "sum"),
            events=("size", "size"),
            is_alike=("is_alike", "all"),
        )
        foretold = person["rows"] - person["events"] >= FORETOLD
        follows = person["is_alike"] & (person["least"] < person["most"]) & foretold
        for one in person.index[follows]:
            found.setdefault(one, " and ".join(names))
    return found


# ------------------------------------------------------------------------ perfect separation


def _design(arrangement: Arrangement, scored: Scored) -> np.ndarray:
    """Numeric attributes of the trials of a response's observations, (observation, attribute)."""
    numeric, _ = attributes(arrangement)
    read = arrangement.needs[scored.response.name].all_data
    columns = [arrangement.trials[name] for name in numeric if name in read]
    if not columns:
        return np.empty((len(scored.observed), 0))
    return np.stack([c.to_numpy(dtype=float, na_value=np.nan) for c in columns], -1)[scored.trial]


def _is_separated(values: np.ndarray, design: np.ndarray) -> bool:
    """Whether a plane has all choices of one option on its one side and the others beyond.

    Albert & Anderson (1984), doi:10.1093/biomet/71.1.1; found by linear programming.
    """
    known = np.isfinite(design).all(axis=1)
    design, values = design[known], values[known]
    design = design[:, np.ptp(design, axis=0) > 0] if len(design) else design
    if design.shape[1] == 0 or len(values) - design.shape[1] - 1 < FORETOLD:
        return False
    scaled = (design - design.mean(axis=0)) / design.std(axis=0)
    side = np.where(values == values.max(), 1.0, -1.0)
    rows = -side[:, None] * np.column_stack([np.ones(len(side)), scaled])
    free = [(None, None)] * rows.shape[1]
    return linprog(np.zeros(rows.shape[1]), rows, -np.ones(len(rows)), bounds=free).status == 0
