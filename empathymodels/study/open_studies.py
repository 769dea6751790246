"""The open studies that `fetch_study` knows, by name."""

from __future__ import annotations

from empathymodels.study.open_study import OpenStudy
from empathymodels.study.published import (
    buechel_2018,
    charpentier_2024,
    dvs_2024,
    fareri_2021,
    fareri_2022,
    jung_2023,
    lockwood_2024,
    nilsonne_2017,
    saulin_2022,
    tamm_2017,
)

OPEN_STUDIES: dict[str, OpenStudy] = {
    "buechel_2018": buechel_2018.STORIES,
    "charpentier_2024": charpentier_2024.OBSERVATION,
    "dvs_2024": dvs_2024.SHARED,
    "fareri_2021": fareri_2021.GAMBLES,
    "fareri_2022": fareri_2022.CHOICES,
    "fareri_2022_connectivity": fareri_2022.CONNECTIVITY,
    "jung_2023": jung_2023.PATIENT,
    "jung_2023_own": jung_2023.OWN,
    "lockwood_2024": lockwood_2024.EFFORT,
    "nilsonne_2017": nilsonne_2017.OXAZEPAM,
    "saulin_2022": saulin_2022.MOTIVES,
    "tamm_2017": tamm_2017.HANDS,
}
