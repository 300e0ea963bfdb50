// Is anything lost that was answered 202? Starts a real Kafka and the collector, lets go wrong what can, and compares
// what was answered with what is in the topic.
//
//   npm run fault -- --minutes 30 --seed 7
//
// Exit code 0: nothing is missing and nothing is unexplained; 1: something is; 2: the arguments make no sense.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type FaultName, faultNames, faults, isFaultName } from './faults.js'
import { eventLine, progressLine, skippedLine, summary } from './report.js'
import { run } from './run.js'
import type { Sample } from './sampler.js'
import { drawTimeline } from './timeline.js'

const usage = `npm run fault -- [options]

  --minutes N       how long agents post while faults happen (default 2)
  --seed N          decides which faults happen and when (default: by chance, and printed)
  --rate N          metrics a second (default 12000)
  --connections N   agents (default 64)
  --brokers N       of Kafka: 3, or 1, which leaves out what needs more (default 3)
  --faults A,B      only these (default: all)
  --out FOLDER      for result.json, timeline.svg and collector.log (default .cache/fault/seed-N)

Faults:
${faultNames.map((name) => `  ${name.padEnd(17)} ${faults[name].what}`).join('\n')}
`

const progressEveryS = 5
const secondsInMinute = 60

try {
  process.exitCode = await main()
} catch (error) {
  // The run could not be made, or was interrupted: that says nothing of the collector.
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}

async function main(): Promise<number> {
  const options = readOptions()
  if (typeof options === 'string') {
    process.stderr.write(options)
    return 2
  }
  const { minutes, seed, rate, connections, brokers, names, out } = options
  await mkdir(out, { recursive: true })
  print(`seed ${seed}: ${minutes} minutes, ${rate} metrics/s from ${connections} agents, ${brokers} brokers`)
  const aborter = new AbortController()
  process.once('SIGINT', () => aborter.abort())
  process.once('SIGTERM', () => aborter.abort())
  let printedAtS = 0
  const result = await run({
    ...{ seconds: minutes * secondsInMinute, seed, rate, connections, brokers, faults: names, signal: aborter.signal },
    logFile: join(out, 'collector.log'),
    onStart: (skipped) => {
      for (const one of skipped) print(skippedLine(one))
    },
    onSample: (sample: Sample, current) => {
      if (sample.atS - printedAtS < progressEveryS) return
      printedAtS = sample.atS
      print(progressLine(sample, current))
    },
    onEvent: (event) => print(eventLine(event)),
  })
  await writeFile(join(out, 'timeline.svg'), drawTimeline(result))
  await writeFile(join(out, 'result.json'), `${JSON.stringify(result, null, 1)}\n`)
  print(`\n${summary(result)}\nresult.json, timeline.svg and collector.log are in ${out}`)
  return result.failures.length === 0 ? 0 : 1
}

type Options = {
  minutes: number
  seed: number
  rate: number
  connections: number
  brokers: number
  names: FaultName[]
  out: string
}

/** What was asked for, or what to tell whoever asked for what makes no sense. */
function readOptions(): Options | string {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h' },
        minutes: { type: 'string', default: '2' },
        seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
        rate: { type: 'string', default: '12000' },
        connections: { type: 'string', default: '64' },
        brokers: { type: 'string', default: '3' },
        faults: { type: 'string', default: faultNames.join(',') },
        out: { type: 'string' },
      },
    })
    if (values.help) return usage
    const { minutes, seed, rate, connections, brokers } = values
    const named = values.faults.split(',').filter(Boolean)
    const unknown = named.filter((name) => !isFaultName(name))
    if (unknown.length > 0) return `There is no fault ${unknown.join(', ')}\n\n${usage}`
    const numbers = Object.entries({ minutes, seed, rate, connections, brokers })
    const wrong = numbers.filter(([, text]) => !(Number(text) > 0))
    if (wrong.length > 0) return `--${wrong[0]?.join(' ')} is not a number above 0\n\n${usage}`
    return {
      ...{ minutes: Number(minutes), seed: Number(seed), rate: Number(rate) },
      ...{ connections: Number(connections), brokers: Number(brokers) },
      names: named.filter(isFaultName),
      out: values.out ?? join('.cache', 'fault', `seed-${seed}`),
    }
  } catch (error) {
    return `${error instanceof Error ? error.message : error}\n\n${usage}`
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
