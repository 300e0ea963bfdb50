import { Problem } from '../../../shared/errors.js'
import { binding, reportSize, surveyEnds, surveyedSize } from '../../native/binding.js'
import type { Rules } from './scan-rules.js'
import { describeFault } from './syntax-fault.js'
import { invalidUtf8At } from './text-encoding.js'

/** What a body has, before anything is parsed. What it refers to is overwritten by the next survey. */
export type Surveyed = {
  isObject: boolean
  metrics: number
  /** How many values, nested ones included. */
  values: number
  /** `surveyedSize` numbers a metric; no more than a batch may have. */
  places: Uint32Array
  /** Where the value of each member of the envelope starts and ends. */
  members: ReadonlyMap<string, readonly [start: number, end: number]>
  /** The first member of the envelope that is there twice. */
  twice: string | undefined
}

export type Survey = {
  /** Walks a body that the scan was not sure of. @throws {Problem} VANTAGE_INVALID_JSON, which says where and why */
  (bytes: Buffer): Surveyed
  /** The problem of a body that is not UTF-8, which says where. */
  notUtf8: (bytes: Buffer) => Problem
}

export function createSurvey({ schema, envelope }: Rules, maxBatchSize: number): Survey {
  const places = new Uint32Array(surveyedSize * maxBatchSize)
  const report = new Uint32Array(reportSize + 2 * envelope.length)

  return Object.assign(survey, { notUtf8 })

  function survey(bytes: Buffer): Surveyed {
    binding.survey(schema, bytes, places, report)
    const [end = 0, at = 0, , metrics = 0, values = 0, isObject = 0, twice = 0] = report
    if (end !== 0) {
      const fault = describeFault(bytes, at, surveyEnds[end] ?? 'done')
      throw new Problem('VANTAGE_INVALID_JSON', `${placeOf(at)}: ${fault}`)
    }
    const members = new Map<string, readonly [number, number]>()
    for (const [n, { name }] of envelope.entries()) {
      const valueEnd = report[reportSize + 2 * n + 1] ?? 0
      if (valueEnd > 0) members.set(name, [report[reportSize + 2 * n] ?? 0, valueEnd])
    }
    return { isObject: isObject === 1, metrics, values, places, members, twice: envelope[twice]?.name }
  }

  function notUtf8(bytes: Buffer): Problem {
    if (gzipMagic.equals(bytes.subarray(0, gzipMagic.length))) {
      return new Problem('VANTAGE_INVALID_UTF8', 'The body is gzip data, but Content-Encoding does not say so')
    }
    const at = invalidUtf8At(bytes)
    // What stands before it is cut off there, and says which metric that is in.
    binding.survey(schema, bytes.subarray(0, at), places, report)
    return new Problem('VANTAGE_INVALID_UTF8', `${placeOf(at)}: the body is not valid UTF-8`)
  }

  /** Of what the report is about. Bytes are counted in the body as it was inflated. */
  function placeOf(at: number): string {
    const [, , inMetrics = 0, metrics = 0] = report
    return inMetrics === 1 ? `metrics[${metrics}], byte ${at}` : `byte ${at}`
  }
}

const gzipMagic = Buffer.from([0x1f, 0x8b])
