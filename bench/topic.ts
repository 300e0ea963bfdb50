import { readTopic } from '../lib/commands/topic-reader.js'
import type { AgentLedger } from '../lib/load/ledger.js'
import { countRecords } from '../tools/kafka-admin.js'
import { waitFor } from '../tools/wait-for.js'

export type Audit = { expected: number; found: number; missing: number; twice: number; unexpected: number }

/** No consumer is slower, even on a busy machine. */
const slowestPerMs = 20
const idForm = /"id":"([\da-f]{4})-([\da-f]{8})-\d+"/g

/** Reads the whole topic and holds it against what was answered 202, metric by metric. */
export async function audit(bootstrap: string, topic: string, ledgers: readonly AgentLedger[]): Promise<Audit> {
  const records = await countRecords(bootstrap, topic)
  const found = new Map<string, number>()
  let read = 0
  const connection = { global: { 'bootstrap.servers': bootstrap }, saslToken: '' }
  const { stop } = await readTopic({ connection, topic, fromBeginning: true }, ({ value }) => {
    read++
    for (const [, agent = '', sequence = ''] of value.matchAll(idForm)) {
      const batch = `${agent}-${sequence}`
      found.set(batch, (found.get(batch) ?? 0) + 1)
    }
  })
  await waitFor(() => read >= records, `${records} records of ${topic}`, 60_000 + records / slowestPerMs)
  await stop()
  return compare(ledgers, found)
}

function compare(ledgers: readonly AgentLedger[], found: Map<string, number>): Audit {
  const sums = { expected: 0, found: 0, missing: 0, twice: 0, unexpected: 0 }
  for (const { agent, good, sent, unacknowledged } of ledgers) {
    const uncertain = new Set(unacknowledged)
    for (let sequence = 0; sequence < sent; sequence++) {
      const batch = `${agent.toString(16).padStart(4, '0')}-${sequence.toString(16).padStart(8, '0')}`
      const expected = good[sequence % good.length] ?? 0
      const count = found.get(batch) ?? 0
      found.delete(batch)
      sums.found += count
      // What was not answered 202 may be there, or not.
      if (uncertain.has(sequence)) continue
      sums.expected += expected
      sums.missing += Math.max(0, expected - count)
      sums.twice += Math.max(0, count - expected)
    }
  }
  for (const count of found.values()) sums.unexpected += count
  return sums
}
