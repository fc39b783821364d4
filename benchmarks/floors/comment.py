"""The floor of `cmlkit comment create`: FILE as a comment on the run's commit."""

import os
import sys
from pathlib import Path

from benchmarks.floors.github import REPOSITORY, login, send

login()
comments = f"{REPOSITORY}/commits/{os.environ['GITHUB_SHA']}/comments"
send("GET", f"{comments}?per_page=100")
print(send("POST", comments, {"body": Path(sys.argv[1]).read_text()})["html_url"])
