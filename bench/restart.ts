// How long is a place empty when a worker is killed under load?
//
//   node dist/bench/restart.js --url http://127.0.0.1:8000 --runs 10
//
// Kills a worker of a collector on this machine with SIGKILL and measures until its successor has its first answer
// counted. Bring your own load, for example wrk; the collector's own figures tell who is there.

import { parseArgs } from 'node:util'
import type { Stats } from '../test/support/collector.js'
import { waitFor } from '../test/support/wait-for.js'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8000' },
    runs: { type: 'string', default: '10' },
  },
})

const times: number[] = []
for (let run = 0; run < Number(values.runs); run++) {
  const before = await ask()
  const victim = before?.workers[0]?.pid
  if (victim === undefined) throw new Error(`${values.url} has no workers`)
  process.kill(victim, 'SIGKILL')
  const killedAt = performance.now()
  await waitFor(async () => {
    const stats = await ask()
    return stats?.workers.length === before?.workers.length && stats?.workers.every(isNew(victim))
  }, 'the successor')
  times.push(performance.now() - killedAt)
}
times.sort((a, b) => a - b)
const shown = (ms: number | undefined) => `${Math.round(ms ?? 0)} ms`
console.log(
  `successor there after: median ${shown(times[times.length >> 1])}, from ${shown(times[0])} to ${shown(times.at(-1))}`,
)

/** It has been told of and has received something: it takes connections. */
function isNew(victim: number) {
  return ({ pid, metrics_received }: Stats['workers'][number]) => pid !== victim && metrics_received > 0
}

/** The figures, from whichever worker answers. */
async function ask(): Promise<Stats | undefined> {
  try {
    const response = await fetch(`${values.url}/v1/stats`, { headers: { Connection: 'close' } })
    return (await response.json()) as Stats
  } catch {
    // The connection went to the worker that was just killed.
    return undefined
  }
}
