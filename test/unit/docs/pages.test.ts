import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { configSchema } from '../../../lib/config/schema.js'
import { variableOf } from '../../../lib/config/variables.js'
import { pages } from '../../../scripts/generate-docs.js'

for (const [path, page] of Object.entries(pages)) {
  test(`${path} says what the code says; npm run docs writes it`, async (t) => {
    t.equal(readFileSync(path, 'utf8'), page())
  })
}

const known = new Set(Object.keys(configSchema.properties).map(variableOf))
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...['docs', 'docs/decisions'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
]

for (const path of documents) {
  test(`${path} names no setting that does not exist`, async (t) => {
    const names = readFileSync(path, 'utf8').match(/VANTAGE_[A-Z_]+(?==|`)/g) ?? []
    const exists = (name: string) => known.has(name) || known.has(name.replace(/_FILE$/, '')) || isOther(name)
    const unknown = names.filter((name) => !exists(name))
    t.same(unknown, [])
  })

  test(`${path} names no file of this repository that is not there`, async (t) => {
    const names = readFileSync(path, 'utf8').match(/(?<=`|\s)(?:bench|bin|deploy|lib|scripts|test)\/[\w./-]*\w/g) ?? []
    for (const name of names) t.ok(existsSync(name), name)
  })

  test(`${path} links to the glossary, if it is a page of docs/`, async (t) => {
    const isPage = dirname(path) === 'docs' && path !== 'docs/glossary.md'
    t.ok(!isPage || readFileSync(path, 'utf8').includes('](glossary.md)'))
  })

  test(`${path} links to nothing that is not there`, async (t) => {
    const text = readFileSync(path, 'utf8')
    for (const [, target = '', anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)#?([^)]*)\)/g)) {
      const link = target === '' ? path : join(dirname(path), target)
      t.doesNotThrow(() => readdirOrFile(link), link)
      if (anchor) t.ok(anchorsOf(link).includes(anchor), `${link} has a heading for #${anchor}`)
    }
  })
}

/** Properties passed through, and the codes of problems, have the prefix, too. */
function isOther(name: string): boolean {
  return name.startsWith('VANTAGE_KAFKA_PROPERTY_') || pages['docs/errors.md']?.().includes(`\`${name}\``) === true
}

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, 'utf8').match(/(?<=^#+ ).+$/gm) ?? []
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
}

function readdirOrFile(path: string): void {
  if (path.endsWith('/')) readdirSync(path)
  else readFileSync(path)
}
