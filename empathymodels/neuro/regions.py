"""Regions of the three systems of empathy, with centres from published peaks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import pandas as pd

from empathymodels.arguments import checked_arguments

type Centre = tuple[float, float, float]
type Process = Literal["experience sharing", "mentalizing", "empathic concern"]
LAMM = "Lamm, Decety & Singer (2011), PMID 20946964"
DODELL = "Dodell-Feder, Koster-Hale, Bedny & Saxe (2011), PMID 21182967"
CLITHERO = "Clithero & Rangel (2014), PMID 23887811"
FELDMANHALL = "FeldmanHall, Dalgleish, Evans & Mobbs (2015), PMID 25462694"
COUNT = "peak of a count of ours over studies of action observation in Neurosynth, version 7"


@dataclass(frozen=True)
class Region:
    """A sphere in MNI space, in mm, and whose peak its centre is."""

    region: str
    hemisphere: str
    process: str
    x: float
    y: float
    z: float
    radius: float
    name: str
    source: str


def _pair(
    region: str, process: str, left: Centre, right: Centre, name: str, source: str
) -> list[Region]:
    """Return a region of both hemispheres."""
    both = (("left", left), ("right", right))
    return [Region(region, side, process, *centre, 8.0, name, source) for side, centre in both]


def _one(
    region: str, process: str, centre: Centre, name: str, source: str, radius: float = 8.0
) -> list[Region]:
    """Return a region at the midline."""
    return [Region(region, "midline", process, *centre, radius, name, source)]


SHARING, MENTALIZING, CONCERN = "experience sharing", "mentalizing", "empathic concern"
REGIONS = [
    *_pair("AI", SHARING, (-40, 22, 0), (39, 23, -4), "anterior insula", LAMM),
    *_one("ACC", SHARING, (-2, 23, 40), "anterior midcingulate cortex", LAMM),
    *_pair("PMC", SHARING, (-50, 8, 22), (52, 10, 24), "ventral premotor cortex", COUNT),
    *_pair("IPL", SHARING, (-57, -25, 38), (59, -25, 38), "inferior parietal lobule", LAMM),
    *_one("MPFC", MENTALIZING, (0, 56, 26), "dorsal medial prefrontal cortex", DODELL),
    *_pair("TPJ", MENTALIZING, (-50, -58, 20), (56, -48, 24), "temporoparietal junction", DODELL),
    *_pair("TP", MENTALIZING, (-52, 4, -28), (50, 6, -34), "temporal pole", DODELL),
    *_one("PCC", MENTALIZING, (-2, -54, 38), "precuneus and posterior cingulate cortex", DODELL),
    *_pair("VS", CONCERN, (-8, 8, -6), (10, 14, -4), "ventral striatum", CLITHERO),
    *_one("VTA", CONCERN, (2, -20, -16), "ventral tegmental area", FELDMANHALL, radius=6.0),
    *_one("mOFC", CONCERN, (-2, 40, -6), "medial orbitofrontal cortex", CLITHERO),
]


@checked_arguments
def regions(process: Process | None = None) -> pd.DataFrame:
    """Return the regions of the three systems of empathy, as spheres in MNI space.

    Parameters
    ----------
    process : {"experience sharing", "mentalizing", "empathic concern"}, optional
        Those of one system; otherwise all.

    Returns
    -------
    DataFrame
        One row per sphere.

        - ``region``: short name, the same for both hemispheres
        - ``hemisphere``: ``left``, ``right`` or ``midline``
        - ``process``: the system
        - ``x``, ``y``, ``z``: centre in mm, MNI space
        - ``radius``: in mm
        - ``name``: in words
        - ``source``: whose peak it is

    Notes
    -----
    Which region belongs to which system is the review's first figure. Regions of different systems
    often work together, and none measures one process. Centres are peaks in tables of the sources;
    a peak is no border, so an atlas or a localiser of your own may serve better.

    References
    ----------
    Weisz, E., & Zaki, J. (2018). Motivated empathy: a social neuroscience perspective. Current
    Opinion in Psychology, 24, 67-71. doi:10.1016/j.copsyc.2018.05.005

    See Also
    --------
    extract : Betas of these regions from images.
    plot_regions : Where they lie.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.regions("empathic concern")["region"].unique().tolist()
    ['VS', 'VTA', 'mOFC']
    """
    table = pd.DataFrame([asdict(region) for region in REGIONS])
    return table if process is None else table[table["process"] == process].reset_index(drop=True)
