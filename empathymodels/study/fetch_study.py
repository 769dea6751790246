"""Open studies of others, downloaded when they are asked for."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from empathymodels.arguments import checked_arguments
from empathymodels.messages import did_you_mean, listed
from empathymodels.study.open_studies import OPEN_STUDIES, OpenStudy
from empathymodels.study.study import Study
from empathymodels.terminal import is_interactive, tell


@checked_arguments
def fetch_study(name: str, *, folder: str | Path | None = None) -> Study:
    """Return an open study of others, from its public repository.

    Parameters
    ----------
    name : str
        ``charpentier_2024``, ``lockwood_2024``, ``nilsonne_2017`` or ``saulin_2022``.
    folder : str or Path, optional
        A folder that has its files already, as they are in the repository; nothing is downloaded.
        Otherwise they are downloaded once, into this machine's folder for caches.

    Returns
    -------
    Study
        Columns have the names of the built-in model that is nearest, which is told with licence
        and citation; other columns are kept.

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
    Files are those of one commit of the repository and compared by their SHA-256. They are the
    authors', under their licence: cite the study.

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
    found = OPEN_STUDIES[name]
    place = _downloaded(name, found) if folder is None else Path(folder)
    _check_files(name, found, place)
    tell(
        f"{name}: {found.title}. Model: {found.model}. Licence of the data: {found.licence}. Cite: "
        f"{found.citation}"
    )
    study = found.read(place)
    notes = f"Files of https://github.com/{found.repository} at commit {found.commit[:10]}."
    return replace(study, name=name, citation=found.citation, notes=notes)


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
    for file, (path, digest) in study.files.items():
        try:
            pooch.retrieve(
                study.address + path,
                known_hash=f"sha256:{digest}",
                fname=file,
                path=place,
                progressbar=is_interactive(),
            )
        except Exception as fault:
            raise ConnectionError(
                f"The file '{file}' of '{name}' could not be downloaded ({type(fault).__name__}). "
                f"Take {listed(study.files)} from https://github.com/{study.repository} at commit "
                f"{study.commit[:10]} by hand, and give their folder: "
                "fetch_study(name, folder=...)."
            ) from fault
    return place


def _check_files(name: str, study: OpenStudy, folder: Path) -> None:
    """Raise for files that are absent, or are not those that were published."""
    faults = []
    for file, (path, digest) in study.files.items():
        place = folder / file
        if not place.is_file():
            faults.append(f"'{file}' is absent ('{path}' of the repository)")
        elif sha256(place.read_bytes()).hexdigest() != digest:
            faults.append(f"'{file}' has other bytes than the one that was published")
    if faults:
        raise ValueError(
            f"'{folder}' must have the {len(study.files)} files of '{name}' as they are at commit "
            f"{study.commit[:10]} of https://github.com/{study.repository}; found: "
            f"{'; '.join(faults)}. Download them again."
        )
