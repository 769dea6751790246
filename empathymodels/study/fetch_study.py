"""Open studies of others, downloaded when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from empathymodels.arguments import checked_arguments
from empathymodels.messages import did_you_mean, listed
from empathymodels.study.open_studies import OPEN_STUDIES
from empathymodels.study.open_study import Files, OpenStudy, file_name, is_annexed
from empathymodels.study.study import Study
from empathymodels.terminal import is_interactive, tell

MANY = 20  # files beyond which one line is told in place of a line for each
AT_ONCE = 8  # downloads


@checked_arguments
def fetch_study(name: str, *, folder: str | Path | None = None) -> Study:
    """Return an open study of others, from its public repository.

    Parameters
    ----------
    name : str
        ``buechel_2018``, ``charpentier_2024``, ``dvs_2024``, ``fareri_2021``, ``fareri_2022``,
        ``fareri_2022_connectivity``, ``jung_2023``, ``jung_2023_own``, ``lockwood_2024``,
        ``nilsonne_2017``, ``saulin_2022`` or ``tamm_2017``.
    folder : str or Path, optional
        A folder that has its files already, as they are in the repository: the repository itself,
        or its files side by side. Nothing is downloaded then. Otherwise they are downloaded once,
        into this machine's folder for caches. ``tamm_2017`` needs it: its repository has links,
        whose content ``git annex get`` brings into a clone.

    Returns
    -------
    Study
        Columns have the names of the built-in model that is nearest, which is told with licence
        and citation; other columns are kept. What was left out is in its `log`.

    Raises
    ------
    ConnectionError
        The files cannot be downloaded.
    ImportError
        pooch is not installed (extra ``studies``).
    KeyError
        No such study.
    ValueError
        Files that are absent from `folder`, or differ from those that were published.

    Notes
    -----
    Files are those of one commit of the repository and compared by their SHA-256. Where a study
    is in hundreds of files, or a table is of more than is read, it is the SHA-256 of the cells that
    are read. They are the authors', under their licence: cite the study.

    See Also
    --------
    load_study : Simulated studies that come with the package.

    Examples
    --------
    >>> import empathymodels as em
    >>> study = em.fetch_study("lockwood_2024")  # doctest: +SKIP
    >>> fit = em.fit(em.get_model("prosocial_effort"), study)  # doctest: +SKIP
    """
    if name not in OPEN_STUDIES:
        raise KeyError(
            f"No open study is named '{name}'. There are {listed(OPEN_STUDIES)}. Name one of "
            "them, or read files of yours with Study(trials=...)."
            + did_you_mean(name, OPEN_STUDIES)
        )
    open_study = OPEN_STUDIES[name]
    place = _downloaded(name, open_study) if folder is None else Path(folder)
    files = open_study.located(place)
    if faults := open_study.faults(files):
        raise ValueError(
            f"'{place}' must have the {len(files)} files of '{name}' as they are at commit "
            f"{open_study.commit[:10]} of https://github.com/{open_study.repository}; found: "
            f"{'; '.join(faults)}. {_remedy(files, is_own=folder is not None)}."
        )
    nearest = f"Model: {open_study.call}" if open_study.model else "No built-in model reads it"
    tell(
        f"{name}: {open_study.title}. {nearest}. Licence of the data: {open_study.licence}. Cite: "
        f"{open_study.citation}"
    )
    study = open_study.read(files)
    notes = (
        f"Files of https://github.com/{open_study.repository} at commit {open_study.commit[:10]}."
    )
    return replace(study, name=name, citation=open_study.citation, notes=notes)


def _remedy(files: Files, *, is_own: bool) -> str:
    """Say what to do where files are not those that were published."""
    if any(map(is_annexed, files.values())):  # a download gives these again
        return (
            "Get the content with `git annex get` in a clone of the repository, and give that: "
            "fetch_study(name, folder=...)"
        )
    return "Download them again" if is_own else "Remove this folder, fetch again"


def _downloaded(name: str, study: OpenStudy) -> Path:
    """Return the folder of the downloaded files."""
    try:
        import pooch
    except ImportError:
        raise ImportError(
            "Open studies are downloaded by pooch, which is not installed: pip install "
            "'empathymodels[studies]'. Or give the folder of their files: fetch_study(name, "
            "folder=...)."
        ) from None
    place = Path(pooch.os_cache("empathymodels")) / name / study.commit[:10]
    many = len(study.paths) > MANY

    def download(path: str) -> None:
        digest = study.files.get(path)
        try:
            pooch.retrieve(
                study.address + path,
                known_hash=None if digest is None else f"sha256:{digest}",
                fname=file_name(path),
                path=place,
                progressbar=is_interactive() and not many,
            )
        except Exception as fault:
            raise ConnectionError(
                f"The file '{file_name(path)}' of '{name}' could not be downloaded "
                f"({type(fault).__name__}). Take {_what(study)} from "
                f"https://github.com/{study.repository} at commit {study.commit[:10]} by hand, and "
                "give their folder: fetch_study(name, folder=...)."
            ) from fault

    if many and not all(file.is_file() for file in study.located(place).values()):
        tell(f"{name}: downloading {len(study.paths)} files")
    with _quiet(pooch), ThreadPoolExecutor(AT_ONCE if many else 1) as pool:
        list(pool.map(download, study.paths))
    return place


def _what(study: OpenStudy) -> str:
    """Name the files of a study, or say how many they are."""
    if len(study.paths) <= MANY:
        return listed(map(file_name, study.paths))
    return f"its {len(study.paths)} files (a clone has them)"


@contextmanager
def _quiet(pooch: Any) -> Iterator[None]:
    """Keep pooch from a line of log per file."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)
