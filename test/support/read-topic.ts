import type { Test } from 'tap'
import { type ReadRecord, readTopic as read } from '../../lib/commands/topic-reader.js'
import { countRecords } from '../../tools/kafka-admin.js'
import { waitFor } from '../../tools/wait-for.js'

/**
 * Everything in a topic, once it holds `count` records, read by a real consumer to the end: what arrived beside them, too.
 */
export async function readTopic(
  bootstrapServers: string,
  count: number,
  { topic = 'metrics-raw', timeoutMs }: { topic?: string; timeoutMs?: number } = {},
): Promise<ReadRecord[]> {
  const records: ReadRecord[] = []
  const connection = { global: { 'bootstrap.servers': bootstrapServers }, saslToken: '' }
  const { stop } = await read({ connection, topic, fromBeginning: true }, (record) => records.push(record))
  try {
    await waitFor(() => records.length >= count, `${count} records in ${topic}`, timeoutMs)
    const held = await countRecords(bootstrapServers, topic)
    await waitFor(() => records.length >= held, `all ${held} records of ${topic}`, timeoutMs)
  } finally {
    await stop()
  }
  return records
}

/** Each metric that was answered 202 has to be in the topic. Returns the ids of all that is there. */
export async function nothingIsMissing(t: Test, bootstrapServers: string, promised: Iterable<number>) {
  const expected = [...promised]
  const ids: number[] = (await readTopic(bootstrapServers, expected.length)).map(({ value }) => JSON.parse(value).id)
  const found = new Set(ids)
  t.same(
    expected.filter((id) => !found.has(id)),
    [],
    'nothing that was answered 202 is missing',
  )
  return ids
}
