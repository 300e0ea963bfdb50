import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { type DeadRecord, DeadSpace } from '../../../lib/delivery/journal/dead-space.js'
import { ownIdentity } from '../../../lib/delivery/journal/process-identity.js'

function recordsOf(count: number, bytes: number): DeadRecord[] {
  const value = 'x'.repeat(bytes)
  return Array.from({ length: count }, (_, n) => ({
    reason: 'too large',
    errorCode: 'MESSAGE_TOO_LARGE',
    firstSeenMs: n,
    topic: 'metrics-raw',
    key: null,
    value,
  }))
}

test('a file is claimed with all its records, however long it takes to write it', async (t) => {
  const dead = new DeadSpace(t.testdir())
  const records = recordsOf(3000, 1000)
  let burying = true
  const claimed = (async () => {
    const found: number[] = []
    while (burying) {
      for (const file of await dead.claim()) {
        found.push(file.records.length)
        await dead.drop(file)
      }
    }
    return found
  })()
  for (let n = 0; n < 10; n++) await dead.bury(records)
  burying = false
  const found = await claimed
  const left = (await dead.list()).map(({ records }) => records.length)
  t.same([...found, ...left], Array(10).fill(records.length))
})

test('what a process was writing when it ended is deleted, and nothing else', async (t) => {
  const path = t.testdir()
  const dead = new DeadSpace(path)
  await dead.bury(recordsOf(1, 1))
  const own = `${ownIdentity()}.1.ndjson.unfinished`
  for (const name of ['4194999-0badc0de-1.1.ndjson.unfinished', own, 'notes']) writeFileSync(join(path, name), '')
  await dead.removeUnfinished()
  const left = readdirSync(path).filter((name) => !name.endsWith('.ndjson'))
  t.same(left.sort(), [own, 'notes'].sort())
  t.equal((await dead.list()).length, 1)
})
