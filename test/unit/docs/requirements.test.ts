import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { test } from 'tap'

type Requirement = { debian: string; library?: string }
const requirements: Requirement[] = JSON.parse(readFileSync('scripts/requirements/packages.json', 'utf8'))
const packages = requirements.map(({ debian }) => debian)

test('each page and script that names a package of the build names all of them, and no others', async (t) => {
  const { stdout } = await promisify(execFile)('git', ['ls-files'])
  const lists = stdout
    .split('\n')
    .filter((path) => /\.md$|Dockerfile|\.ya?ml$|^\.ci\//.test(path) && path !== 'CHANGELOG.md')
  const listing = lists.filter((path) => developmentPackages(path).length > 0)
  for (const path of ['README.md', 'CONTRIBUTING.md', 'docs/operations.md', 'Dockerfile', '.ci/run'])
    t.ok(listing.includes(path), `${path} names them`)
  for (const path of listing) {
    const words = new Set(readFileSync(path, 'utf8').split(/[^\w+.-]+/))
    t.same(
      packages.filter((name) => !words.has(name)),
      [],
      `${path} leaves none out`,
    )
    t.same(
      developmentPackages(path).filter((name) => !packages.includes(name)),
      [],
      `${path} names no others`,
    )
  }
})

test('the image has the libraries that librdkafka is linked to', async (t) => {
  const dockerfile = readFileSync('Dockerfile', 'utf8')
  const installs = dockerfile
    .slice(dockerfile.lastIndexOf('\nFROM '))
    .match(/apt-get install .*/)?.[0]
    .split(' ')
  for (const { library } of requirements) if (library !== undefined) t.ok(installs?.includes(library), library)
})

function developmentPackages(path: string): string[] {
  return readFileSync(path, 'utf8').match(/\b(?:lib|zlib)[\w+.]*-dev\b/g) ?? []
}
