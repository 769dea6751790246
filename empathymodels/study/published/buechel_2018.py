"""Empathic concern and distress after news stories (Buechel et al. 2018).

Traps: the file has what people wrote and their codes in a survey; both stay behind, and people
are numbered in the order of their codes. Ratings are means of 6 and 8 items and pile up at 1.
"""

from __future__ import annotations

import pandas as pd

from empathymodels.study.open_study import Files, OpenStudy
from empathymodels.study.study import Study


def _read(files: Files) -> Study:
    kept = ["response_id", "article_id", "empathy", "distress"]
    ratings = pd.read_csv(files["messages.csv"], usecols=kept)
    people = ratings["response_id"].rank(method="dense").astype(int)
    ratings = ratings.drop(columns="response_id").assign(participant=people)
    ratings["trial"] = ratings.groupby("participant").cumcount() + 1
    return Study(
        trials=ratings,
        columns={"story": "article_id", "concern": "empathy"},
        log=("left out what people wrote; they are numbered anew",),
    )


STORIES = OpenStudy(
    title="empathic concern and distress after news stories",
    repository="wwbp/empathic_reactions",
    commit="3ddbf6b35c789f99c930a349f3fc26b4b2d9ae2e",
    files={
        "data/responses/data/messages.csv": (
            "380d2670254565629f81616df57cc0729de96ac87c056d05e39c370624ae8f64"
        )
    },
    licence="CC BY 4.0, by Buechel, Buffone, Slaff, Ungar and Sedoc",
    citation="Buechel, S., Buffone, A., Slaff, B., Ungar, L., & Sedoc, J. (2018). Modeling empathy "
    "and distress in reaction to news stories. Proceedings of EMNLP 2018. "
    "doi:10.48550/arXiv.1808.10399",
    model="empathy_regulation",
    variant=".with_range(distress=(1, 7), concern=(1, 7))",
    read=_read,
)
