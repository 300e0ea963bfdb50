import type { Config } from '../../../config/config.js'
import { problemAnswer } from '../../../shared/answer.js'
import type { BufferPool } from '../../../shared/buffer-pool.js'
import { noRejections } from '../../../shared/rejections.js'
import { type Format, noRecords } from '../../format.js'
import { isJson, json } from '../../media-types.js'
import { createJudge } from './judge.js'
import { createRecords, type RecordOptions } from './records.js'
import { respond } from './respond.js'

/** The collector's own JSON: docs/http-api.md. */
export function createVantage(config: Config, options: RecordOptions, pool: BufferPool): Format {
  const judge = createJudge(config)
  const makeRecords = createRecords(options, pool)

  return {
    name: 'vantage',
    accept: json,
    takes: isJson,
    decode(body, { hold, trace }) {
      const { judgement, batch, letters } = judge(body, hold)
      const { received, accepted, indexes, rejections, errors } = judgement
      return {
        received,
        accepted,
        records: accepted === 0 ? noRecords : makeRecords(batch, trace),
        rejections,
        errors,
        skips: noRejections,
        letters,
        services: [[batch.service, received]],
        nameOf: (metric) => `metrics[${indexes?.[metric] ?? metric}]`,
      }
    },
    answer: respond,
    problem: problemAnswer,
  }
}
