import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { startMockKafka } from '../../support/mock-kafka.js'

test('small gzip bodies of millions of values cost no more memory than they inflate to', async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env: { VANTAGE_API_WORKERS: '1' } })
  const [pid = 0] = await collector.workerPids()
  await collector.post(gzipSync(JSON.stringify(batchOf(1000))), { 'Content-Encoding': 'gzip' })
  const before = peakMemory(pid)
  const brackets = '['.repeat(5_200_000) + ']'.repeat(5_200_000)
  const inMetric = (value: string) => gzipSync(JSON.stringify(batchOf(1)).replace('"id":0', () => `"x":${value}`))
  const bodies = [
    gzipSync(brackets),
    inMetric(brackets),
    inMetric(`${'{"a":'.repeat(1_700_000)}1${'}'.repeat(1_700_000)}`),
    inMetric(`[${Array(3_400_000).fill('{}')}]`),
  ]
  const replies = await Promise.all(
    [...bodies, ...bodies].map((body) => collector.post(body, { 'Content-Encoding': 'gzip' })),
  )
  for (const { status } of replies) t.ok([400, 413, 422, 503].includes(status), `${status}`)
  const grown = peakMemory(pid) - before
  t.ok(grown < 250, `${Math.round(grown)} MiB more at most`)
  t.same(await collector.workerPids(), [pid])
})

/** In MiB, of all its life. */
function peakMemory(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) / 1024
}
