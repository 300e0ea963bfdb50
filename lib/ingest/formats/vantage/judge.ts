import type { Config } from '../../../config/config.js'
import type { DeadLetter } from '../../../delivery/dead-letter-topic.js'
import { Problem } from '../../../shared/errors.js'
import { noRejections } from '../../../shared/rejections.js'
import type { Hold } from '../../byte-budget.js'
import { createLetters } from './letters.js'
import { createParse } from './parse.js'
import { createScan, type Scanned } from './scan.js'
import { compileRules } from './scan-rules.js'
import type { SlicedBatch } from './sliced-batch.js'
import { createSurvey } from './survey.js'
import { encodingOf } from './text-encoding.js'
import type { Judgement } from './validate.js'

/** The judgement on a body, its good metrics, and letters for the bad ones where these are asked for. */
export type Judged = { judgement: Judgement; batch: SlicedBatch; letters: DeadLetter[] }

/** @param hold what is parsed counts against it */
export type Judge = (bytes: Buffer, hold: Pick<Hold, 'grow'>) => Judged

/**
 * Says of a body which of its metrics are good, and where they stand in it. The function it returns throws a
 * {@link Problem} for what is not UTF-8, not JSON, not a batch or too much to be parsed.
 */
export function createJudge(config: Config): Judge {
  const rules = compileRules(config.maxBatchSize)
  const survey = createSurvey(rules, config.maxBatchSize)
  const parse = createParse(survey, config)
  const makeLetters = createLetters(config)
  // The key of a series is made from its metric, which the scan does not parse.
  const scan = config.kafkaPartitionKey === 'series' ? () => undefined : createScan(rules, config)

  return function judge(bytes, hold) {
    if (bytes.length === 0) throw new Problem('VANTAGE_EMPTY_BODY', 'The request has no body')
    const encoding = encodingOf(bytes)
    if (encoding === undefined) throw survey.notUtf8(bytes)
    const scanned = scan(bytes, encoding)
    if (scanned !== undefined) return { judgement: allGood(scanned), batch: scanned.batch, letters: [] }
    const { verdict, batch, places } = parse(bytes, encoding, hold)
    return { judgement: verdict, batch, letters: makeLetters(bytes, verdict, places) }
  }
}

function allGood({ batch: { good }, doubt }: Scanned): Judgement {
  return {
    received: good,
    accepted: good,
    indexes: undefined,
    rejected: 0,
    rejections: noRejections,
    errors: [],
    doubt,
  }
}
