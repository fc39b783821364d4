// Use a GitHub through @octokit/rest, as actions and scripts do; print what it found as JSON. Arguments: API, owner, name, token.
import { Octokit } from '@octokit/rest'

const [baseUrl, owner, repo, auth] = process.argv.slice(2)
const octokit = new Octokit({ auth, baseUrl, log: { debug() {}, info() {}, warn() {}, error() {} } })
const at = { owner, repo }
const found = {}

found.default_branch = (await octokit.rest.repos.get(at)).data.default_branch
const sha = (await octokit.rest.git.getRef({ ...at, ref: 'heads/main' })).data.object.sha
const { data: readme } = await octokit.rest.repos.getReadme(at)
found.readme = Buffer.from(readme.content, 'base64').toString()
found.raw = (await octokit.rest.repos.getContent({ ...at, path: 'train.py', mediaType: { format: 'raw' } })).data

await octokit.rest.git.createRef({ ...at, ref: 'refs/heads/daily', sha })
const content = Buffer.from('accuracy: 0.9\n').toString('base64')
await octokit.rest.repos.createOrUpdateFileContents({ ...at, path: 'metrics.txt', message: 'Add', content, branch: 'daily' })
const { data: pull } = await octokit.rest.pulls.create({ ...at, head: 'daily', base: 'main', title: 'Retrain' })
const issue = { ...at, issue_number: pull.number }
await octokit.rest.issues.addLabels({ ...issue, labels: ['Model', 'daily'] })
found.set = (await octokit.rest.issues.setLabels({ ...issue, labels: ['model'] })).data.map(each => each.name)
for (let number = 1; number <= 35; number += 1) {
  await octokit.rest.issues.createComment({ ...issue, body: `Comment ${number}` })
}
const comments = await octokit.paginate(octokit.rest.issues.listComments, { ...issue, per_page: 10 })
found.comments = comments.length
found.last = comments.at(-1).body

const head = pull.head.sha
await octokit.rest.repos.createCommitStatus({ ...at, sha: head, state: 'failure', context: 'gate' })
const { data: combined } = await octokit.rest.repos.getCombinedStatusForRef({ ...at, ref: head })
found.combined = [combined.state, combined.total_count]
await octokit.rest.checks.create({ ...at, name: 'gate', head_sha: head, conclusion: 'success' })
found.checks = (await octokit.rest.checks.listForRef({ ...at, ref: head })).data.total_count
found.protection = await octokit.rest.repos.getBranchProtection({ ...at, branch: 'main' }).catch(error => [error.status, error.response.data.message])
found.long = await octokit.rest.repos
  .createCommitStatus({ ...at, sha: head, state: 'success', description: 'x'.repeat(141) })
  .catch(error => error.status)
const asked = 'query($login: String!) { viewer { login } user(login: $login) { login } }'
found.graphql = await octokit.graphql('query { viewer { login } }')
found.refused = await octokit.graphql(asked, { login: 'octo' }).catch(error => error.name)
await octokit.rest.repos.deleteFile({ ...at, path: 'metrics.txt', message: 'Remove', sha: (await octokit.rest.repos.getContent({ ...at, path: 'metrics.txt', ref: 'daily' })).data.sha, branch: 'daily' })
found.gone = await octokit.rest.repos.getContent({ ...at, path: 'metrics.txt', ref: 'daily' }).catch(error => error.status)
await octokit.rest.pulls.update({ ...at, pull_number: pull.number, state: 'closed' })
found.open = (await octokit.rest.pulls.list(at)).data.length
console.log(JSON.stringify(found))
