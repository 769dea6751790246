"""Every notebook runs from top to bottom, with short sampling in place of long."""

from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

from folders import ROOT, STUDIES

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))
NEEDS_DATA = {
    "02_effort_for_others": STUDIES / "lockwood2024_prosocial_effort_vmpfc",
    "04_motives_in_real_choices": STUDIES / "hein_saulin2019_complex_motives",
}

SHORT_SAMPLING = """\
import empathymodels as em
_fit, _short = em.fit, {"draws": 50, "tune": 100, "chains": 2, "centring": 0.0}
em.fit = lambda *given, **settings: _fit(*given, **{**settings, **_short, "target_accept": 0.8})

_rivals = em.fit_rivals
em.fit_rivals = lambda *given, **settings: _rivals(*given, **{**settings, **_short})

def _few(verb):
    return lambda *given, **settings: verb(*given, **{**settings, "n": 4, "draws": 50, "tune": 100})

em.recover, em.calibrate, em.confuse = map(_few, (em.recover, em.calibrate, em.confuse))
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("default")  # of the kernel's client, not ours
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    if path.stem in NEEDS_DATA and not NEEDS_DATA[path.stem].exists():
        pytest.skip(f"{NEEDS_DATA[path.stem].name} is not beside the checkout")
    notebook = jupytext.read(path)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SHORT_SAMPLING))
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=900, kernel_name="python3", resources=resources)
    client.execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_executed_notebook_is_that_of_the_text(path):
    """The cells that readers see are those of the .py file, with outputs and no local paths."""
    executed = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    assert [c.source for c in executed.cells] == [c.source for c in jupytext.read(path).cells]
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    text = path.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert len(text) < 1_500_000
    for machine in (str(ROOT), str(Path.home()), "/tmp/", "Traceback"):
        assert machine not in text
