import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'
import { test } from 'tap'

/** What the files of each room may import from, beside their own room. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  load: [],
  config: ['shared'],
  telemetry: ['config', 'shared'],
  delivery: ['telemetry', 'config', 'shared'],
  ingest: ['delivery', 'telemetry', 'config', 'shared'],
  view: ['telemetry'],
  pages: ['view', 'telemetry'],
  primary: ['telemetry', 'config', 'shared'],
  worker: ['ingest', 'delivery', 'telemetry', 'config', 'shared'],
  commands: ['ingest', 'delivery', 'telemetry', 'view', 'config', 'shared'],
}

/** Packages that only some files know, so that another could take their place. */
const importers: Readonly<Record<string, RegExp>> = {
  'uws-pack': /^lib\/worker\/uwebsockets\.ts$/,
  'node-rdkafka': /^lib\/(delivery\/.*|primary\/dev-broker\.ts|commands\/topic-reader\.ts)$/,
  '@opentelemetry/api': /^lib\/worker\/tracing\//,
}

const files = ['bin', 'lib'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
)

const importsOf = new Map(files.map((path) => [path, readImports(path)]))

function readImports(path: string): string[] {
  const specifiers = readFileSync(path, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)
  const targets = [...specifiers].map(([, specifier = '']) => normalize(join(dirname(path), specifier)))
  return targets.map((target) => target.replace(/\.js$/, '.ts'))
}

const roomOf = (path: string) => /^lib\/([^/]+)\//.exec(path)?.[1]

test('every room is known', async (t) => {
  t.same([...new Set(files.map(roomOf).filter((room) => room !== undefined))].sort(), Object.keys(mayImport).sort())
})

test('imports go one way', async (t) => {
  for (const [path, imports] of importsOf) {
    const room = roomOf(path)
    if (room === undefined) continue
    const allowed = [room, ...(mayImport[room] ?? [])]
    for (const target of imports) t.ok(allowed.includes(roomOf(target) ?? ''), `${path} imports ${target}`)
  }
})

test('only some files know the packages that might be replaced', async (t) => {
  for (const path of files) {
    const text = readFileSync(path, 'utf8')
    for (const [name, mayKnow] of Object.entries(importers)) {
      const knows = new RegExp(`\\b(?:from|import|require)\\s*\\(?\\s*'${name}'`).test(text)
      t.ok(!knows || mayKnow.test(path), `${path} imports ${name}`)
    }
  }
})

test('delivery says what became of a batch, and makes no answer of it', async (t) => {
  const makesAnswers = /\bProblem(?:Code|Definition)?\b|shared\/answer\.js|\bHTTP\b/
  const delivery = files.filter((path) => roomOf(path) === 'delivery')
  for (const path of delivery) t.notMatch(readFileSync(path, 'utf8'), makesAnswers, path)
})

test('the rest of delivery knows of the journal only what journal.ts and dead-space.ts say', async (t) => {
  const isJournal = (path: string) => path.startsWith('lib/delivery/journal/')
  for (const [path, imports] of importsOf) {
    if (roomOf(path) !== 'delivery' || isJournal(path)) continue
    const inner = imports.filter((target) => isJournal(target) && !/\/(?:journal|dead-space)\.ts$/.test(target))
    t.same(inner, [], path)
  }
})

/** Schemas, and descriptions made of them, are long lists. */
const mayBeLong = /(?:schema|openapi)\.ts$/
/** C needs some lines more for the same: declarations, and each call that may fail. */
const mostLines: Readonly<Record<string, number>> = { ts: 300, c: 350, h: 350 }

test('each file of lib can be read at a sitting', async (t) => {
  const names = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter((name) => !mayBeLong.test(name))
  for (const name of names) {
    const most = mostLines[name.slice(name.lastIndexOf('.') + 1)]
    if (most === undefined) continue
    const lines = readFileSync(join('lib', name), 'utf8').split('\n').length - 1
    t.ok(lines <= most, `lib/${name}: ${lines} lines`)
  }
})

test('no imports go in a circle', async (t) => {
  const done = new Set<string>()
  const visit = (path: string, way: readonly string[]) => {
    if (way.includes(path)) t.fail([...way.slice(way.indexOf(path)), path].join(' > '))
    if (done.has(path) || way.includes(path)) return
    for (const target of importsOf.get(path) ?? []) visit(target, [...way, path])
    done.add(path)
  }
  for (const path of files) visit(path, [])
  t.equal(done.size, files.length)
})

const mostFiles: Readonly<Record<string, number>> = {
  'One good POST, from the socket to its 202': 20,
  'One GET of /v1/stats': 8,
  'From the start to the first request': 8,
}

test('the walks of docs/architecture.md are short, and each file of them leads on from one before', async (t) => {
  const [, ...walks] = readFileSync('docs/architecture.md', 'utf8').split(/^### /m)
  t.same(walks.map((walk) => walk.slice(0, walk.indexOf('\n'))).sort(), Object.keys(mostFiles).sort())
  for (const walk of walks) {
    const title = walk.slice(0, walk.indexOf('\n'))
    const walked = [...walk.matchAll(/^\| `([^`]+)`/gm)].map(([, path = '']) => path)
    t.ok(walked.length <= (mostFiles[title] ?? 0), `${title}: ${walked.length} files`)
    t.same([...new Set(walked)], walked, 'no file twice')
    for (const [n, path] of walked.entries()) {
      const before = walked.slice(0, n)
      t.ok(n === 0 || before.some((other) => areNeighbours(other, path)), `${path} leads on`)
    }
  }
})

/** Whether one of them imports the other, or is the C behind the addon that the other one imports. */
function areNeighbours(one: string, other: string): boolean {
  const [binding] = other.endsWith('.c') ? [join(dirname(other), 'binding.ts')] : [other]
  return importsOf.get(one)?.includes(binding) === true || importsOf.get(other)?.includes(one) === true
}
