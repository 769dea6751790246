"""What tests of the page share: what is typed, and scripts that stand in for fits."""

from base64 import b64decode

PORT, TOKEN = 8000, "a-token-for-tests"
HOST = f"http://127.0.0.1:{PORT}"
HOSTILE = "<script>window.broken = true</script>"
CHECKS = "check,value,limit,passed,advice\nR-hat,1.25,<= 1.01,False,Sample longer.\n"
ESTIMATES = "parameter,level,whose,median\ndiscount,self,median person,0.25\n'=1+1,,P1,2\n"
PICTURE = b64decode(  # of one point
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
# writes what an analysis leaves, without any model
STAND_IN = f"""
from pathlib import Path
name = "prosocial_effort"
Path(f"{{name}}.nc").write_bytes(b"a fit")
Path(f"{{name}}-checks.csv").write_text({CHECKS!r})
Path(f"{{name}}-estimates.csv").write_text({ESTIMATES!r})
for kind in ("parameters", "people-discount", "predictions-work"):
    Path(f"{{name}}-{{kind}}.png").write_bytes({PICTURE!r})
Path("report.html").write_text("<title>A report</title>")
"""
SLEEPING = "import time\nprint('Fitting', flush=True)\ntime.sleep(60)\n"
OWN = ("Subject No", "trial", "reward", "effort", "recipient", "Choice")  # columns of messy trials
MATCHED = {  # of messy trials
    "trials.participant.column": "0",
    "trials.trial.column": "1",
    "trials.reward.column": "2",
    "trials.effort.column": "3",
    "trials.recipient.column": "4",
    "trials.recipient.codes": "1=self, 2=other",
    "trials.work.column": "5",
}
