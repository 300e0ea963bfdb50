import { membersOf } from './members.js'
import { metricSchema } from './metric-schema.js'

const known = new Map(Object.entries<object>(metricSchema.properties).map(([name, schema]) => [name, typesOf(schema)]))

const integer = /^-?\d+$/
/** Beyond 64 bits, many consumers read no integers. */
const bits = 64

/**
 * The metric that starts at `from`, as its record has it: integers in digits only (200, not 200.0 or 2e2), other known numbers
 * as doubles where they are integers beyond 64 bits, and without known members that are null.
 */
export function rewrite(body: Buffer, from: number): Buffer {
  const parts: Uint8Array[] = []
  let start = 0
  let end = 0
  const keep = () => {
    if (end > start) parts.push(body.subarray(start, end))
  }
  for (const member of membersOf(body, from)) {
    const types = known.get(member.name)
    const text = types && body.toString('latin1', member.valueStart, member.end)
    const anew = text && written(text, types)
    if (anew === text) {
      if (start >= end) start = member.start
      end = member.end
      continue
    }
    keep()
    start = end
    if (anew !== undefined) parts.push(Buffer.from(`${body.toString('utf8', member.start, member.nameEnd)}:${anew}`))
  }
  keep()
  return Buffer.concat([openBrace, ...parts.flatMap((part, n) => (n === 0 ? part : [comma, part])), closeBrace])
}

const openBrace = Buffer.from('{')
const comma = Buffer.from(',')
const closeBrace = Buffer.from('}')

function typesOf(schema: object): unknown[] {
  return 'type' in schema ? [schema.type].flat() : []
}

/** The value of a member as records have it; undefined for one that is to be left out. */
function written(text: string, types: readonly unknown[]): string | undefined {
  if (text === 'null') return undefined
  if (types.includes('integer')) return String(Number(text))
  return types.includes('number') && integer.test(text) && isBeyondBits(text) ? Number(text).toExponential() : text
}

function isBeyondBits(text: string): boolean {
  const value = BigInt(text)
  return BigInt.asIntN(bits, value) !== value
}
