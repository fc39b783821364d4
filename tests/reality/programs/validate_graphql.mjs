// Validate GraphQL documents, a JSON list in the file of the first argument, against GitHub's published schema; print the errors of each.
import { readFileSync } from 'node:fs'
import { validate } from '@octokit/graphql-schema'

const documents = JSON.parse(readFileSync(process.argv[2], 'utf8'))
console.log(JSON.stringify(documents.map(document => validate(document).map(error => error.message))))
