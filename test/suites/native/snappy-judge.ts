// Judges what C inflates of snappy's block format, for snappy-fuzz.c, byte by byte as google/snappy's format_description.txt has it.

import { judgeBatches, type Told } from './judging.js'
import { wrong } from './told-reading.js'

const longest = 65536
const literal = 0

judgeBatches(judge)

function judge(told: Told): void {
  const [length = 0, isGood, size = 0] = told.numbers(3)
  const body = told.bytes(length)
  const inflated = told.bytes(size)
  const expected = inflate([...body])
  if ((expected !== undefined) !== (isGood === 1)) throw wrong(body, `C says ${isGood === 1 ? 'good' : 'bad'}`)
  if (expected !== undefined && !inflated.equals(Buffer.from(expected))) throw wrong(body, 'C inflates it otherwise')
}

/** Undefined for what is not compressed so, or comes to too much. */
function inflate(bytes: number[]): number[] | undefined {
  const take = (count: number) => (bytes.length < count ? undefined : bytes.splice(0, count))
  const little = (count: number) => take(count)?.reduceRight((value, byte) => 256 * value + byte, 0)
  const length = declaredLength(bytes)
  const made: number[] = []
  // Whatever is declared, so few bytes cannot come to more.
  if (length === undefined || length > longest || length > 22 * bytes.length) return undefined
  while (bytes.length > 0) {
    const tag = bytes.shift() ?? 0
    const kind = tag & 3
    const upper = tag >> 2
    if (kind === literal) {
      const size = upper < 60 ? upper : little(upper - 59)
      const text = size === undefined ? undefined : take(size + 1)
      if (text === undefined) return undefined
      made.push(...text)
    } else {
      const low = little([0, 1, 2, 4][kind] ?? 0)
      if (low === undefined) return undefined
      const offset = kind === 1 ? (upper >> 3) * 256 + low : low
      if (offset === 0 || offset > made.length) return undefined
      const repeats = kind === 1 ? (upper & 7) + 4 : upper + 1
      for (let n = 0; n < repeats; n++) made.push(made[made.length - offset] ?? 0)
    }
    if (made.length > length) return undefined
  }
  return made.length === length ? made : undefined
}

/** A number of up to 32 bits, 7 a byte, the lowest first; takes it off. */
function declaredLength(bytes: number[]): number | undefined {
  let length = 0
  for (let n = 0; n < 5; n++) {
    const byte = bytes.shift()
    if (byte === undefined) return undefined
    length += (byte & 127) * 128 ** n
    if (byte < 128) return length < 2 ** 32 ? length : undefined
  }
  return undefined
}
