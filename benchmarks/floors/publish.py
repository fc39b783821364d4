"""The floor of `cmlkit publish`: FILES in one commit on BRANCH, a pull request, a comment, a check."""

import base64
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.floors.github import REPOSITORY, login, send

git = f"{REPOSITORY}/git"
branch, *files = sys.argv[1:]


def push(file: str) -> str:
    """Push a file that is too large for GitHub's API, under a ref of its own; return its blob id."""
    url = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}.git"
    credentials = base64.b64encode(f"x:{os.environ['CMLKIT_TOKEN']}".encode()).decode()
    author = ["-c", "user.name=floor", "-c", "user.email=floor@example.com"]
    with tempfile.TemporaryDirectory() as folder:

        def git(*arguments: str, send: str = "") -> str:
            argv = ["git", "-C", folder, *author, "-c", f"http.extraHeader=Authorization: Basic {credentials}"]
            return subprocess.run([*argv, *arguments], check=True, capture_output=True, text=True, input=send).stdout

        git("init", "--quiet", "--bare")
        blob = git("hash-object", "-w", "--no-filters", str(Path(file).resolve())).strip()
        tree = git("mktree", send=f"100644 blob {blob}\tfile\n").strip()
        git("push", "--quiet", url, f"{git('commit-tree', tree, '-m', 'Large').strip()}:refs/uploads/{blob}")
    return blob


def upload(file: str) -> dict[str, str]:
    if Path(file).stat().st_size > 35 * 1024**2:
        return {"path": file, "mode": "100644", "type": "blob", "sha": push(file)}
    content = base64.b64encode(Path(file).read_bytes()).decode()
    blob = send("POST", f"{git}/blobs", {"content": content, "encoding": "base64"})["sha"]
    return {"path": file, "mode": "100644", "type": "blob", "sha": blob}


send("GET", REPOSITORY)
head = send("GET", f"{git}/ref/heads/main")["object"]["sha"]
send("GET", f"{git}/trees/{head}")
login()
send("GET", f"{git}/ref/heads/{branch}", may_fail=True)
send("GET", f"{git}/trees/{head}")
with ThreadPoolExecutor(max_workers=4) as pool:
    entries = list(pool.map(upload, files))
base = send("GET", f"{git}/commits/{head}")["tree"]["sha"]
tree = send("POST", f"{git}/trees", {"base_tree": base, "tree": entries})["sha"]
commit = send("POST", f"{git}/commits", {"message": "Publish", "tree": tree, "parents": [head]})["sha"]
send("POST", f"{git}/refs", {"ref": f"refs/heads/{branch}", "sha": commit})
send("GET", f"{REPOSITORY}/pulls?per_page=100&state=all&head=octo:{branch}")
pull = {"title": "Publish", "head": branch, "base": "main", "body": "A model"}
number = send("POST", f"{REPOSITORY}/pulls", pull)["number"]
comments = f"{REPOSITORY}/issues/{number}/comments"
report = Path(files[-1]).read_text()
send("GET", f"{comments}?per_page=100")
send("POST", comments, {"body": report})
send("GET", f"{comments}?per_page=100")
send("GET", f"{REPOSITORY}/commits/{commit}/check-runs?per_page=100&check_name=floor&filter=all")
check = {"name": "floor", "head_sha": commit, "status": "completed", "conclusion": "success"}
send("POST", f"{REPOSITORY}/check-runs", {**check, "output": {"title": "floor", "summary": report}})
send("GET", f"{REPOSITORY}/pulls?per_page=100&state=open&base=main")
