"""Use a GitHub through PyGithub, as scripts do; print what it found as JSON.

Arguments: URL of the API, repository, a person's token, a bot's token.
"""

import json
import sys

from github import Auth, Github, GithubException

api, full_name, token, bot_token = sys.argv[1:]
person = Github(base_url=api, auth=Auth.Token(token), retry=None)
bot = Github(base_url=api, auth=Auth.Token(bot_token), retry=None)
repository, as_bot = person.get_repo(full_name), bot.get_repo(full_name)
found = {"login": person.get_user().login, "default_branch": repository.default_branch}

main = repository.get_branch("main")
found["readme"] = repository.get_readme().decoded_content.decode()
found["files"] = sorted(each.path for each in repository.get_contents(""))
found["train.py"] = repository.get_contents("train.py").decoded_content.decode()

repository.create_git_ref("refs/heads/daily", main.commit.sha)
created = repository.create_file("metrics.txt", "Add metrics", "accuracy: 0.9\n", branch="daily")
again = repository.get_contents("metrics.txt", ref="daily")
updated = repository.update_file("metrics.txt", "Update metrics", "accuracy: 0.95\n", again.sha, branch="daily")
found["updated"] = repository.get_contents("metrics.txt", ref="daily").decoded_content.decode()

pull = repository.create_pull(base="main", head="daily", title="Retrain", body="A new model.")
pull.add_to_labels("Model", "daily")
pull.as_issue().set_labels("model")
found["labels"] = [each.name for each in repository.get_pull(pull.number).get_labels()]
pull.as_issue().create_comment("First").edit("Second")
found["comments"] = [each.body for each in pull.get_issue_comments()]
found["pull_files"] = [each.filename for each in pull.get_files()]
found["pull_commits"] = [each.commit.message for each in pull.get_commits()]

commit = repository.get_commit(updated["commit"].sha)
commit.create_status("pending", context="gate")
commit.create_status("success", context="gate", description="accuracy 0.95")
combined = commit.get_combined_status()
found["combined"] = [combined.state, combined.total_count, [each.context for each in combined.statuses]]
found["statuses"] = [each.state for each in commit.get_statuses()]
run = as_bot.create_check_run("gate", commit.sha, status="completed", conclusion="success")
found["checks"] = [each.conclusion for each in commit.get_check_runs()]
found["protected"] = repository.get_branch("main").protected
try:
    repository.get_branch("main").get_protection()
except GithubException as error:
    found["protection"] = [error.status, error.data["message"]]
try:
    commit.create_status("success", description="x" * 141)
except GithubException as error:
    found["long"] = error.status
found["merged"] = pull.merge(merge_method="squash").merged
pull.delete_branch()
found["branches"] = [each.name for each in repository.get_branches()]
print(json.dumps(found))
