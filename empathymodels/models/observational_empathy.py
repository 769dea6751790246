r"""Observational empathy: empathy is transmitted by what another person was not expected to feel.

Participants see others in pain and rate what they feel themselves, :math:`E`. They predict what a
demonstrator will say to feel, :math:`D`, and then see it (:math:`d`). The prediction is learned
(Rescorla-Wagner), and its error is what carries over to one's own empathy:

.. math::

    \delta_t &= d_t - D_t \\
    D_{t+1} &= D_t + \alpha\, \delta_t, \qquad E_{t+1} = E_t + w\, \delta_t \\
    \text{rating}_t &\sim \text{Normal}(E_t,\; s), \qquad
        \text{prediction}_t \sim \text{Normal}(D_t,\; s_D)

:math:`w`, between 0 and 1, is the transmission: a demonstrator who feels more than expected raises
one's own empathy, and one who feels less lowers it. Where no demonstrator is seen nothing changes,
so that ratings of somebody new, later, tell what has been carried over.

Notes
-----
What was published: empathic and unempathic demonstrators generate a learning signal that raises or
lowers the observer's ratings, more so where the demonstrator is human than a computer, and for new
persons in pain as well. The equations there could not be read: all equations here are ours, and so
are the predictions as ratings, every prior, the hierarchy and the rivals.
What follows from the equations: both move with the same errors, so that (for one demonstrator)
:math:`E_t - E_1 = (w / \alpha)(D_t - D_1)`. What was expected from the start is not transmitted,
and empathy settles where the demonstrator holds no more surprise. In `anchoring` it goes on until
one feels as the demonstrator does, whatever was expected.
Who is more open: give what differs between people as covariates, as in
``covariates={"transmission": "demonstrator_type + group"}``; what differs within them as
model.split("demonstrator", "transmission"). Every demonstrator has an expectation of their own.
Traps: transmission is above 0. With either sign, somebody's empathy that rises may be read as a
contrast to a demonstrator of whom still more was expected at first; whether there is transmission
at all is told by `no_transmission`. Without predictions, the rate and the first expectation are
known from the course of one's own ratings alone, which is little. One demonstrator who is high (or
low) for everybody is confounded with time: `drift` describes as well what people do who merely get
used to the videos, so compare with it, and use high and low demonstrators. Once they are known,
errors go both ways by chance alone, and `separate_weights` can hardly know the weight of the sign
that was rare before. Videos that differ in how painful they look are noise here: balance them.

References
----------
Zhou, Y., Han, S., Kang, P., Tobler, P. N., & Hein, G. (2024). The social transmission of empathy
relies on observational reinforcement learning. PNAS, 121, e2313073121. doi:10.1073/pnas.2313073121
"""

from dataclasses import replace

import pymc as pm
import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Both the prediction and one's own empathy move with the error."""
    return _seen(state, parameters, data, lambda error, _: parameters.transmission * error)


def _seen(state, parameters, data, change):
    """Return next states and latents; `change` of empathy is by the error and the expectation."""
    expectation = em.pick(state.expectation, data.demonstrator)
    error = data.demonstration - expectation
    learned = expectation + parameters.learning_rate * error
    following = {
        "expectation": em.put(state.expectation, data.demonstrator, learned),
        "empathy": state.empathy + change(error, expectation),
    }
    latents = {"empathy": state.empathy, "expectation": expectation, "prediction_error": error}
    return following, latents


def rating(latent, parameters, data):
    """Ratings scatter around one's empathy."""
    return pm.Normal.dist(latent.empathy, parameters.rating_noise)


def prediction(latent, parameters, data):
    """Predictions scatter around what is expected."""
    return pm.Normal.dist(latent.expectation, parameters.prediction_noise)


# --------------------------------------------------------------------- what else could hold


def no_transmission(model):
    """Demonstrators are learned about, and change nothing of one's own empathy."""
    return model.fix(transmission=0.0)


def anchoring(model):
    """Empathy moves toward what the demonstrator feels, whatever was expected."""

    def step(state, parameters, data):
        def change(error, expectation):
            return parameters.transmission * (data.demonstration - state.empathy)

        return _seen(state, parameters, data, change)

    return replace(model, step=step)


def toward_expectation(model):
    """Empathy moves toward what is by now expected of the demonstrator."""

    def step(state, parameters, data):
        def change(error, expectation):
            by_now = expectation + parameters.learning_rate * error
            return parameters.transmission * (by_now - state.empathy)

        return _seen(state, parameters, data, change)

    return replace(model, step=step)


def separate_weights(model):
    """More than expected and less than expected are transmitted with weights of their own."""

    def step(state, parameters, data):
        def change(error, expectation):
            up, down = parameters.transmission_up, parameters.transmission_down
            return pt.where(pt.gt(error, 0), up, down) * error

        return _seen(state, parameters, data, change)

    weight = model.parameter("transmission")
    weights = [
        replace(
            weight, name=f"transmission_{name}", symbol=rf"w_{sign}",
            meaning=f"{weight.meaning}, where more (+) or less (-) was felt than expected",
        )
        for name, sign in (("up", "+"), ("down", "-"))
    ]
    return replace(model, step=step).with_parameters(*weights, without=["transmission"])


