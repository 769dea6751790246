"""Commands about one fit for each of many regions: fit_regions, region_effects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from empathymodels.cli import output
from empathymodels.cli.input import changed_model, given_study, pairs
from empathymodels.cli.options import (
    Chains,
    DrawsPerChain,
    MaxDraws,
    ModelName,
    Overwrite,
    Simulated,
    StudyOptions,
    TableFile,
    TargetAccept,
    Tune,
    VariantOptions,
    grouped,
    several,
)
from empathymodels.messages import counted
from empathymodels.terminal import put, tell

if TYPE_CHECKING:
    import xarray as xr

SHOWN = ("rhat", "bulk_ess", "divergences", "passed", "failed_checks", "error")


@grouped
def fit_regions(
    *,
    model: ModelName,
    source: StudyOptions,
    folder: Annotated[
        Path,
        typer.Option(
            help="Keep what every region gave there, to go on if stopped.", file_okay=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="File of the result: .nc.")] = Path("regions.nc"),
    simulated: Simulated = False,
    change: VariantOptions,
    response: Annotated[
        str | None, typer.Option(help="Response that is read from every region, if not the one.")
    ] = None,
    region: Annotated[
        list[str] | None, several("A region of the study; all unless given.", "NAME")
    ] = None,
    covariates: Annotated[
        list[str] | None, several('Formula of a parameter: "vs_gain=age".')
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything.", min=0)] = 0,
    draws: DrawsPerChain = None,
    max_draws: MaxDraws = 5000,
    tune: Tune = 1000,
    chains: Chains = 4,
    target_accept: TargetAccept = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes at a time; all cores unless given.", min=1)
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fit a model to each of many regions or parcels by itself.

    Prints how every region went; the file has the draws of all. The same command goes on where it
    was stopped: with its folder, only what is missing or whose data changed is fitted.
    """
    import empathymodels as em

    output.check_target(out, output.TREE, *source.files.values(), overwrite=overwrite)
    changed = changed_model(model, change)
    settings: dict[str, Any] = {
        "response": response,
        "regions": region or None,
        "covariates": pairs(covariates, "covariates") or None,
        "seed": seed,
        "draws": draws,
        "max_draws": max_draws,
        "tune": tune,
        "chains": chains,
        "target_accept": target_accept,
        "folder": folder,
        "workers": workers,
    }
    result = em.fit_regions(changed, given_study(source, simulated=simulated), **settings)
    output.write_files({out: output.tree_writer(result)}, overwrite=overwrite)
    output.put_out(result[list(SHOWN)].to_dataframe())
    passed, known = int(result["passed"].sum()), _quantities(result)
    tell(
        f"{passed} of {counted(result.sizes['region'], 'region')} passed every check.\n"
        f"Next: empathymodels region_effects {out} QUANTITY, with one of {', '.join(known)}"
    )


def region_effects(
    result: Annotated[Path, typer.Argument(help="File that `fit_regions` wrote.")],
    quantity: Annotated[str, typer.Argument(help="A value of the population: vs_gain_mean.")],
    first: Annotated[
        list[str] | None, several("Which, where there are several: partner=friend.")
    ] = None,
    second: Annotated[list[str] | None, several("Which is subtracted: partner=stranger.")] = None,
    prob: Annotated[float, typer.Option(help="Mass of the intervals.")] = 0.9,
    out: TableFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Tell an effect in every region, alone and pooled, and how sure its sign is."""
    import empathymodels as em

    output.check_target(out, output.TABLE, result, overwrite=overwrite)
    table = em.region_effects(
        _read(result),
        quantity,
        pairs(first, "first") or None,
        pairs(second, "second") or None,
        prob=prob,
    )
    output.put_out(table, out, overwrite=overwrite)
    put(table.attrs["reading"])


def _read(file: Path) -> xr.Dataset:
    """Read what `fit_regions` wrote."""
    import xarray as xr

    if not file.is_file():
        raise ValueError(
            f"A result of regions must exist where you say; found no file at '{file}'. Make it: "
            "empathymodels fit_regions MODEL ... --folder FOLDER --out FILE."
        )
    try:
        return xr.load_dataset(file, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as fault:
        raise ValueError(
            f"A result of regions must be a file that fit_regions wrote; '{file}' cannot be read: "
            f"{fault}. Name another file."
        ) from fault


def _quantities(result: xr.Dataset) -> list[str]:
    """Values of the population that every region has draws of."""
    return [str(name) for name, values in result.items() if "draw" in values.dims]
