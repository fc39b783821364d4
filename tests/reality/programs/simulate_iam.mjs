// Decide by IAM policies with @cloud-copilot/iam-simulate. The file of the first argument has a JSON list of
// {identity, trust, principal, questions, known}. Prints the decision on each question. One that AWS would not be asked is an
// error, unless the questions are known from another case.
import { readFileSync } from 'node:fs'
import { runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate'

const accountId = '123456789012'
// Its data lacks ARNs without an account, which public parameters have, and the claims of identity providers.
const unlisted = ({ action, resource }) =>
  /^arn:aws:ssm:[^:]*::parameter\/aws\/service\//.test(resource) || action === 'sts:AssumeRoleWithWebIdentity'

async function decided ({ identity, trust, principal, known }, { action, resource, context }) {
  const simulation = {
    request: { principal, action, resource: { resource, accountId }, contextVariables: context },
    identityPolicies: identity.map((policy, index) => ({ name: String(index), policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: trust ?? undefined
  }
  if (known || unlisted({ action, resource })) return runUnsafeSimulation(simulation, {})
  const answer = await runSimulation(simulation, {})
  if (answer.resultType !== 'single') throw new Error(`${action} ${resource}: ${JSON.stringify(answer)}`)
  if (answer.result.ignoredContextKeys?.length) {
    throw new Error(`${action} ${resource} has no ${answer.result.ignoredContextKeys}`)
  }
  return answer.result.analysis.result
}

const answers = []
for (const each of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
  const decisions = []
  for (const question of each.questions) decisions.push(await decided(each, question))
  answers.push(decisions)
}
console.log(JSON.stringify(answers))
