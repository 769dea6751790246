"""The command that makes certificates: of one model, or of several, one after the other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from empathymodels.cli import output
from empathymodels.cli.options import Overwrite, Seed
from empathymodels.declaration.catalog import get_model, list_models
from empathymodels.messages import counted, listed
from empathymodels.terminal import tell


def certify(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Names of models, or path of your file; or give --all."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All built-in models.")] = False,
    study: Annotated[
        str | None, typer.Option(help="Bundled study that is the design, if not the model's own.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="About how long a model may take.", min=0)] = 20.0,
    calibration: Annotated[int, typer.Option(help="Data sets of a calibration.", min=0)] = 0,
    folder: Annotated[
        Path | None, typer.Option(help="Keep what is done there, to go on if stopped.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes at a time; all cores unless given.", min=1)
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The certificate: .json.  [default: certificate.json]  "
            "Of several models a folder; each goes to STUDY/certificate.json there."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Find out what a model recovers at a design, and whether it is told from its rivals.

    Several models need --folder and --out. The same command goes on where it was stopped: what is
    done is not done again, and certificates of other equations or settings are made anew.
    """
    from empathymodels.recovery.certificate import FILE, design_of

    names = _names(models, every=every)
    options = {"minutes": minutes, "calibration": calibration, "seed": seed}
    if len(names) == 1:
        target = out or Path(FILE)
        design = study or design_of(names[0])
        _certify_one(names[0], design, options, folder, workers, target, overwrite=overwrite)
    elif folder is None or out is None or study is not None:
        raise ValueError(
            "Several models need a folder for what is done and one for certificates, and have each "
            f"a study of their own; found --folder {folder}, --out {out} and --study {study}. Give "
            "--folder FOLDER --out OTHER, and leave out --study."
        )
    else:
        designs = {name: design_of(name) for name in names}
        _certify_each(designs, options, folder, workers, out, overwrite=overwrite)


def _names(models: list[str] | None, *, every: bool) -> list[str]:
    given = list(dict.fromkeys(models or ()))
    if bool(given) == every:
        raise ValueError(
            f"Certificates are of models that are named, or with --all of every one; found "
            f"{'both' if every else 'neither'}. Give names of models, or --all."
        )
    return list(list_models()) if every else given


def _certify_one(
    model: str,
    study: str,
    options: dict[str, float],
    folder: Path | None,
    workers: int | None,
    out: Path,
    *,
    overwrite: bool,
) -> None:
    import empathymodels as em

    output.check_target(out, (".json",), overwrite=overwrite)
    how: dict[str, Any] = {"folder": folder, "workers": workers, **options}
    found = em.certify(get_model(model), em.load_study(study), **how)
    text = json.dumps(found, indent=1) + "\n"
    output.write_files({out: output.text_writer(text)}, overwrite=overwrite)


def _certify_each(
    designs: dict[str, str],
    options: dict[str, float],
    folder: Path,
    workers: int | None,
    out: Path,
    *,
    overwrite: bool,
) -> None:
    """Run the command for each model in a process of its own, which takes its memory with it."""
    from empathymodels.recovery.certificate import FILE, is_answer, read_certificate

    targets = {name: out / study / FILE for name, study in designs.items()}
    there = {name: read_certificate(target) for name, target in targets.items()}
    ours = {name: overwrite or there[name].get("model") == name for name in designs}
    for name, target in targets.items():
        output.check_target(target, (".json",), overwrite=ours[name])
    failed = []
    for name, study in designs.items():
        if is_answer(there[name], get_model(name), study, options):
            tell(f"The certificate of {name} is there already: {targets[name]}")
            continue
        given = {**options, "study": study, "folder": folder / name, "out": targets[name]}
        given |= {"workers": workers} if workers else {}
        words = [word for option, value in given.items() for word in (f"--{option}", str(value))]
        words += ["--overwrite"] if ours[name] else []
        tell(f"Certifying {name} ...")
        run = subprocess.run([sys.executable, "-m", "empathymodels", "certify", name, *words])
        failed += [name] if run.returncode else []
    if failed:
        raise ValueError(
            f"All models must be certified; {counted(len(failed), 'model')} of {len(designs)} "
            f"could not be, for the reasons above: {listed(failed)}. Run the same again: only "
            "these are done."
        )
