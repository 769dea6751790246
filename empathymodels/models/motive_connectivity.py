r"""Motive connectivity: the motive that moves someone is read out from how regions are coupled.

A row of data is a person, or a person in one condition: the motive that was induced (0: none, a
baseline; 1: empathy; 2: reciprocity), and the strength :math:`z_c` of every connection :math:`c`
between anterior cingulate (ACC), anterior insula (AI) and ventral striatum (VS), as parameters of
a model of effective connectivity, standardised. For row :math:`t`,

.. math::

    u_{t,0} = 0, \qquad u_{t,k} = b_k + \sum_c w_{k,c}\, z_{t,c}, \qquad
    P(\text{motive}_t = k) = \frac{e^{u_{t,k}}}{\sum_j e^{u_{t,j}}}, \qquad
    w_{k,c} \sim \text{Normal}(0, 0.5)

Nobody has weights of their own, so that the motive of somebody new is read out as well.

Notes
-----
What was published: activity of these regions does not tell the two motives, and their connectivity
does, with high accuracy: with empathy the connection from ACC to AI is positive, with reciprocity
those from AI to ACC and, still more, from AI to VS are larger as well. How the connections were
estimated and classified there is not repeated here.
What is ours: the softmax with shrunken weights, log scores of people left out, every prior and all
rivals.
What a read-out is worth is what it says of people whom it has not seen:

    em.compare(em.fit_rivals(model, study, "chance"), unit="participant")  # by log scores
    em.classify(fit)  # by accuracy, against the most frequent motive

Both leave out all rows of a person at once. Choose connections before you look: those that were
picked because they differ between the motives in the same people make any accuracy too high, and
leaving people out of the last step alone does not mend it. Standardise over all people without
regard to their motive (within people, if everybody was in all conditions: subtract their mean).
Traps: connections are taken as known. Where everybody's posterior of a connection is wide, weights
are those of noisy means, nearer to 0. Weights are those beside all other connections; two that
correlate share what they tell. A connection that a study lacks is held at no weight. With few
people accuracy is coarse (a standard error of .06 with 36 right of 60) and the log score tells
more. Connections of other regions go by these names, `columns={"AI_to_VS": ...}`, or into a copy of
this file with names of their own. With one motive and a baseline take the rival `two_motives`.
`any_motive` says that connectivity tells that there is a motive, but not which.

References
----------
Hein, G., Morishima, Y., Leiberg, S., Sul, S., & Fehr, E. (2016). The brain's functional network
architecture reveals human motives. Science, 351, 1074-1078. doi:10.1126/science.aac7992
"""

from dataclasses import replace

import empathymodels as em

CONNECTIONS = ("ACC_to_AI", "AI_to_ACC", "AI_to_VS", "VS_to_AI", "ACC_to_VS", "VS_to_ACC")
MOTIVES = ("empathy", "reciprocity")  # in the order of their codes; 0 is none of them
SYMBOLS = dict(zip(MOTIVES, "12", strict=True))


def _utility(parameters, data, motive, by=None):
    """Log odds of a motive against none; `by` names the motive whose weights it has."""
    weights = [getattr(parameters, f"{by or motive}_{name}") for name in CONNECTIONS]
    read = sum(w * getattr(data, name) for w, name in zip(weights, CONNECTIONS, strict=True))
    return getattr(parameters, f"{motive}_bias") + read


def step(state, parameters, data):
    """Evidence for either motive against none."""
    return {motive: _utility(parameters, data, motive) for motive in MOTIVES}


def motive(latent, parameters, data):
    """Motives compete for what connectivity is evidence of."""
    return em.SoftmaxChoice.dist([0.0, *(getattr(latent, name) for name in MOTIVES)])


# --------------------------------------------------------------------- what else could hold


def _weights(motive):
    return [f"{motive}_{name}" for name in CONNECTIONS]


def chance(model):
    """Connectivity says nothing: motives are as frequent as they are."""
    return model.fix(**dict.fromkeys([n for m in MOTIVES for n in _weights(m)], 0.0))


def any_motive(model):
    """Connectivity tells that there is a motive, but not which."""

    def step(state, parameters, data):
        return {motive: _utility(parameters, data, motive, MOTIVES[0]) for motive in MOTIVES}

    return replace(model, step=step).with_parameters(without=_weights(MOTIVES[1]))


def few_connections(model):
    """Few connections tell motives, and these tell much."""
    sparse = em.Prior("Laplace", mu=0, b=0.35)  # of the same standard deviation
    return model.with_priors(**{n: sparse for m in MOTIVES for n in _weights(m)})


def two_motives(model):
    """There is but one motive beside none, of codes 0 and 1."""
    first = MOTIVES[0]

    def step(state, parameters, data):
        return {first: _utility(parameters, data, first)}

    def motive(latent, parameters, data):
        return em.Choice.dist(getattr(latent, first))

    response = replace(model.response("motive"), function=motive, levels=(0, 1))
    latents = {first: model.latents[first]}
    model = replace(
        model, step=step, latents=latents, responses=(response,),
        statistics=tuple(s for s in model.statistics if MOTIVES[1] not in s.name),
    )
    return model.with_parameters(without=[f"{MOTIVES[1]}_bias", *_weights(MOTIVES[1])])


# ------------------------------------------------------------------------- declarations


def _share(code):
    return lambda table: (table.motive == code).mean()


def _stronger(connection, code):
    """How much stronger a connection is with a motive than with none."""

    def difference(table):
        means = table.groupby("motive")[connection].mean()
        return means.get(code, float("nan")) - means.get(0, float("nan"))

    return difference


def _arrow(connection):
    return " to ".join(connection.split("_to_"))


model = em.Model(
    title="the motive that moves someone is read out from how regions are coupled",
    step=step,
    latents={name: f"log odds of {name} against no motive" for name in MOTIVES},
    columns=tuple(
        em.Column(
            name, f"strength of the connection from {_arrow(name)}, standardised", unit="sd",
            default=0.0,
        )
        for name in CONNECTIONS
    ),
    parameters=tuple(
        parameter
        for motive_name, mark in SYMBOLS.items()
        for parameter in (
            em.Parameter(
                f"{motive_name}_bias", f"log odds of {motive_name} at average connections",
                location=(0, 1), level="population", typical=(-0.5, 0.5), symbol=f"b_{mark}",
            ),
            *(
                em.Parameter(
                    f"{motive_name}_{name}",
                    f"change of the log odds of {motive_name} per sd of {_arrow(name)}",
                    location=(0, 0.5), level="population", typical=(-0.7, 0.9), weighs=name,
                    symbol=f"w_{{{mark}, {_arrow(name)}}}",
                )
                for name in CONNECTIONS
            ),
        )
    ),
    responses=(
        em.Response(
            "motive", motive, "0: none; 1: empathy; 2: reciprocity", levels=(0, 1, 2),
        ),
    ),
    statistics=tuple(
        statistic
        for code, name in enumerate(MOTIVES, start=1)
        for statistic in (
            em.Statistic(f"share of {name}", "motive", _share(code)),
            *(
                em.Statistic(
                    f"{_arrow(c)}, {name} minus none", "motive", _stronger(c, code)
                )
                for c in CONNECTIONS
            ),
        )
    ),
    rivals=(chance, any_motive, few_connections, two_motives),
)
