"""Commands about images of the brain: extract, signature_scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from empathymodels.cli import output
from empathymodels.cli.input import pairs
from empathymodels.cli.options import Overwrite, several

if TYPE_CHECKING:
    import pandas as pd

Images = Annotated[
    Path,
    typer.Argument(help="Table with a row per image: participant, image (a path), and others."),
]
Out = Annotated[Path, typer.Option(help="Table to write: .csv or .tsv.")]


def extract(
    images: Annotated[
        Path,
        typer.Argument(
            help="Table with a row per image: participant, image, events, confounds (paths); or "
            "the folder of a BIDS dataset."
        ),
    ],
    out: Out,
    t_r: Annotated[float | None, typer.Option(help="Seconds from volume to volume.")] = None,
    region: Annotated[list[str] | None, several("A region of `regions`.", "NAME")] = None,
    mask: Annotated[list[str] | None, several("A region of yours: AI=ai_mask.nii.")] = None,
    single_trials: Annotated[
        list[str] | None, several("A trial_type of which every event gets a beta.", "TYPE")
    ] = None,
    contrast: Annotated[list[str] | None, several("A contrast: empathy='pain - touch'.")] = None,
    task: Annotated[str | None, typer.Option(help="Task of a BIDS dataset.")] = None,
    space: Annotated[str | None, typer.Option(help="Space of its images.")] = None,
    workers: Annotated[int, typer.Option(help="Images at once (-1: one per core).")] = 1,
    overwrite: Overwrite = False,
) -> None:
    """Extract betas of regions from images: the table `regions` of a study.

    Paths in the table are relative to its folder. Needs nilearn (extra neuro).
    """
    import empathymodels as em

    output.check_target(out, output.TABLE, images, overwrite=overwrite)
    if region and mask:
        raise ValueError("Give --region or --mask, not both: regions are of one kind.")
    table = em.extract(
        images if images.is_dir() else _table(images),
        pairs(mask, "mask") or region,
        t_r=t_r,
        single_trials=single_trials or (),
        contrasts=pairs(contrast, "contrast") or None,
        task=task,
        space=space,
        workers=workers,
    )
    output.put_out(table, out, overwrite=overwrite)


def signature_scores(
    images: Images,
    out: Out,
    weights: Annotated[list[str], several("A signature and its weights: care=care.nii.")],
    similarity: Annotated[
        str, typer.Option(help="How images and weights are compared: dot, cosine, correlation.")
    ] = "dot",
    mask: Annotated[Path | None, typer.Option(help="Voxels to use.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Score images by how much their pattern is that of a signature.

    Paths in the table are relative to its folder. Needs nilearn (extra neuro).
    """
    import empathymodels as em

    output.check_target(out, output.TABLE, images, overwrite=overwrite)
    table = em.signature_scores(
        _table(images),
        pairs(weights, "weights"),
        similarity=similarity,  # type: ignore[arg-type]
        mask=mask,
    )
    output.put_out(table, out, overwrite=overwrite)


def _table(file: Path) -> pd.DataFrame:
    """Read a table of images, all of it text, with paths beside the table made whole."""
    import pandas as pd

    from empathymodels.study.table_files import text_table

    if not file.is_file():
        raise ValueError(f"A table of images, or a folder, must exist; found nothing at '{file}'.")
    try:
        table, _ = text_table(file)
    except (ValueError, UnicodeDecodeError) as fault:
        raise ValueError(f"'{file}' must be a table in UTF-8 text; {fault}. Repair it.") from None
    table = table.replace("", pd.NA).reset_index(drop=True)
    for column in [c for c in ("image", "events", "confounds") if c in table]:
        table[column] = table[column].map(lambda path: file.parent / path, na_action="ignore")
    for column in [c for c in ("t_r", "slice_time_ref") if c in table]:
        table[column] = pd.to_numeric(table[column], errors="coerce")
    return table
