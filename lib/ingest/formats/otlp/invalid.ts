import { Problem } from '../../../shared/errors.js'
import type { NativeReading } from '../../native/reader.js'

type Fault = Exclude<NativeReading['fault'], undefined>

const faultTexts: Readonly<Record<Fault, string>> = {
  truncated: 'it ends too early, or a length goes beyond its end',
  integer: 'an integer has more than 10 bytes',
  tag: 'there is no such field',
  group: 'groups are not taken',
  type: 'a field is of another type',
  utf8: 'a string is not UTF-8',
  depth: 'attributes are nested too deep',
  twice: 'a field is there twice',
  metrics: 'it has too many points',
  size: 'its records are too large',
  compression: 'it is not compressed as it says',
  symbol: 'there is no such symbol',
}

/** The 400 for a body that is no export request. @param text what is wrong with it */
export function invalid(text: string): Problem {
  return new Problem('VANTAGE_INVALID_OTLP', `The body is no OTLP export request: ${text}`)
}

/** The same for a fault of the reader in C, or the 413. @param maxBytes that the records of a batch may have */
export function invalidProtobuf(fault: Fault, byte: number, maxBytes: number): Problem {
  if (fault === 'size') return recordsTooLarge(maxBytes)
  if (fault === 'metrics') return new Problem('VANTAGE_BODY_TOO_LARGE', 'The batch has too many points')
  return invalid(`byte ${byte}: ${faultTexts[fault]}`)
}

/** The 413 for a body that is small enough, but whose records are not. */
export function recordsTooLarge(maxBytes: number): Problem {
  const mebibytes = Math.round((maxBytes / 2 ** 20) * 1000) / 1000
  return new Problem('VANTAGE_BODY_TOO_LARGE', `The records of the batch are larger than ${mebibytes} MiB`)
}
