// What a newcomer does, as README.md says it, in a minimal Debian with the packages that it names, Node, and nothing else of the
// machine that the tests run on. FRESH_ON names other systems than those of CI ("trixie/22 bookworm/20"), FRESH_COMMIT another
// commit than HEAD; FRESH_FULL=1 runs the whole of npm test there, too.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { waitFor } from '../../../tools/wait-for.js'
import type { Container } from '../../support/container.js'
import type { Debian } from '../../support/debian.js'
import { blocksOf } from '../../support/doc-blocks.js'
import { FreshMachine } from '../../support/fresh-machine.js'
import { plainly } from '../../support/plainly.js'

const run = promisify(execFile)
const { FRESH_ON: on = 'bookworm/22 trixie/24', FRESH_COMMIT: commit = 'HEAD', FRESH_FULL: full } = process.env
const systems = on.split(' ').map(systemOf)
const blocks = blocksOf('README.md').map(({ code }) => code.trim())
/** The commands of README.md, and what it shows of their output. */
const [install = '', dev = ''] = blockWith('npm ci && npm run dev').split(' && ')
const post = blockWith('curl -i')
const answer = blockWith('HTTP/1.1 202')
const tail = blockWith('npm run --silent tail')
const record = blockWith('"agent_version":"unknown"}')
const prebuilt = blockWith('npx ./vantage-collector')

/** The packages that the systems make. */
const packages = mkdtempSync(join(tmpdir(), 'vantage-packages-'))
t.teardown(() => rmSync(packages, { recursive: true }))
const packageOf = ({ release, node }: Debian) => join(packages, `${release}-${node}.tgz`)

// Compiling librdkafka takes minutes, most of them with one process at a time.
t.jobs = systems.length
const tried = systems.map((system) =>
  t.test(`the commands of README.md do what it says on ${nameOf(system)}`, { buffered: true }, async (t) => {
    const machine = await FreshMachine.create(t, system)
    await machine.checkOut(commit)
    await machine.installPackages([...packagesIn(join(machine.folder, 'README.md')), 'curl'])
    const installed = await machine.runOnline(`time ${install}`)
    if (!t.equal(installed.code, 0, install, installed)) return
    t.comment(`${install}: ${/real.*$/s.exec(installed.output)?.[0].replaceAll(/\s+/g, ' ')}`)
    const collector = await startCollector(t, machine, dev)
    if (collector === undefined) return
    await postAndRead(t, machine, tail)
    await collector.kill()

    if (full === '1') {
      const tested = await machine.run('npm test -- --reporter=tap')
      t.equal(tested.code, 0, 'npm test', { output: tested.output.slice(-20_000) })
      t.comment(/# \{ total.*\}/.exec(tested.output)?.[0] ?? 'no counts')
    }
    const packed = await machine.run('npm run --silent prebuilt')
    if (t.equal(packed.code, 0, 'npm run prebuilt', packed))
      await machine.takeFile(packed.output.trim(), packageOf(system))
  }),
)
// Not beside them: it takes the packages that they make.
await Promise.all(tried)

t.test('packages of several Nodes make one, which runs without a compiler and a registry', async (t) => {
  const { stdout } = await run(...plainly('node', [resolve('dist/scripts/prebuilt.js'), ...systems.map(packageOf)]), {
    cwd: packages,
  })
  for (const system of systems) {
    await t.test(nameOf(system), async (t) => {
      const machine = await FreshMachine.create(t, system)
      await machine.installPackages(['libssl3', 'curl'])
      await machine.putFile(join(packages, stdout.trim()))
      const collector = await startCollector(t, machine, prebuilt)
      if (collector !== undefined) await postAndRead(t, machine, prebuilt.replace('--dev', 'tail --dev'))
    })
  }
})

async function startCollector(t: Test, machine: FreshMachine, command: string): Promise<Container | undefined> {
  const startedAt = performance.now()
  const collector = machine.start(command)
  t.teardown(() => collector.kill())
  await waitFor(() => collector.output.includes('collector is listening') || !collector.running, command, 120_000)
  t.comment(`${command}: it listens after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  return t.ok(collector.running, command, { output: collector.output }) ? collector : undefined
}

async function postAndRead(t: Test, machine: FreshMachine, read: string): Promise<void> {
  const { output: answered } = await machine.run(post)
  for (const line of shownIn(answer)) t.ok(answered.includes(line), `curl prints ${line}`, { answered })
  const reader = machine.start(read)
  t.teardown(() => reader.kill())
  await waitFor(() => reader.output.includes('"unknown"}') || !reader.running, read)
  const { output } = reader
  for (const line of shownIn(record)) t.ok(output.includes(line), `${read} prints ${line}`, { output })
}

function systemOf(name: string): Debian {
  const [release, node = ''] = name.split('/')
  if (release !== 'bookworm' && release !== 'trixie') throw new Error(`FRESH_ON: ${name} is no Debian`)
  return { release, node }
}

function nameOf({ release, node }: Debian): string {
  return `Debian ${release} with Node ${node}`
}

function blockWith(text: string): string {
  const found = blocks.find((code) => code.includes(text))
  if (found === undefined) throw new Error(`README.md has no block with ${text}`)
  return found
}

/** The lines of an output that README.md shows, but for those that say that there is more. */
function shownIn(block: string): string[] {
  return block.split('\n').filter((line) => line.trim() !== '' && line !== '...')
}

/** The packages that README.md says are needed, for the tests, too, where they run; those in parentheses are not. */
function packagesIn(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  const [, compile = ''] = /what compiles librdkafka:([^(]*)/.exec(text) ?? []
  const [, test = ''] = /The tests, which need(.*), too,/.exec(text) ?? []
  const packages = [...(full === '1' ? compile + test : compile).matchAll(/`(.*?)`/g)].map(([, name = '']) => name)
  if (packages.length === 0) throw new Error('README.md names no packages')
  return packages
}
