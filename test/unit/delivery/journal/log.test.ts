import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { encodeEntry } from '../../../../lib/delivery/journal/entry.js'
import { type Damage, Log } from '../../../../lib/delivery/journal/log.js'
import type { PlacedEntry } from '../../../../lib/delivery/journal/part.js'
import { createRandom } from '../../../../lib/load/random.js'
import { BadDisk } from '../../../support/bad-disk.js'
import { makeDirectory } from '../../../support/directory.js'

const segmentBytes = 10_000
const chunkBytes = 3000

async function openLog(t: Test, root: string, damages: Damage[] = []): Promise<Log> {
  const log = await Log.open({
    directory: join(root, 'log'),
    segmentBytes,
    damagedPath: join(root, 'damaged'),
    onDamage: (damage) => damages.push(damage),
    onLeftover: () => undefined,
  })
  t.teardown(() => log.close().catch(() => undefined))
  return log
}

/** An entry of about 550 bytes; its time of arrival is its number. */
function entryOf(number: number, held = false) {
  const batch = { bytes: Buffer.alloc(500, number), ends: Uint32Array.of(200, 500), keys: [Buffer.from('key')] }
  return { bytes: encodeEntry({ batch, firstSeenMs: number, topic: '' }), metrics: 2, firstSeenMs: number, held }
}

function entriesOf(first: number, count: number) {
  return Array.from({ length: count }, (_, n) => entryOf(first + n))
}

/** Takes and finishes all there is, and gives the entries' numbers. */
async function drain(log: Log): Promise<number[]> {
  const numbers: number[] = []
  for (let taken = await log.take(chunkBytes); taken.length > 0; taken = await log.take(chunkBytes)) {
    numbers.push(...numbersOf(taken))
    await log.finish(taken.map(({ place }) => place))
  }
  return numbers
}

function numbersOf(taken: PlacedEntry[]): number[] {
  return taken.map(({ entry }) => entry.firstSeenMs)
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n + 1)
}

test('entries come out in order, once each, over segments and over a restart', async (t) => {
  const root = await makeDirectory(t)
  const log = await openLog(t, root)
  for (let first = 1; first < 100; first += 10) await log.append(entriesOf(first, 10))
  t.match(log.totals, { entries: 100, metrics: 200 })
  t.equal(log.oldestMs, 1)
  const taken = await log.take(chunkBytes)
  await log.finish(taken.map(({ place }) => place))
  await log.close()

  const again = await openLog(t, root)
  // What was finished in a segment that is not finished may come again, where nothing had noted it.
  t.same(await drain(again), upTo(100))
  t.same(again.totals, { entries: 0, metrics: 0, bytes: 0 })
  t.equal(again.oldestMs, undefined)
  await again.close()
  t.same(await readdir(root), [], 'an empty log leaves nothing behind')
})

test('a disk that takes a write in several parts gets all of it', async (t) => {
  const log = await openLog(t, await makeDirectory(t))
  const disk = await BadDisk.install(t)
  disk.mood = { ...disk.mood, mostBytes: 700 }
  await log.append(entriesOf(1, 5))
  await log.append(entriesOf(6, 1))
  t.same(await drain(log), upTo(6))
})

test('whatever goes wrong with the disk, all that was promised comes out, over crashes, too', async (t) => {
  const disk = await BadDisk.install(t)
  for (let seed = 1; seed <= 30; seed++) {
    const random = createRandom(seed)
    const below = (limit: number) => Math.floor(random() * limit)
    const root = await makeDirectory(t)
    const [promised, finished] = [new Set<number>(), new Set<number>()]
    let log = await openLog(t, root)
    let next = 1
    const append = async () => {
      const entries = entriesOf(next, 1 + below(8))
      next += entries.length
      disk.mood = {
        mostBytes: below(2) === 0 ? Infinity : 50 + below(2000),
        callsUntilFailure: below(2) === 0 ? Infinity : below(8),
        readMs: below(2) === 0 ? 0 : 10,
      }
      const isPromised = await log.append(entries).then(
        () => true,
        () => false,
      )
      disk.mend()
      if (isPromised) for (const { firstSeenMs } of entries) promised.add(firstSeenMs)
    }
    const send = async () => {
      const sent = (await log.take(chunkBytes)).filter(() => below(4) > 0)
      // That is noted on the disk, too, which may fail: then some of it comes twice.
      await log.finish(sent.map(({ place }) => place)).catch(() => undefined)
      for (const number of numbersOf(sent)) finished.add(number)
    }
    for (let step = 0; step < 60; step++) {
      const chance = below(10)
      if (chance < 4) await append()
      else if (chance < 6) await send()
      // What is written is read at the same time.
      else if (chance < 9) await Promise.all([append(), send()])
      // As after a kill -9: what was taken and not finished comes again.
      else log = await openLog(t, root)
    }
    log = await openLog(t, root)
    for (const number of await drain(log)) finished.add(number)
    t.same(
      [...promised].filter((number) => !finished.has(number)),
      [],
      `seed ${seed}: ${promised.size} promised`,
    )
  }
})