def drift(model):
    """Empathy rises or falls from trial to trial, whatever the demonstrator feels."""

    def step(state, parameters, data):
        following, latents = _seen(state, parameters, data, lambda *_: 0.0)
        return following | {"empathy": state.empathy + parameters.drift}, latents

    change = em.Parameter(
        "drift", "change in empathy per trial", location=(0, 0.005), spread=0.005,
        scale_of="rating", typical=(-0.005, 0.005), symbol="g",
    )
    changed = replace(model, step=step, correlate=())
    return changed.with_parameters(change, without=["transmission"])


def expects_oneself(model):
    """Demonstrators are expected to feel, at first, as oneself does."""
    expectation, empathy = model.states
    states = (replace(expectation, start="start_empathy"), empathy)
    return replace(model, states=states).with_parameters(without=["start_expectation"])


def no_learning(model):
    """What is expected of demonstrators stays what it was; every rating of theirs is a surprise."""
    return model.fix(learning_rate=0.0)


# ------------------------------------------------------------------------- declarations


def _people(table):
    return table.groupby([key for key in ("participant", "session") if key in table])


def _late_minus_early(table):
    """Mean rating of the last third of trials minus that of the first, by person and session."""
    place = _people(table).cumcount() / _people(table)["rating"].transform("size")
    late = _people(table.assign(rating=table.rating.where(place >= 2 / 3)))["rating"].mean()
    return late - _people(table.assign(rating=table.rating.where(place < 1 / 3)))["rating"].mean()


def _pull(table):
    """Regression over people: change in ratings on how far the demonstrators are from oneself."""
    distance = _people(table)["demonstration"].mean() - _people(table)["rating"].first()
    change = _late_minus_early(table)
    return distance.cov(change) / distance.var()


def _error(table):
    """Distance of predictions from what is seen: first half of trials minus second half."""
    seen = table[table.demonstration.notna() & table.prediction.notna()]
    is_late = _people(seen).cumcount() >= _people(seen)["prediction"].transform("size") / 2
    distance = (seen.demonstration - seen.prediction).abs()
    return distance[~is_late].mean() - distance[is_late].mean()


def _start(name, meaning, response, symbol):
    return em.Parameter(
        name, meaning, location=(0, 0.75), spread=0.5, support="unit", scale_of=response,
        role="location", typical=(0.25, 0.75), symbol=symbol,
    )


def _noise(response, symbol):
    return em.Parameter(
        f"{response}_noise", f"standard deviation of {response}s", location=(-2.2, 0.5), spread=0.4,
        support="positive", scale_of=response, typical=(0.05, 0.25), symbol=symbol,
    )


model = em.Model(
    step=step,
    states=(
        em.State(
            "expectation", "start_expectation", over="demonstrator",
            meaning="what this demonstrator is expected to feel",
        ),
        em.State("empathy", "start_empathy", meaning="what one feels oneself"),
    ),
    latents={
        "empathy": "own empathy before the demonstrator is seen, in points",
        "expectation": "what the demonstrator is expected to feel, in points",
        "prediction_error": "what the demonstrator feels minus what was expected, in points",
    },
    columns=(
        em.Column("demonstration", "what the demonstrator felt, in points of the same scale"),
        em.Column("demonstrator", "who is seen", levels="any", default="one"),
    ),
    parameters=(
        em.Parameter(
            "learning_rate", "share of the prediction error that changes the expectation",
            location=(-1.5, 1), spread=0.75, support="unit", typical=(0.05, 0.6), symbol=r"\alpha",
        ),
        em.Parameter(
            "transmission", "share of the prediction error that is added to one's own empathy",
            location=(-2, 1), spread=0.75, support="unit", typical=(0.03, 0.4), symbol="w",
        ),
        _start("start_empathy", "own empathy before the first trial", "rating", "E_1"),
        _start(
            "start_expectation", "what a demonstrator is expected to feel at first", "prediction",
            "D_1",
        ),
        _noise("rating", "s"),
        _noise("prediction", "s_D"),
    ),
    responses=(
        em.Response("rating", rating, "what one feels oneself", range=(0, 100), unit="points"),
        em.Response(
            "prediction", prediction, "what the demonstrator is predicted to feel", range=(0, 100),
            unit="points",
        ),
    ),
    sequence=("session",),
    correlate=("learning_rate", "transmission"),
    statistics=(
        em.Statistic.mean("rating"),
        em.Statistic.sd("rating"),
        em.Statistic("change in ratings", "rating", lambda table: _late_minus_early(table).mean()),
        em.Statistic("change per point of distance to demonstrators", "rating", _pull),
        em.Statistic("error of predictions, early minus late", "prediction", _error),
        em.Statistic.sd("prediction"),
    ),
    rivals=(
        no_transmission, anchoring, toward_expectation, separate_weights, drift, expects_oneself,
        no_learning, em.plain_normal,
    ),
)
