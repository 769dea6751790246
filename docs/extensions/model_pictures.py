"""A picture of a model's bundled study: what its people answered, by what explains it best."""

from __future__ import annotations

import io
from collections.abc import Iterator
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from empathymodels.declaration.dependencies import Needs
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Response
from empathymodels.declaration.record import all_needs
from empathymodels.plots.style import COLOURS, SMALL, label_axes, panels
from empathymodels.study.study import Study

MOST_PANELS, MOST_LEVELS, BINS, FEWEST = 4, 6, 6, 3
SHARED = ["participant", "session", "block", "trial"]


def picture(model: Model, study: Study) -> bytes:
    """Return the means of a study's responses as a PNG."""
    needs = all_needs(model)
    shown = []
    for response in model.responses:
        rows = rows_of(response, study)
        if rows is not None:
            x = ranked(rows, [n for n in candidates(model, needs[response.name]) if n in rows])
            if x and is_of_options(response, needs[response.name]):
                shown.append((response, by_option(rows), [x[0], "option"]))
            elif x:
                shown.append((response, rows, x))
    figure, axes = panels(min(len(shown), MOST_PANELS), columns=2, width=3.6, height=2.7)
    for panel, (response, rows, names) in zip(axes, shown, strict=False):
        draw(panel, model, response, rows, names)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=130, metadata={"Software": None})
    return buffer.getvalue()


def candidates(model: Model, needs: Needs) -> list[str]:
    """Name what is known of a row when its answer is given: columns, people's traits, trials."""
    answers = {r.values.name for r in model.responses if r.table == "trials"}
    of_people = {c.name for c in model.columns if c.table == "participants"}
    by = {p.by for p in model.parameters if p.by and p.name in needs.parameters}
    names = {*needs.row_data, *(of_people & needs.all_data), *by}
    return [*sorted(names - answers - {"se"}), *(["trial"] if model.states else [])]


def rows_of(response: Response, study: Study) -> pd.DataFrame | None:
    """Return the rows in which a response was observed, as `answer`, with all that goes with it."""
    table = study.tables.get(response.table)
    column = response.values.name
    if table is None or column not in table:
        return None
    rows = table.loc[table[column].notna()].copy()
    if response.region is not None:
        rows = rows[rows["region"] == response.region]
    for other in ("trials", "participants"):
        more = study.tables.get(other)
        if other != response.table and more is not None and response.table != "participants":
            keys = [k for k in SHARED if k in rows and k in more]
            new = [c for c in more if c not in rows]
            if not more.duplicated(keys).any():
                rows = rows.merge(more[[*keys, *new]], on=keys, how="left")
    if "trial" not in rows:
        rows["trial"] = 1
    return rows.assign(answer=rows[column].astype(float)) if len(rows) else None


def is_of_options(response: Response, needs: Needs) -> bool:
    """Whether answers are some of a few options that have no order, so that means say nothing."""
    return needs.distribution == "SoftmaxChoice" and 2 < len(response.levels or ()) <= 4


def by_option(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows for the share of every option."""
    options = sorted(rows["answer"].unique())
    parts = [rows.assign(answer=1.0 * (rows["answer"] == o), option=o) for o in options]
    return pd.concat(parts, ignore_index=True)


def ranked(rows: pd.DataFrame, names: list[str]) -> list[str]:
    """Return the columns by which the answers differ most, first the one that explains most."""
    total = rows["answer"].var()
    explained = {}
    for name in dict.fromkeys(names):
        groups = rows.groupby(binned(rows[name]), observed=True)["answer"]
        if groups.ngroups > 1 and total > 0:
            means = groups.transform("mean")
            explained[name] = means.var() / total - groups.ngroups / len(rows)
    return sorted(explained, key=lambda name: -explained[name])


def binned(column: pd.Series) -> pd.Series:
    """Return a column's levels, or, where it has many numbers, the means of equally full bins."""
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() <= MOST_LEVELS:
        return column
    cut = pd.qcut(column, BINS, duplicates="drop")
    return column.groupby(cut, observed=True).transform("mean")


def draw(
    panel: Axes, model: Model, response: Response, rows: pd.DataFrame, names: list[str]
) -> None:
    """Draw means over people, with two standard errors, by one column or two."""
    x = names[0]
    by = next((n for n in names[1:] if 1 < rows[n].nunique() <= 4 and n != "trial"), None)
    place = binned(rows[x])
    is_number = pd.api.types.is_numeric_dtype(place)
    levels = sorted(place.dropna().unique())
    positions = {level: level if is_number else k for k, level in enumerate(levels)}
    groups = [(None, rows)] if by is None else list(rows.groupby(by, observed=True))
    shift = 0 if is_number else 0.08
    for k, (label, part) in enumerate(groups):
        at, mean, error = np.array([*means(part, place.loc[part.index], positions)]).T
        panel.errorbar(
            at + shift * (k - (len(groups) - 1) / 2),
            mean,
            2 * error,
            fmt="o-" if is_number else "o",
            color=COLOURS[k],
            markersize=4,
            linewidth=1.2,
            elinewidth=0.9,
            label=None if label is None else f"{by}: {level_text(label)}",
        )
    if is_number and rows[x].nunique() <= MOST_LEVELS and evenly(levels):
        panel.set_xticks(levels, [level_text(level) for level in levels])
        panel.margins(x=0.15)
    if not is_number:
        panel.set_xticks(range(len(levels)), [str(level) for level in levels], fontsize=SMALL)
        panel.set_xlim(-0.5, len(levels) - 0.5)
    what = "share of" if by == "option" else "mean"
    label_axes(panel, x=x.replace("_", " "), y=f"{what} {response.name}".replace("_", " "))
    panel.set_title(fill(response.meaning, 44), fontsize=SMALL, loc="left")
    if by is not None:
        panel.margins(y=0.2)
        panel.legend(loc="best", fontsize=SMALL - 1, frameon=False)


def means(
    part: pd.DataFrame, place: pd.Series, positions: dict
) -> Iterator[tuple[float, float, float]]:
    """Return place, mean over people, and its standard error, where enough people are."""
    person = part.groupby([place.rename("place"), part["participant"]], observed=True)["answer"]
    for level, values in person.mean().groupby("place", observed=True):
        if len(values) >= FEWEST:
            yield positions[level], values.mean(), values.std() / np.sqrt(len(values))


def evenly(levels: list[float]) -> bool:
    """Whether ticks at all levels leave room for their numbers."""
    return np.ptp(levels) < 12 * np.diff(levels).min()


def level_text(level: object) -> str:
    """Return a level as it is to be read."""
    return f"{level:g}" if isinstance(level, int | float | np.number) else str(level)
