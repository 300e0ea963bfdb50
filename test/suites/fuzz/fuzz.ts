// Does anything that a client can send crash the collector, grow it, or get a 202 that it should not get?
// npm run fuzz -- [--minutes 1] [--requests N] [--seed N] [--connections 64]

import { parseArgs } from 'node:util'
import { createRandom } from '../../../lib/load/random.js'
import { DevBroker } from '../../../lib/primary/dev-broker.js'
import { batchOf } from '../../../tools/batches.js'
import { Collector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { createCases, type FuzzCase } from './cases.js'
import { FuzzConnection, type Outcome } from './connection.js'
import { fuzzSplit } from './split.js'

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    requests: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    connections: { type: 'string', default: '64' },
  },
})
const maxRequests = Number(flags.requests)
const endsAtMs = performance.now() + Number(flags.minutes) * 60_000
const random = createRandom(Number(flags.seed))
/** Memory is compared between the end and this part of the campaign, when buffers and code have warmed up. */
const warmUpPart = 0.2
const mebibyte = 2 ** 20
const maxGrowthMiB = 96
const maxShown = 10

console.log(`fuzz: seed ${flags.seed}, ${flags.minutes} minutes`)
const splitResult = fuzzSplit(random, performance.now() + Number(flags.minutes) * 6000)
console.log(`split: ${splitResult.bodies} bodies, ${splitResult.parsed} compared with JSON.parse`)

const broker = await DevBroker.start()
const collector = new Collector({ kafka: broker.address })
await collector.listening()
await waitFor(async () => (await collector.get('/ready')).status === 200, 'ready')
const pids = (await collector.workerPids()).sort()

const outcomes = new Map<string, number>()
const kinds = new Map<string, number>()
const findings: string[] = splitResult.wrong.map((body) => `split differs from JSON.parse: ${body}`)
let sent = 0
let warmMiB: number | undefined

await campaign()

const endMiB = await memoryMiB()
const { worker_restarts, ledger } = await collector.stats()
if (worker_restarts > 0) findings.push(`${worker_restarts} workers crashed`)
if (String((await collector.workerPids()).sort()) !== String(pids)) findings.push('the workers are not the same ones')
if (ledger.difference !== 0) findings.push(`the ledger does not balance: ${JSON.stringify(ledger)}`)
if (endMiB - (warmMiB ?? endMiB) > maxGrowthMiB) findings.push('memory grew')
for (const { level, msg } of collector.logs) if (level === 'error' || level === 'fatal') findings.push(`log: ${msg}`)
await postGood()
await collector.end()
await broker.stop()

for (const [name, count] of [...kinds].sort()) console.log(`  ${name}: ${count}`)
for (const [name, count] of [...outcomes].sort()) console.log(`  ${name}: ${count}`)
console.log(`memory of the workers: ${warmMiB} MiB after ${warmUpPart * 100} %, ${endMiB} MiB at the end`)
for (const finding of findings.slice(0, maxShown)) console.log(`FINDING ${finding}`)
console.log(`${sent} requests, ${splitResult.parsed} comparisons of split, ${findings.length} findings`)
process.exit(findings.length === 0 ? 0 : 1)

async function campaign(): Promise<void> {
  const startedAtMs = performance.now()
  const next = createCases(random)
  const nextCase = () => {
    if (sent >= maxRequests || performance.now() > endsAtMs) return undefined
    sent++
    return next()
  }
  const port = Number(new URL(collector.url).port)
  const watcher = setInterval(async () => {
    const part = Math.max(sent / maxRequests, (performance.now() - startedAtMs) / (endsAtMs - startedAtMs))
    if (part > warmUpPart) warmMiB ??= await memoryMiB()
  }, 1000)
  const connections = Array.from(
    { length: Number(flags.connections) },
    () => new Promise<void>((resolve) => new FuzzConnection(port, nextCase, judge, resolve)),
  )
  await Promise.all(connections)
  clearInterval(watcher)
  const seconds = (performance.now() - startedAtMs) / 1000
  console.log(`${sent} requests in ${Math.round(seconds)} s, ${Math.round(sent / seconds)} a second`)
}

function judge(fuzzCase: FuzzCase, outcome: Outcome): void {
  const { kind, bytes, good, allowed, ends } = fuzzCase
  count(kinds, kind)
  if (typeof outcome === 'string') {
    count(outcomes, ends === 'abort' ? 'aborted' : outcome)
    if (outcome === 'silent' || (outcome === 'closed' && ends !== 'abort')) note(outcome, bytes)
    return
  }
  const { status, body } = outcome
  count(outcomes, String(status))
  if (allowed !== undefined) {
    if (status !== 503 && !allowed.includes(status)) note(`${status} for ${kind}`, bytes)
  } else if (status === 202) {
    const accepted = JSON.parse(body).metrics_accepted
    if (accepted !== good) note(`202 for ${accepted} metrics, where ${good} are good`, bytes)
  } else if (status === 500) note('500', bytes)
  else if (good > 0 && status !== 503) note(`${status} for ${good} good metrics`, bytes)
}

function note(what: string, bytes: Buffer): void {
  findings.push(`${what}: ${JSON.stringify(bytes.toString('latin1'))}`)
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** A good batch gets 202, and the broker has acknowledged it. */
async function postGood(): Promise<void> {
  const before = (await collector.stats()).kafka.records_acknowledged
  const { status, body } = await collector.post(batchOf(1))
  const sent = (await collector.stats()).kafka.records_acknowledged - before
  if (status !== 202 || body.durability !== 'kafka' || sent !== 1) findings.push(`a good batch got ${status}`)
}

async function memoryMiB(): Promise<number> {
  const { workers } = await collector.stats()
  return Math.round(workers.reduce((sum, { resident_memory_bytes }) => sum + resident_memory_bytes, 0) / mebibyte)
}
