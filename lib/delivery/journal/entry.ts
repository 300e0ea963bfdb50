import { crc32 } from 'node:zlib'
import type { RecordBatch } from '../record-batch.js'

/**
 * A batch as the journal holds it, when it was taken (Unix ms), and the topic that it was promised to; '' where an older
 * version wrote it.
 */
export type JournalEntry = { batch: RecordBatch; firstSeenMs: number; topic: string }

/** An entry found in a buffer, and the bytes it takes there. */
export type FoundEntry = JournalEntry & { start: number; end: number }

/** Begins every entry, so that the next one can be found behind damaged bytes. The digit is the version of the layout. */
const magic = Buffer.from('VJE1')

/*
 * magic 4 | crc32 of all behind it 4 | length of all behind it 4 | first seen 8 | records 4 | keys 4 | metric ends 4
 * | end of each record 4 | metrics up to each record's end 4, or nothing | length of each key 4 | keys | values
 * | topic, length of the topic 2, or nothing.
 * Integers are little-endian.
 */
const headBytes = 12
const topicLengthBytes = 2
const topicName = /^[A-Za-z0-9._-]{1,249}$/
const fixedBytes = headBytes + 20
/** Where fewer bytes are left than this, an entry may start that cannot be recognised yet. */
export const longestHead = fixedBytes

export function encodeEntry({ batch, firstSeenMs, topic }: JournalEntry): Buffer {
  const { bytes, ends, keys, metricEnds = new Uint32Array() } = batch
  const keyBytes = keys.reduce((sum, key) => sum + key.length, 0)
  const numbers = [...ends, ...metricEnds, ...keys.map(({ length }) => length)]
  const topicBytes = topic === '' ? 0 : topic.length + topicLengthBytes
  const target = Buffer.allocUnsafe(fixedBytes + 4 * numbers.length + keyBytes + bytes.length + topicBytes)
  let at = target.writeDoubleLE(firstSeenMs, headBytes)
  for (const number of [ends.length, keys.length, metricEnds.length, ...numbers]) at = target.writeUInt32LE(number, at)
  for (const key of keys) at += key.copy(target, at)
  at += bytes.copy(target, at)
  if (topic !== '') target.writeUInt16LE(topic.length, at + target.write(topic, at, 'latin1'))
  magic.copy(target)
  target.writeUInt32LE(target.length - headBytes, 8)
  target.writeUInt32LE(crc32(target.subarray(8)), 4)
  return target
}

/** How many bytes the entry takes that starts here, as it says itself; undefined where none starts. */
export function lengthOfEntryAt(source: Buffer, at: number): number | undefined {
  if (source.length - at < fixedBytes || source.compare(magic, 0, magic.length, at, at + magic.length) !== 0) {
    return undefined
  }
  return headBytes + source.readUInt32LE(at + 8)
}

/**
 * The entry that starts here; undefined if there is none, or its bytes are not those that were written, or they describe no
 * batch: a checksum only says that they are the bytes that were written.
 */
export function decodeEntryAt(source: Buffer, start: number): FoundEntry | undefined {
  const length = lengthOfEntryAt(source, start)
  if (length === undefined || length < fixedBytes || length > source.length - start) return undefined
  const end = start + length
  if (crc32(source.subarray(start + 8, end)) !== source.readUInt32LE(start + 4)) return undefined
  let at = start + headBytes
  const numbers = (count: number) => {
    at += 4 * count
    return Uint32Array.from({ length: count }, (_, n) => source.readUInt32LE(at - 4 * (count - n)))
  }
  const firstSeenMs = source.readDoubleLE(at)
  at += 8
  const [records = 0, keyCount = 0, metricEndCount = 0] = numbers(3)
  if (4 * (records + keyCount + metricEndCount) > end - at) return undefined
  const ends = numbers(records)
  const metricEnds = numbers(metricEndCount)
  const keyLengths = numbers(keyCount)
  const valueBytes = ends.at(-1) ?? 0
  const topic = topicIn(source, at + keyLengths.reduce((sum, bytes) => sum + bytes, 0) + valueBytes, end)
  if (topic === undefined) return undefined
  if (!describesBatch(ends, keyCount, metricEnds) || !Number.isFinite(firstSeenMs)) return undefined
  const keys = Array.from(keyLengths, (bytes) => {
    at += bytes
    return source.subarray(at - bytes, at)
  })
  const batch = { bytes: source.subarray(at, at + valueBytes), ends, keys, ...(metricEndCount > 0 && { metricEnds }) }
  return { batch, firstSeenMs, topic, start, end }
}

/** The topic that stands between the values and the end of an entry; '' for none, undefined where something else does. */
function topicIn(source: Buffer, valuesEnd: number, end: number): string | undefined {
  if (valuesEnd === end) return ''
  const topicEnd = end - topicLengthBytes
  if (valuesEnd >= topicEnd || source.readUInt16LE(topicEnd) !== topicEnd - valuesEnd) return undefined
  const topic = source.toString('latin1', valuesEnd, topicEnd)
  return topicName.test(topic) ? topic : undefined
}

/** Whether there are records, which end in order, each with what belongs to it. */
function describesBatch(ends: Uint32Array, keys: number, metricEnds: Uint32Array): boolean {
  const records = ends.length
  return (
    records > 0 &&
    isAscending(ends) &&
    (keys <= 1 || keys === records) &&
    (metricEnds.length === 0 || metricEnds.length === records) &&
    isAscending(metricEnds)
  )
}

function isAscending(numbers: Uint32Array): boolean {
  return numbers.every((number, n) => number >= (numbers[n - 1] ?? 0))
}

/** Where the next entry may start behind damaged bytes; the end of the source if nowhere. */
export function findEntry(source: Buffer, from: number): number {
  const at = source.indexOf(magic, from)
  return at === -1 ? source.length : at
}
