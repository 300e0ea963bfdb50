const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
const space = 0x20

/**
 * Finds where each metric stands in the body, so that its own bytes can go on to Kafka.
 *
 * @param body the bytes of a JSON object that JSON.parse has taken: the scan relies on its being valid
 * @param count how many elements the parsed `metrics` has
 * @returns start and end (exclusive) of element i at [2 * i] and [2 * i + 1]. Where the object has several "metrics"
 *   members, the last counts, as for JSON.parse.
 * @throws {Error} if the array found has not `count` elements, which would be a defect of this scan
 */
export function split(body: Uint8Array, count: number): Uint32Array {
  const ranges = new Uint32Array(2 * count)
  let found = -1
  let at = skipSpace(body, 0) + 1
  for (;;) {
    at = skipSpace(body, at)
    if (body[at] === closeBrace) break
    if (body[at] === comma) at = skipSpace(body, at + 1)
    const keyEnd = skipString(body, at)
    const isMetrics = isMetricsKey(body, at, keyEnd)
    at = skipSpace(body, skipSpace(body, keyEnd) + 1)
    if (isMetrics && body[at] === openBracket) {
      found = 0
      at = skipSpace(body, at + 1)
      while (body[at] !== closeBracket) {
        if (body[at] === comma) at = skipSpace(body, at + 1)
        const end = skipValue(body, at)
        // Writes beyond the end of a typed array are ignored: an earlier, longer duplicate is harmless.
        ranges[2 * found] = at
        ranges[2 * found + 1] = end
        found++
        at = skipSpace(body, end)
      }
      at++
    } else {
      if (isMetrics) found = -1
      at = skipValue(body, at)
    }
  }
  if (found !== count) throw new Error(`split found ${found} metrics where JSON.parse found ${count}`)
  return ranges
}

const metricsKey = Buffer.from('"metrics"')

function isMetricsKey(body: Uint8Array, start: number, end: number): boolean {
  let escaped = false
  let same = end - start === metricsKey.length
  for (let at = start; at < end; at++) {
    if (body[at] === backslash) escaped = true
    if (same && body[at] !== metricsKey[at - start]) same = false
  }
  if (!escaped) return same
  return JSON.parse(Buffer.from(body.subarray(start, end)).toString()) === 'metrics'
}

export function skipSpace(body: Uint8Array, from: number): number {
  let at = from
  for (let byte = body[at]; byte !== undefined && byte <= space; byte = body[at]) at++
  return at
}

/** The index after a string that starts at `from`. */
export function skipString(body: Uint8Array, from: number): number {
  let at = from + 1
  for (let byte = body[at]; byte !== quote; byte = body[at]) at += byte === backslash ? 2 : 1
  return at + 1
}

/** The index after the value that starts at `from`. */
export function skipValue(body: Uint8Array, from: number): number {
  const first = body[from]
  if (first === quote) return skipString(body, from)
  if (first === openBrace || first === openBracket) return skipNested(body, from)
  let at = from + 1
  for (let byte = body[at]; byte !== undefined && byte > space; byte = body[at]) {
    if (byte === comma || byte === closeBrace || byte === closeBracket || byte === colon) break
    at++
  }
  return at
}

function skipNested(body: Uint8Array, from: number): number {
  let depth = 1
  let at = from + 1
  while (depth > 0) {
    const byte = body[at]
    if (byte === quote) {
      at = skipString(body, at)
      continue
    }
    if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) depth--
    at++
  }
  return at
}
