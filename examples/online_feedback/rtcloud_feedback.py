"""Feedback in RT-Cloud: call `give_feedback` for each volume of a project's `doRuns`.

With ``subj = clientInterface.subjInterface`` and ``web = clientInterface.webInterface`` of the
script of an RT-Cloud project.
"""


def give_feedback(online, score, volume, *, run, number, subj, web):
    """Send what is known after a volume to the subject's computer, and draw it in the browser.

    Parameters
    ----------
    online : empathymodels.Filter
    score : VolumeScore
    volume : array
        None where the volume did not come in time.
    run, number : int
        Of the run, and of the volume in it.
    subj, web
        RT-Cloud's interfaces to the subject's computer and to the browser.
    """
    step = online.update(None if volume is None else score(volume))
    subj.setResultDict(name=f"run{run}_TR{number}", values=step._asdict())
    web.plotDataPoint(run, number, step.feedback)
    return step
