import type { Config } from '../../../config/config.js'
import { problemAnswer } from '../../../shared/answer.js'
import type { BufferPool } from '../../../shared/buffer-pool.js'
import { noRejections } from '../../../shared/rejections.js'
import { type Format, noRecords } from '../../format.js'
import { isJson, json } from '../../media-types.js'
import { createJudge } from './judge.js'
import { createRecords, type RecordOptions } from './records.js'
import { respond } from './respond.js'
import { skipSpace } from './split.js'

/** The collector's own JSON: docs/http-api.md. @param otlp which comes to the same route, as JSON as well */
export function createVantage(config: Config, options: RecordOptions, otlp: Format, pool: BufferPool): Format {
  const judge = createJudge(config)
  const makeRecords = createRecords(options, pool)

  const vantage: Format = {
    name: 'vantage',
    accept: json,
    takes: isJson,
    tellApart: (body) => (beginsWithResourceMetrics(body) ? otlp : vantage),
    decode(body, { hold, trace }) {
      const { judgement, batch, letters } = judge(body, hold)
      const { received, accepted, indexes, rejections, errors, doubt } = judgement
      return {
        received,
        accepted,
        records: accepted === 0 ? noRecords : makeRecords(batch, trace),
        rejections,
        errors,
        doubt,
        skips: noRejections,
        letters,
        services: [[batch.service, received]],
        nameOf: (metric) => `metrics[${indexes?.[metric] ?? metric}]`,
      }
    },
    answer: respond,
    problem: problemAnswer,
  }
  return vantage
}

const openBrace = 0x7b
const otlpMember = Buffer.from('"resourceMetrics"')

/** An export request in JSON has no other member. */
function beginsWithResourceMetrics(body: Buffer): boolean {
  const brace = skipSpace(body, 0)
  if (body[brace] !== openBrace) return false
  const name = skipSpace(body, brace + 1)
  return body[name + 1] === otlpMember[1] && body.subarray(name, name + otlpMember.length).equals(otlpMember)
}
