"""The floor of `cmlkit asset publish`: FILE in a commit on the existing branch of images."""

import base64
import hashlib
import os
import sys
from pathlib import Path

from benchmarks.floors.github import REPOSITORY, send

git = f"{REPOSITORY}/git"
content = Path(sys.argv[1]).read_bytes()
name = hashlib.sha256(content).hexdigest() + ".png"
head = send("GET", f"{git}/ref/heads/cmlkit-assets")["object"]["sha"]
send("GET", f"{git}/trees/{head}")
blob = send("POST", f"{git}/blobs", {"content": base64.b64encode(content).decode(), "encoding": "base64"})["sha"]
base = send("GET", f"{git}/commits/{head}")["tree"]["sha"]
entry = {"path": name, "mode": "100644", "type": "blob", "sha": blob}
tree = send("POST", f"{git}/trees", {"base_tree": base, "tree": [entry]})["sha"]
commit = send("POST", f"{git}/commits", {"message": "Store", "tree": tree, "parents": [head]})["sha"]
send("PATCH", f"{git}/refs/heads/cmlkit-assets", {"sha": commit, "force": False})
print(f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}/blob/{commit}/{name}?raw=true")
