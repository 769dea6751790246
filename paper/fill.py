"""Fill the paper with its numbers, which come from committed files alone.

    python paper/fill.py          # writes paper.md from template.md
    python paper/fill.py --list   # prints the numbers

A name in double braces in `template.md` is a number of `numbers()`; a name that is not there, and a
number that the text does not use, are errors.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import empathymodels as em
from empathymodels.declaration.fingerprint import fingerprint

PAPER = Path(__file__).parent
ROOT = PAPER.parent
NAME = re.compile(r"\{\{(\w+)\}\}")


def numbers() -> dict[str, str]:
    """Return every number of the paper by its name, as the text has it."""
    return {
        "models": str(len(em.list_models())),
        "studies": str(len(em.list_studies())),
        **of_evidence(),
        **of_certificates(),
        **of_gradients(),
        **of_fits(),
    }


def of_evidence() -> dict[str, str]:
    """Pages of open studies, and published total log-likelihoods that are reproduced."""
    pages = sorted((ROOT / "docs" / "evidence").glob("*.md"))
    found = {page.stem: set(re.findall(r"-\d+\.\d{6}\b", read(page))) for page in pages}
    named = {page: totals for page, totals in found.items() if totals and page != "index"}
    return {
        "open_studies": str(len(pages) - 1),
        "totals": str(len(set.union(*named.values()))),
        "studies_of_totals": str(len(named)),
    }


def of_certificates() -> dict[str, str]:
    """What models recover of simulated people: certificates of the models as they are now."""
    found = [json.loads(read(file)) for file in sorted(ROOT.glob("data/*/certificate.json"))]
    now = [one for one in found if one["fingerprint"] == fingerprint(em.get_model(one["model"]))]
    rows = [row for one in now for row in one["recovery"]["table"]]
    values = sum(row["values"] for row in rows)
    covered = sum(row["values"] * row["coverage_90"] for row in rows)
    return {
        "certificates": str(len(now)),
        "replicates": str(sum(one["recovery"]["n"] for one in now)),
        "recovered_values": f"{values:,}",
        "coverage": f"{100 * covered / values:.0f}",
    }


def of_gradients() -> dict[str, str]:
    """One posterior in several programs: ratios within the runs of the benchmark, a seed each."""
    time, draws = "us/gradient, 2 chains", "min bulk ESS/s"
    runs: dict[str, dict[str, dict[str, str]]] = {}
    for row in tables(time):
        runs.setdefault(row["run"], {})[row["program"]] = row

    def ratios(column: str, of: str, to: str) -> list[float]:
        return [float(run[of][column]) / float(run[to][column]) for run in runs.values()]

    return {
        "times_careful": careful_times(),
        "times_scan": between(ratios(time, "scan", "engine"), 1),
        "times_stan": between(ratios(draws, "engine", "stan")),
    }


def careful_times() -> str:
    """How many times less a gradient takes in Stan that is written for speed."""
    told = r"took (\d+) us per gradient where the usual program took (\d+)"
    careful, usual = re.findall(told, read(ROOT / "benchmarks" / "README.md"))[0]
    return f"{int(usual) / int(careful):.1f}"


def of_fits() -> dict[str, str]:
    """Fits at defaults to the bundled studies."""
    bundled = set(em.list_studies())
    every = tables("model / study")
    rows = [(*row["model / study"].split(" / "), row["check: sampling"]) for row in every]
    passes = {model: said == "passes" for model, study, said in rows if study in bundled}
    return {
        "default_fits": str(len(passes)),
        "default_passes": str(sum(passes.values())),
    }


def tables(column: str) -> Iterator[dict[str, str]]:
    """Yield the rows of the benchmarks' tables that have a column; `run` counts the tables."""
    blocks = re.findall(r"(?:^\|.*\n)+", read(ROOT / "benchmarks" / "README.md"), re.MULTILINE)
    for run, block in enumerate(blocks):
        lines = [line.strip("|").split("|") for line in block.splitlines()]
        head, _, *rows = [[cell.strip() for cell in line] for line in lines]
        if column in head:
            for row in rows:
                yield {**dict(zip(head, row, strict=True)), "run": str(run)}


def between(values: list[float], digits: int = 0) -> str:
    """Return the smallest and the largest of several values, or the one where they agree."""
    ends = [f"{end:.{digits}f}" for end in (min(values), max(values))]
    return " to ".join(dict.fromkeys(ends))


def read(file: Path) -> str:
    """Return a text."""
    return file.read_text(encoding="utf-8")


def filled(template: str, known: dict[str, str]) -> str:
    """Return the template with its numbers; KeyError names what is missing or not used."""
    asked = set(NAME.findall(template))
    if asked != known.keys():
        lacking, unused = sorted(asked - known.keys()), sorted(known.keys() - asked)
        raise KeyError(f"Numbers of no source: {lacking}; left out by the text: {unused}.")
    return NAME.sub(lambda found: known[found[1]], template)


def main() -> None:
    """Write the paper, or list its numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the numbers, write nothing")
    known = numbers()
    if parser.parse_args().list:
        print("\n".join(f"{name}: {value}" for name, value in known.items()))
        return
    text = filled(read(PAPER / "template.md"), known)
    (PAPER / "paper.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
