"""What a fit does not use is imported when it is used."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import empathymodels
from empathymodels.late_imports import import_late
from folders import OWN_MODELS

OWN_MODEL = OWN_MODELS / "rated_pain.py"

NOT_NEEDED = ("arviz_base", "arviz_plots", "formulaic.transforms", "matplotlib", "pymc_extras.gp")
LOOK = f"""
import sys
import empathymodels as em

em.fit, em.get_model("outgroup_help_learning"), em.load_study("outgroup_help")
print(*set({NOT_NEEDED!r}) & set(sys.modules))
import pymc_extras
from pymc_extras.prior import Prior
print(pymc_extras.prior.Prior is Prior is em.Prior.__base__, callable(pymc_extras.find_MAP))
print("pymc_extras.gp" in sys.modules)
"""


def test_a_model_and_a_study_need_no_more_than_they_use():
    run = [sys.executable, "-W", "ignore", "-c", LOOK]
    told = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["", "True True", "True"]


APPROXIMATE = f"""
import pandas as pd
import empathymodels as em

trials = pd.DataFrame({{"participant": list("abcdef") * 4, "trial": range(24)}})
trials["intensity"] = [k / 12 - 1 for k in range(24)]
trials["rating"] = [4 + k % 5 for k in range(24)]
model = em.get_model({str(OWN_MODEL)!r})
fit = em.fit(model, em.Study(trials=trials), method="laplace", seed=1)
print(fit["posterior"].sizes["draw"] > 100)
"""


def test_an_approximate_fit_needs_nothing_that_others_imported():
    """As the first thing that a process does: accessors of ArviZ are there once it is imported."""
    run = [sys.executable, "-W", "ignore", "-c", APPROXIMATE]
    told = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == "True"


def test_who_uses_an_accessor_of_arviz_imports_it():
    files = Path(empathymodels.__file__).parent.rglob("*.py")
    texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    using = {name for name, text in texts.items() if ".azstats." in text}
    assert using == {name for name in using if "import arviz as az" in texts[name]}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes a package of one module, and returns whether its ``__init__`` has run."""

    def written(text):
        home = tmp_path / "lately"
        home.mkdir()
        (home / "__init__.py").write_text(text)
        (home / "part.py").write_text("import lately\nname = 'part'\n")
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()

    yield written
    for name in [n for n in sys.modules if n.partition(".")[0] == "lately"]:
        del sys.modules[name]


def test_modules_of_a_package_without_its_init(package):
    package("from lately import part, other\nvalue = part.name\n__all__ = ['value']\n")
    import_late("lately")
    import lately.part

    assert "value" not in vars(lately)
    with pytest.raises(ImportError, match="other"):
        lately.value  # noqa: B018  the look is what imports
    with pytest.raises(ImportError, match="other"):  # and again, rather than half a package
        lately.value  # noqa: B018


def test_a_package_is_whole_at_the_first_look(package):
    package("from lately.part import name\nvalue, runs = name, [*globals().get('runs', []), 1]\n")
    import_late("lately")
    found = {}
    exec("from lately import value, part", found)
    assert (found["value"], found["part"].name) == ("part", "part")
    lately = sys.modules["lately"]
    import_late("lately")
    assert sys.modules["lately"] is lately
    assert lately.runs == [1]
    with pytest.raises(AttributeError, match="module 'lately' has no attribute 'anything'"):
        lately.anything  # noqa: B018


def test_what_is_not_installed_is_left_alone():
    import_late("no_such_package")
    assert "no_such_package" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_package")
