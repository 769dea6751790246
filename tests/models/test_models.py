"""The common battery on every model file, and on files that are broken on purpose."""

import numpy as np
import pytest

import empathymodels as em
from empathymodels.declaration.fingerprint import fingerprint
from folders import OWN_MODELS

TEXT = (OWN_MODELS / "rated_pain.py").read_text(encoding="utf-8")
CHOICE = (OWN_MODELS / "followed_choice.py").read_text(encoding="utf-8")
CHECKS = [
    "declaration", "documentation", "typical ranges", "prior medians", "rivals", "missing values",
    "normalisation", "simulator", "gradient", "prior", "invariance", "missing responses",
    "reduction", "results",
]  # fmt: skip


def failed(table):
    return dict(table.loc[~table["passed"], ["check", "detail"]].to_numpy())


DEAR = {  # whose graphs are the largest
    "motivated_empathy": "six responses, which share seven motives",
    "guilt_reciprocity": "a utility of each of eleven returns",
}
NAMES = [
    pytest.param(name, marks=pytest.mark.dear(DEAR[name]) if name in DEAR else ())
    for name in em.list_models()
]


@pytest.mark.parametrize("name", NAMES)
def test_built_in_models_pass_the_battery(name):
    table = em.verify(name)
    assert table["check"].tolist() == CHECKS
    assert failed(table) == {}


@pytest.mark.parametrize("file", ["rated_pain.py", "followed_choice.py"])
def test_users_own_files_get_the_same_battery(file):
    table = em.verify(OWN_MODELS / file)
    assert table["check"].tolist() == CHECKS
    assert failed(table) == {}


def broken(tmp_path, text, old, new):
    assert old in text
    path = tmp_path / "broken.py"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return failed(em.verify(path))


def test_undeclared_name(tmp_path):
    found = broken(tmp_path, TEXT, "data.intensity", "data.intensty")
    assert list(found) == ["declaration"]
    assert "`data.intensty`" in found["declaration"]
    assert "Did you mean 'intensity'?" in found["declaration"]


def test_array_operation(tmp_path):
    change = "pt.stack([state.value, 0.0]).sum()"
    found = broken(tmp_path, CHOICE, "error = data.outcome - state.value", f"error = {change}")
    assert list(found) == ["declaration"]
    assert "must be element-wise on scalars" in found["declaration"]


def test_file_that_does_not_run(tmp_path):
    found = broken(tmp_path, TEXT, "import pymc as pm", "import pymc as pm, no_such_library")
    assert list(found) == ["declaration"]
    assert "no_such_library" in found["declaration"]


def test_typical_outside_the_support_and_missing_doi(tmp_path):
    text = TEXT.replace("doi:10.1016", "in print, 10-1016")
    found = broken(tmp_path, text, "typical=(0.05, 0.2)", "typical=(-0.05, 0.2)")
    assert list(found) == ["documentation", "typical ranges"]
    assert "DOI" in found["documentation"]
    assert "'noise'" in found["typical ranges"]
    assert "(-0.05, 0.2)" in found["typical ranges"]


def test_rival_that_cannot_be_built(tmp_path):
    found = broken(tmp_path, TEXT, "model.fix(slope=0.0)", "model.fix(slop=0.0)")
    assert "Did you mean 'slope'" in found["rivals"]


WRONG_CHOICE = """
class Timid(Choice):
    @staticmethod
    def log_probability(value, utility, *lapse):
        return FACTOR


def step("""


def test_draws_that_disagree_with_the_likelihood(tmp_path):
    wrong = WRONG_CHOICE.replace("FACTOR", "Choice.log_probability(value, 2 * utility)").lstrip()
    text = CHOICE.replace("Choice.dist(", "Timid.dist(")
    found = broken(tmp_path, text, "def step(", wrong)
    assert list(found) == ["simulator"]
    assert "choice" in found["simulator"]
    assert "return the same distribution for both" in found["simulator"]


