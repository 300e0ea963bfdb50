import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { type DeadFile, type DeadRecord, DeadSpace } from '../../../../lib/delivery/journal/dead-space.js'
import { readLines } from '../../../../lib/delivery/journal/lines.js'
import { ownIdentity } from '../../../../lib/delivery/journal/process-identity.js'

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

async function recordsIn(dead: DeadSpace, file: DeadFile): Promise<DeadRecord[]> {
  const records: DeadRecord[] = []
  for await (const some of dead.read(file)) records.push(...some)
  return records
}

test('a file is claimed with all its records, however long it takes to write it', async (t) => {
  const dead = new DeadSpace(t.testdir())
  const records = recordsOf(3000, 1000)
  let burying = true
  const claimed = (async () => {
    const found: number[] = []
    while (burying) {
      for await (const file of dead.claim()) {
        found.push((await recordsIn(dead, file)).length)
        await dead.drop(file)
      }
    }
    return found
  })()
  for (let n = 0; n < 10; n++) await dead.bury(records)
  burying = false
  const found = await claimed
  for (const file of await dead.list()) found.push((await recordsIn(dead, file)).length)
  t.same(found, Array(10).fill(records.length))
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

test('a file is read in pieces, and what a disk has spoilt of it is passed over', async (t) => {
  const path = t.testdir()
  const dead = new DeadSpace(path)
  const long = recordsOf(1, 3 * 2 ** 20)
  await dead.bury([...recordsOf(40, 100_000), ...long])
  const [file = { name: '', refused: false }] = await dead.list()
  const spoilt = ['{"value": "cut o', '{}', 'null', '17', '{"value":"x","firstSeenMs":1e300}', '\0'.repeat(5000)]
  appendFileSync(join(path, file.name), `${spoilt.join('\n')}\n`)
  appendFileSync(join(path, file.name), JSON.stringify({ ...long[0], firstSeenMs: 4 }))
  const pieces: DeadRecord[][] = []
  for await (const some of dead.read(file)) pieces.push(some)
  const records = pieces.flat()
  t.same(
    records.map(({ firstSeenMs }) => firstSeenMs),
    [...Array.from({ length: 40 }, (_, n) => n), 0, 4],
  )
  for (const piece of pieces) t.ok(piece.length <= 11, `${piece.length} records of 100 kB at a time`)
})

test('a line that never ends is not gathered in memory, and the lines behind it are read', async (t) => {
  const path = join(t.testdir(), 'lines')
  writeFileSync(path, `first\n${'x'.repeat(50_000)}\nlast\n`)
  const lines: string[] = []
  for await (const some of readLines(path, { pieceBytes: 100, longestBytes: 1000 })) lines.push(...some)
  t.equal(lines[0], 'first')
  t.equal(lines.at(-1), 'last')
  t.ok(lines.every(({ length }) => length <= 1100))
})

test('what is buried while the disk is busy shares files', async (t) => {
  const dead = new DeadSpace(t.testdir())
  await Promise.all(Array.from({ length: 200 }, () => dead.bury(recordsOf(1, 100))))
  const files = await dead.list()
  t.ok(files.length < 5, `${files.length} files`)
  const records = await Promise.all(files.map((file) => recordsIn(dead, file)))
  t.equal(records.flat().length, 200)
})

test('a dead space that somebody has removed is made again', async (t) => {
  const path = join(t.testdir(), 'dead')
  const dead = new DeadSpace(path)
  await dead.bury(recordsOf(1, 1))
  rmSync(path, { recursive: true })
  t.same(await dead.list(), [])
  for await (const file of dead.claim()) t.fail(file.name)
  await dead.measure()
  t.equal(dead.bytes, 0)
  await dead.bury(recordsOf(2, 1))
  t.equal((await dead.list()).length, 1)
})
