import { ByteBudget } from '../../lib/ingest/byte-budget.js'
import { createParse, type Parsed } from '../../lib/ingest/formats/vantage/parse.js'
import { createScan, type Scan } from '../../lib/ingest/formats/vantage/scan.js'
import { compileRules } from '../../lib/ingest/formats/vantage/scan-rules.js'
import { createSurvey, type Survey } from '../../lib/ingest/formats/vantage/survey.js'
import { encodingOf, type TextEncoding } from '../../lib/ingest/formats/vantage/text-encoding.js'
import type { ValidationLimits } from '../../lib/ingest/formats/vantage/validate.js'

/** The two ways of reading a body, each by itself. */
export type Reader = { scan: Scan; survey: Survey; parse: (bytes: Buffer, encoding?: TextEncoding) => Parsed }

export function createReader(limits: ValidationLimits): Reader {
  const rules = compileRules(limits.maxBatchSize)
  const survey = createSurvey(rules, limits.maxBatchSize)
  const parse = createParse(survey, limits)
  const budget = new ByteBudget(Number.POSITIVE_INFINITY, { requestHeldBytes: 0 })
  return {
    scan: createScan(rules, limits),
    survey,
    parse: (bytes, encoding = encodingOf(bytes) ?? 'utf8') => parse(bytes, encoding, budget.open('test')),
  }
}