for (const [what, spoil, lost] of [
  ['zeros in the middle', (content: Buffer, at: number, end: number) => content.fill(0, at, end), [3]],
  ['a file that is cut off', (content: Buffer, at: number) => content.subarray(0, at), [3, 4, 5]],
  ['a file that is cut off within an entry', (content: Buffer, at: number) => content.subarray(0, at + 100), [3, 4, 5]],
] as const) {
  test(`what turns unreadable while the log is open is told, with what is lost: ${what}`, async (t) => {
    const root = await makeDirectory(t)
    const damages: Damage[] = []
    const log = await openLog(t, root, damages)
    const [, , { start, end } = { start: 0, end: 0 }] = await log.append(entriesOf(1, 5))
    const file = join(root, 'log', '00000001.log')
    await writeFile(file, spoil(await readFile(file), start, end))
    t.same(
      await drain(log),
      upTo(5).filter((number) => !lost.some((gone) => gone === number)),
    )
    t.same(damages, [{ file, bytes: lost.length * (end - start), metrics: 2 * lost.length }])
    t.same(log.totals, { entries: 0, metrics: 0, bytes: 0 })
    t.equal((await readdir(join(root, 'damaged'))).length, 1)
  })
}

test('finished segments are deleted, so that their space can be used again', async (t) => {
  const log = await openLog(t, await makeDirectory(t))
  await log.append(entriesOf(1, 20))
  await log.append(entriesOf(21, 20))
  const before = log.totals.bytes
  for (let finished = 0; finished < 20; ) {
    const taken = await log.take(chunkBytes)
    await log.finish(taken.map(({ place }) => place))
    finished += taken.length
  }
  t.ok(log.totals.bytes <= before / 2, `${log.totals.bytes} of ${before} bytes are left`)
})

test('held entries are not given out, and those finished early do not come again', async (t) => {
  const root = await makeDirectory(t)
  const log = await openLog(t, root)
  const places = await log.append([entryOf(1), entryOf(2, true), entryOf(3), entryOf(4, true)])
  await log.finish(places.slice(3))
  t.same(numbersOf(await log.take(chunkBytes)), [1, 3])
  t.same(await log.take(chunkBytes), [])
  t.equal(log.totals.entries, 3)
  await log.close()
  const again = await openLog(t, root)
  t.ok((await drain(again)).includes(2), 'what was held when the process ended is given out by the next')
})

for (const [what, damage] of Object.entries({
  'cut off': async (file: string) => truncate(file, 9 * 550),
  'full of garbage in the middle': async (file: string) => {
    const content = await readFile(file)
    content.fill('garbage', 3000, 4000)
    await writeFile(file, content)
  },
  'missing its beginning': async (file: string) => writeFile(file, (await readFile(file)).subarray(700)),
  'garbage in a length': async (file: string) => {
    const content = await readFile(file)
    content.writeUInt32LE(0xffffff, 8)
    await writeFile(file, content)
  },
})) {
  test(`of a file that is ${what}, all that is readable comes out, and the file is kept`, async (t) => {
    const root = await makeDirectory(t)
    const log = await openLog(t, root)
    await log.append(entriesOf(1, 19))
    await log.append(entriesOf(20, 4))
    await log.close()
    const [file = ''] = (await readdir(join(root, 'log'))).sort()
    await damage(join(root, 'log', file))
    const damaged = await readFile(join(root, 'log', file))

    const damages: Damage[] = []
    const again = await openLog(t, root, damages)
    t.match(damages, [{ file: join(root, 'log', file) }])
    const readable = upTo(19).filter((number) => damaged.includes(entryOf(number).bytes))
    t.ok(readable.length > 8 && readable.length < 19, `${readable.length} of 19 are readable`)
    t.same(await drain(again), [...readable, 20, 21, 22, 23])
    t.same(await readdir(join(root, 'damaged')), [`log-${file}`])
  })
}
