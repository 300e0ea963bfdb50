import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { configSchema, variableOf } from '../../lib/shared/config.js'
import { pages } from '../../scripts/generate-docs.js'

for (const [path, page] of Object.entries(pages)) {
  test(`${path} says what the code says; npm run docs writes it`, async (t) => {
    t.equal(readFileSync(path, 'utf8'), page())
  })
}

const known = new Set(Object.keys(configSchema.properties).map(variableOf))
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

for (const path of documents) {
  test(`${path} names no setting that does not exist`, async (t) => {
    const names = readFileSync(path, 'utf8').match(/VANTAGE_[A-Z_]+(?==|`)/g) ?? []
    const exists = (name: string) => known.has(name) || known.has(name.replace(/_FILE$/, '')) || isOther(name)
    const unknown = names.filter((name) => !exists(name))
    t.same(unknown, [])
  })

  test(`${path} links to nothing that is not there`, async (t) => {
    const text = readFileSync(path, 'utf8')
    const folder = path.includes('/') ? 'docs/' : ''
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target]) => folder + target)
    for (const link of links) t.doesNotThrow(() => readdirOrFile(link), link)
  })
}

/** Properties passed through, and the codes of problems, have the prefix, too. */
function isOther(name: string): boolean {
  return name.startsWith('VANTAGE_KAFKA_PROPERTY_') || pages['docs/errors.md']?.().includes(`\`${name}\``) === true
}

function readdirOrFile(path: string): void {
  if (path.endsWith('/')) readdirSync(path)
  else readFileSync(path)
}
