"""Tables that tests of models begin with."""

import pandas as pd


def trials_of(people="abc", sessions=(1, 2), trials=40):
    """Keys of the trials of few people: participant, session, trial."""
    names = ["participant", "session", "trial"]
    rows = pd.MultiIndex.from_product([list(people), sessions, range(trials)], names=names)
    return rows.to_frame(index=False)