def test_probabilities_that_do_not_sum_to_one(tmp_path):
    wrong = WRONG_CHOICE.replace(
        "FACTOR", "Choice.log_probability(value, utility) + pt.log(0.5)"
    ).lstrip()
    text = CHOICE.replace("Choice.dist(", "Timid.dist(")
    found = broken(tmp_path, text, "def step(", wrong)
    assert "normalisation" in found
    assert "They sum over the levels of 'choice' to 0.5" in found["normalisation"]


def test_continuous_draws_that_disagree(tmp_path):
    loose = '''
from pymc.distributions.distribution import SymbolicRandomVariable, Continuous
from pymc.distributions.shape_utils import rv_size_is_none
from pymc.logprob.abstract import _logprob
from pymc.pytensorf import normalize_rng_param
from pytensor.tensor.random.utils import normalize_size_param
import pytensor.tensor as pt

class LooseRV(SymbolicRandomVariable):
    name = "loose"
    extended_signature = "[rng],[size],(),()->[rng],()"

    @classmethod
    def rv_op(cls, mu, sigma, *, size=None, rng=None):
        mu, sigma = pt.as_tensor(mu), pt.as_tensor(sigma)
        rng, size = normalize_rng_param(rng), normalize_size_param(size)
        shape = pt.broadcast_shape(mu, sigma) if rv_size_is_none(size) else size
        next_rng, z = pt.random.normal(size=shape, rng=rng, return_next_rng=True)
        return cls(inputs=[rng, size, mu, sigma], outputs=[next_rng, mu + 1.5 * sigma * z])(
            rng, size, mu, sigma
        )

class Loose(Continuous):
    """Draws with a larger standard deviation than is scored."""
    rv_type = LooseRV
    rv_op = LooseRV.rv_op

    @classmethod
    def dist(cls, mu, sigma, **settings):
        return super().dist([mu, sigma], **settings)

@_logprob.register(LooseRV)
def loose_logprob(op, values, *inputs, **settings):
    return pm.logp(pm.Normal.dist(*inputs[-2:]), values[0])

def rating('''
    text = TEXT.replace("pm.Normal.dist(", "Loose.dist(")
    found = broken(tmp_path, text, "def rating(", loose.lstrip())
    assert list(found) == ["simulator"]
    assert "rating: p =" in found["simulator"]


def test_missing_file_and_unknown_model():
    with pytest.raises(FileNotFoundError, match="Check the path"):
        em.verify("nowhere/mine.py")
    with pytest.raises(KeyError, match="outgroup_help_learning"):
        em.verify("outgroup_help_lerning")


def test_variants_are_verified_too(own_model):
    curved = em.get_model("prosocial_effort").rival("curved_reward")
    for variant in (own_model.rival("no_slope"), curved):
        assert failed(em.verify(variant)) == {}


def test_a_reward_without_a_curve_is_worth_its_amount():
    study = em.load_study("effort_for_others")
    model = em.get_model("prosocial_effort").pool("discount").pool("inverse_temperature")
    values = {"discount": 0.2, "inverse_temperature": 1.5}
    plain = em.log_likelihood(model, study, values)
    straight = em.log_likelihood(model.rival("curved_reward"), study, values | {"curvature": 1.0})
    assert straight.attrs["total"] == pytest.approx(plain.attrs["total"], rel=1e-12)
    root = em.log_likelihood(model.rival("curved_reward"), study, values | {"curvature": 0.5})
    worth = root["latents"]["value"].to_numpy()
    unit = (4 - 1) / (1 - np.sqrt(1 / 4))  # 4 is worth 3 more than resting, as without a curve
    trials = study.trials
    expected = unit * np.sqrt(trials["reward"] / 4) - 0.2 * trials["effort"] ** 2
    np.testing.assert_allclose(worth, expected)


def test_own_log_density_is_part_of_the_identity(tmp_path):
    def identity(name, factor):
        wrong = WRONG_CHOICE.replace("FACTOR", factor).lstrip()
        path = tmp_path / name
        path.write_text(CHOICE.replace("Choice.dist(", "Timid.dist(").replace("def step(", wrong))
        return fingerprint(em.get_model(path))

    twice, thrice = (f"Choice.log_probability(value, {factor} * utility)" for factor in (2, 3))
    assert identity("one.py", twice) != identity("other.py", thrice)
    assert identity("one.py", twice) == identity("third.py", twice)
