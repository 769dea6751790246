"""report: one page of everything there is to say about fits."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from empathymodels.arguments import checked_arguments
from empathymodels.comparison.compare import compare
from empathymodels.declaration.text import equations_text
from empathymodels.files import Rule, lying, refuse_loss, whole
from empathymodels.inference.fits import checked_fits, method_of
from empathymodels.messages import JOINERS, listed, printable
from empathymodels.reporting.answer import answer
from empathymodels.reporting.cite import citations, reference_text
from empathymodels.reporting.figures import of_comparison
from empathymodels.reporting.fit_section import Fitted, fit_section, fitted, overview
from empathymodels.reporting.markup import reference
from empathymodels.reporting.methods import LOO, POWER_SCALING, RHAT, STACKING, methods
from empathymodels.reporting.study_section import study_section
from empathymodels.reporting.tables import of_frame

FOLDER = Path(__file__).parent
MARK = '<meta name="generator" content="empathymodels">'  # by which a report of ours is known
WITHIN = 1000  # bytes from its beginning
COLUMNS = ("elpd", "elpd_diff", "dse", "weight")  # of a comparison
SCORED = {  # by unit of a comparison
    "trial": "one more observation of the same people",
    "participant": "all observations of somebody new together",
    "future": "the next block of one of the same people, all its observations together",
}


@checked_arguments
def report(
    fits: xr.DataTree | Mapping[str, xr.DataTree],
    path: str | Path,
    *,
    question: str = "",
    comparison: pd.DataFrame | None = None,
    draws: int = 400,
    seed: int = 0,
) -> Path:
    """Write one self-contained HTML page about fits, for readers on paper and on a screen.

    It holds the question and the equations, the data with what is missing and what was excluded,
    priors, diagnostics, estimates of the population and of everybody (in tables that can be
    sorted), predictive checks, the comparison, sensitivity to the priors, settings and versions,
    the methods section that a paper needs, and what to cite. It loads nothing from a network, and
    whatever labels the data have, none of them can run in it.

    Parameters
    ----------
    fits : DataTree or mapping of str to DataTree
        A fit, or several by the names the report calls them: the one that matters most first.
    path : str or Path
        File to write, ending in ``.html``, in a folder that exists. An older report there is
        replaced, once the new one is complete.
    question : str
        What the analysis asks, in words, for the head of the page.
    comparison : DataFrame, optional
        Result of `compare`. Unless given, fits of the same observations are compared on all
        responses that they share.
    draws : int
        About how many posterior draws predictive checks use.
    seed : int
        Seed of the predicted data.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileExistsError
        What lies there is no report: a file or folder of another kind, a link, or read-only. It
        is left alone.
    FileNotFoundError
        The folder of the file does not exist.
    OSError
        The file cannot be written, on a full disk for example.
    TypeError
        Something that is no fit, or no comparison, was given.
    ValueError
        There is no fit, or the file does not end in ``.html``.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.report(
    ...     {"learning": fit, "static": static_fit},
    ...     "report.html",
    ...     question="Is empathy learned from help?",
    ... )  # doctest: +SKIP
    """
    path, given = Path(path), _named(fits)
    _check_place(path)
    _check_comparison(comparison)
    everything = [fitted(name, fit, draws=draws, seed=seed) for name, fit in given.items()]
    table, reading = _compared(given, comparison)
    references = _references(given, table)
    text = _page(
        names=[found.name for found in everything],
        question=question.strip(),
        answers=_answers(everything, question.strip(), reading),
        overview=overview(everything),
        is_approximate=any(found.method != "nuts" for found in everything),
        studies=_studies(everything),
        fits=_sections(everything, draws=draws, seed=seed),
        comparison=None if table is None else of_frame(table, "Best first"),
        compared=None if table is None else of_comparison(table),
        scored=None if table is None else SCORED[table.attrs.get("unit", "trial")],
        reading=reading,
        methods=methods(everything, table, references),
        references=[reference(entry) for entry in references],
    )
    with whole(path, what=f"A report of {len(text) / 1e6:.1f} MB", rule=REPORT) as [unfinished]:
        unfinished.write_text(printable(text, keep=f"\n\t{JOINERS}"), encoding="utf-8")
    return path


# ------------------------------------------------------------------------ before computing


def _named(fits: xr.DataTree | Mapping[str, xr.DataTree]) -> dict[str, xr.DataTree]:
    """Return fits by name; raise for whatever is none."""
    if isinstance(fits, xr.DataTree):
        fits = {str(fits.attrs.get("model") or "fit"): fits}
    given = checked_fits(fits)
    if not given:
        raise ValueError(
            "A report needs at least one fit; found none. Give what fit() returned, or load() "
            "from a file."
        )
    return given


def _check_place(path: Path) -> None:
    if path.suffix != ".html":
        raise ValueError(
            f"A report is one page that ends in .html; found '{path.name}'. Change the ending."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"A report is written to a folder that exists; found none at '{path.parent}' for 1 "
            "file. Make it, or choose another."
        )
    refuse_loss(path, REPORT)


def _unless_report(path: Path) -> str:
    """Say what lies at a path unless it is a report of ours."""
    if path.is_file():
        with path.open("rb") as file:
            if MARK.encode() in file.read(WITHIN):
                return ""
    return f"{lying(path)} that is no report"


REPORT = Rule(_unless_report)


def _check_comparison(comparison: object) -> None:
    if comparison is None:
        return
    names = list(comparison) if isinstance(comparison, pd.DataFrame) else []
    absent = [name for name in COLUMNS if name not in names]
    if absent:
        kind = type(comparison).__name__
        raise TypeError(
            f"comparison= takes the table that compare() returns; found {kind} "
            f"without {listed(absent)} ({len(absent)} of {len(COLUMNS)} columns). Give that table, "
            "or leave it out to have it made."
        )


# --------------------------------------------------------------------------------- parts


def _answers(everything: Sequence[Fitted], question: str, reading: str) -> list[dict[str, Any]]:
    """Return what each fit says in short; what compares them is told with the first."""
    return [
        answer(found, question if first else "", reading if first else "")
        for first, found in zip([True] + [False] * len(everything), everything, strict=False)
    ]


def _sections(everything: Sequence[Fitted], *, draws: int, seed: int) -> list[dict[str, Any]]:
    """Return a section per fit; equations that several share are told once."""
    told: dict[str, str] = {}
    sections = []
    for found in everything:
        sections.append(fit_section(found, told, draws=draws, seed=seed))
        told.setdefault(equations_text(found.model), found.name)
    return sections


def _studies(everything: Sequence[Fitted]) -> list[dict[str, Any]]:
    """Return a section per study, of which several fits often share one."""
    same: dict[str, list[Fitted]] = {}
    for found in everything:
        same.setdefault(found.arrangement.study.digest, []).append(found)
    return [
        study_section(
            [found.arrangement for found in group],
            [entry for found in group for entry in found.covariates.values()],
        )
        for group in same.values()
    ]


def _compared(
    fits: Mapping[str, xr.DataTree], given: pd.DataFrame | None
) -> tuple[pd.DataFrame | None, str]:
    """Return a comparison and what it says, or why there is none."""
    if given is not None:
        return given, given.attrs.get("reading", "")
    if len(fits) < 2:
        return None, "Nothing to compare: the report is of one fit."
    try:
        table = compare(fits)
    except ValueError as error:
        return None, f"The fits were not compared. {error}"
    return table, table.attrs["reading"]


def _references(fits: Mapping[str, xr.DataTree], comparison: pd.DataFrame | None) -> list[str]:
    methods_used = [POWER_SCALING] if any(method_of(f) != "map" for f in fits.values()) else []
    methods_used += [RHAT] if any(method_of(f) == "nuts" for f in fits.values()) else []
    methods_used += [LOO, STACKING] if comparison is not None else []
    return [*citations(*fits.values()), *map(reference_text, methods_used)]


# ---------------------------------------------------------------------------------- page


def _page(**parts: Any) -> str:
    """Return the page; every text that is not markup already is escaped."""
    from empathymodels.version import __version__

    pages = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (FOLDER / "report.js").read_text(encoding="utf-8").strip()
    digest = b64encode(sha256(script.encode()).digest()).decode("ascii")
    return pages.get_template("report.html.jinja").render(
        **parts,
        style=Markup((FOLDER / "report.css").read_text(encoding="utf-8").strip()),
        script=Markup(script),
        script_digest=Markup(f"sha256-{digest}"),
        version=__version__,
        mark=Markup(MARK),
        day=date.today().isoformat(),
    )
