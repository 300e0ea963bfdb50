import { type Member, membersOf } from './members.js'
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
  const members: string[] = []
  for (const member of membersOf(body, from)) {
    const value = written(body, member)
    if (value !== undefined) members.push(`${body.toString('utf8', member.start, member.nameEnd)}:${value}`)
  }
  return Buffer.from(`{${members.join(',')}}`)
}

function typesOf(schema: object): unknown[] {
  return 'type' in schema ? [schema.type].flat() : []
}

/** Undefined for a member that is to be left out. */
function written(body: Buffer, { name, valueStart, end }: Member): string | undefined {
  const text = body.toString('utf8', valueStart, end)
  const types = known.get(name)
  if (types === undefined) return text
  if (text === 'null') return undefined
  if (types.includes('integer')) return String(Number(text))
  return types.includes('number') && integer.test(text) && isBeyondBits(text) ? Number(text).toExponential() : text
}

function isBeyondBits(text: string): boolean {
  const value = BigInt(text)
  return BigInt.asIntN(bits, value) !== value
}
