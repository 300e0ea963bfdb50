// npm run bench: measures what the collector can do on this machine, and says what changed between two results.

import { parseArgs } from 'node:util'
import { compareFiles } from './compare.js'
import { type BenchKafka, startEmbeddedKafka, startRealKafka, useKafka } from './kafka.js'
import { describeMachine, writeResult } from './results.js'
import { Bench, type Findings, type Subject } from './subject.js'

const usage = `Usage:
  npm run bench -- [SUBJECT...] [--quick] [--kafka | --bootstrap HOST:PORT] [--runs N] [--seconds N] [--out DIRECTORY]
  npm run bench -- compare A/result.json B/result.json

Subjects: throughput, latency, outage, restart, slow-clients, scaling, observed, micro, peers, side-by-side; all of them unless some are named. Each
answers the question in the first line of its file in bench/.

  --quick      a first impression in under three minutes
  --kafka      on a real Apache Kafka, which Maven fetches at first (Java 17), instead of the embedded one
  --other      for side-by-side: the command that starts the other collector, such as "node /elsewhere/dist/bin/vantage-collector.js"
  --bootstrap  on a cluster that is there; the topics bench-* stay there
`

/** Loaded when they are run, so that one does not need what another needs. */
const subjects: Record<string, () => Promise<Subject>> = {
  throughput: async () => (await import('./throughput.js')).throughput,
  latency: async () => (await import('./latency.js')).latency,
  outage: async () => (await import('./outage.js')).outage,
  restart: async () => (await import('./restart.js')).restart,
  'slow-clients': async () => (await import('./slow-clients.js')).slowClients,
  scaling: async () => (await import('./scaling.js')).scaling,
  observed: async () => (await import('./observed.js')).observed,
  micro: async () => (await import('./micro.js')).micro,
  peers: async () => (await import('./peers.js')).peers,
  'side-by-side': async () => (await import('./side-by-side.js')).sideBySide,
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    kafka: { type: 'boolean', default: false },
    bootstrap: { type: 'string' },
    other: { type: 'string' },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    out: { type: 'string', default: 'bench-results' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const [first, ...rest] = positionals
const unknown = positionals.filter((name) => !Object.hasOwn(subjects, name))
if (flags.help) process.stdout.write(usage)
else if (first === 'compare' && rest.length === 2) await runCompare(rest[0] ?? '', rest[1] ?? '')
else if (unknown.length > 0) fail(`There is no subject ${unknown.join(', ')}`)
else await runSubjects(positionals.length > 0 ? positionals : Object.keys(subjects))

async function runCompare(before: string, after: string): Promise<void> {
  const slower = await compareFiles(before, after, (line) => process.stdout.write(`${line}\n`))
  if (slower) process.exitCode = 1
}

async function runSubjects(names: string[]): Promise<void> {
  const { quick, out } = flags
  const configuration = {
    quick,
    runs: numberOf('runs', flags.runs, quick ? 1 : 5),
    seconds: numberOf('seconds', flags.seconds, quick ? 2 : 10),
    ...(flags.other !== undefined && { other: flags.other }),
  }
  const kafka = await chooseKafka()
  const bench = new Bench(kafka, { ...configuration, report: (line) => void process.stderr.write(`  ${line}\n`) })
  const found: Record<string, Findings> = {}
  try {
    if (flags.kafka && !quick) await bench.warmUpKafka()
    for (const name of names) {
      process.stderr.write(`${name}\n`)
      const subject = await subjects[name]?.()
      if (subject !== undefined) found[name] = await subject(bench)
      // After each, so that what was found is there even if the next one fails.
      await writeResult(out, { ...describeMachine(), kafka: kafka.description, configuration, subjects: found })
    }
  } finally {
    await kafka.stop()
  }
  process.stdout.write(`${out}/result.md\n`)
}

function chooseKafka(): Promise<BenchKafka> | BenchKafka {
  if (flags.bootstrap !== undefined) return useKafka(flags.bootstrap)
  return flags.kafka ? startRealKafka() : startEmbeddedKafka()
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  const value = Number(text ?? otherwise)
  if (!Number.isInteger(value) || value < 1) fail(`--${name} ${text} is no whole number above 0`)
  return value
}

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${usage}`)
  process.exit(2)
}
