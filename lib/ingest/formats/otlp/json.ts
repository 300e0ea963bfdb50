import { isUtf8 } from 'node:buffer'
import { messageOf, Problem } from '../../../shared/errors.js'
import { excerpt } from '../../../shared/excerpt.js'
import type { Hold } from '../../byte-budget.js'
import { invalid } from './invalid.js'
import { isMessage, type Message } from './message.js'

/** What a parsed value holds of memory at most. */
const bytesPerValue = 100
/** 500,000 values take half of a second to be parsed and read. */
const maxValues = 500_000

const maxShownFault = 200

/** Integers of so many digits may be beyond 2^53, and are read as text then. */
const longInteger = /[:,[\s]-?\d{16,}/
const longIntegers = /"(?:[^"\\]|\\.)*"|(?<![\w.+-])-?\d{16,}(?![\d.eE])/g

/** @throws {Problem} where it is not JSON, or too much of it */
export function parseJson(body: Buffer, hold: Pick<Hold, 'grow'>): Message {
  if (!isUtf8(body)) throw new Problem('VANTAGE_INVALID_UTF8', 'The body is not valid UTF-8')
  const values = countValues(body)
  if (values > maxValues) throw new Problem('VANTAGE_BODY_TOO_LARGE', `The body has more than ${maxValues} values`)
  hold.grow(values * bytesPerValue)
  const request = parse(body.toString())
  if (!isMessage(request)) throw invalid('it must be a JSON object')
  return request
}

function parse(text: string): unknown {
  const exact = longInteger.test(text)
    ? text.replace(longIntegers, (found) => (found.startsWith('"') ? found : `"${found}"`))
    : text
  try {
    return JSON.parse(exact)
  } catch (error) {
    throw new Problem('VANTAGE_INVALID_JSON', `The body is not JSON: ${excerpt(messageOf(error), maxShownFault)}`)
  }
}

const comma = 0x2c
const openBracket = 0x5b
const openBrace = 0x7b

/** No fewer than there are: those in strings that look like it count, too. */
function countValues(body: Buffer): number {
  // Each takes at least two bytes.
  if (body.length / 2 <= maxValues) return Math.ceil(body.length / smallValueBytes)
  let values = 1
  // Not for-of, which takes five times as long over a buffer.
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (byte === comma || byte === openBracket || byte === openBrace) values++
  }
  return values
}

/** What a value takes in export requests, its name included. */
const smallValueBytes = 8
