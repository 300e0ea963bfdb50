import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { Problem } from '../../../shared/errors.js'
import { excerpt } from '../../../shared/excerpt.js'
import { noRejections, type Rejections } from '../../../shared/rejections.js'
import { maxErrors, type Outcome } from '../../format.js'
import { type AgeLimits, type Fault, instantLimits } from '../../metric.js'
import { type Envelope, envelopeSchema, type Metric, metricSchema } from './metric-schema.js'
import { doubtAbout, unitHint } from './timestamp-unit.js'

export type ValidationLimits = AgeLimits & { maxBatchSize: number }

/** What an agent hears of its batch. */
export type Judgement = {
  received: number
  accepted: number
  /** Which metrics are accepted, as they are counted in the batch; undefined for all. */
  indexes: readonly number[] | undefined
  rejected: number
  rejections: Rejections
  /** One text a rejected metric, such as "metrics[3].value must be number; .metric_name is required"; the first 20. */
  errors: string[]
  /** What is odd about the good metrics. */
  doubt: Fault | undefined
}

/** The judgement on a batch that was parsed. */
export type Verdict = Judgement & {
  envelope: Envelope
  /** The good metrics, in order. */
  metrics: Metric[]
  indexes: readonly number[]
  /** What is wrong with each rejected metric. */
  faults: MetricFault[]
}

/** `index` counts in `envelope.metrics`; `text` names the metric and all that is wrong, `reason` the first of it. */
export type MetricFault = Fault & { index: number }

/** @param known what has been found wrong with metrics already, by their place */
export type Validate = (batch: unknown, known?: ReadonlyMap<number, Fault>) => Verdict

/**
 * Most values of a batch, nested ones included: a hundred for each metric that it may have. The dearest body of 10 MiB that keeps
 * to that takes 75 ms to be parsed and written anew, where 5 million values took 1.4 s.
 */
export function maxValues({ maxBatchSize }: Pick<ValidationLimits, 'maxBatchSize'>): number {
  return Math.max(fewValues, valuesPerMetric * maxBatchSize)
}

const fewValues = 100_000
const valuesPerMetric = 100
const noFaults: ReadonlyMap<number, Fault> = new Map()

/**
 * Compiles the schemas once; the function it returns judges batches. That function throws a {@link Problem}
 * VANTAGE_INVALID_BATCH when the envelope is wrong.
 */
export function createValidate(limits: ValidationLimits): Validate {
  const ajv = new Ajv({ allowUnionTypes: true })
  const isEnvelope: ValidateFunction<Envelope> = ajv.compile(envelopeSchema(limits.maxBatchSize))
  const isMetric: ValidateFunction<Metric> = ajv.compile(metricSchema)
  const findFaults = createFindFaults()
  const tooOld = `.timestamp is older than ${limits.maxAgeHours} hours`
  const tooNew = `.timestamp is more than ${limits.maxFutureHours} hours in the future`

  function faultOfAge({ timestamp }: Metric, oldest: number, newest: number): Fault | undefined {
    if (timestamp < oldest) return { reason: 'timestamp.age', text: tooOld + unitHint(timestamp) }
    if (timestamp > newest) return { reason: 'timestamp.future', text: tooNew + unitHint(timestamp) }
    return undefined
  }

  return function validate(batch, known = noFaults) {
    if (!isEnvelope(batch)) throw invalidBatch(countMetrics(batch), faultOf(firstOf(isEnvelope.errors), 'batch', batch))
    const { metrics } = batch
    const { oldest, newest } = instantLimits(limits)
    const good: Metric[] = []
    const indexes: number[] = []
    const faults: MetricFault[] = []
    const rejections: Record<string, number> = {}
    let oldestGood = Infinity
    let newestGood = -Infinity
    const reject = (index: number, { reason, text }: Fault) => {
      rejections[reason] = (rejections[reason] ?? 0) + 1
      faults.push({ index, reason, text: `metrics[${index}]${text}` })
    }
    for (let i = 0; i < metrics.length; i++) {
      const metric = metrics[i]
      const fault = known.get(i)
      // It was not even parsed.
      if (fault !== undefined && metric === undefined) reject(i, fault)
      else if (!isMetric(metric)) {
        const first = faultOf(firstOf(isMetric.errors), 'metric', metric)
        const others = faults.length < maxErrors ? findFaults(metric) : []
        reject(i, { reason: first.reason, text: listOf([first.text, ...others]) })
      } else {
        const found = fault ?? faultOfAge(metric, oldest, newest)
        if (found !== undefined) {
          reject(i, found)
          continue
        }
        good.push(metric)
        indexes.push(i)
        oldestGood = Math.min(oldestGood, metric.timestamp)
        newestGood = Math.max(newestGood, metric.timestamp)
      }
    }
    return {
      envelope: batch,
      received: metrics.length,
      accepted: good.length,
      metrics: good,
      indexes,
      rejected: faults.length,
      rejections,
      faults,
      errors: faults.slice(0, maxErrors).map(({ text }) => text),
      doubt: doubtAbout(oldestGood, newestGood),
    }
  }
}

/** Finds all faults of a metric. The answer names few metrics of a batch, so this costs little. */
function createFindFaults(): (metric: unknown) => string[] {
  const isMetric = new Ajv({ allowUnionTypes: true, allErrors: true }).compile(metricSchema)
  return (metric) => {
    const errors = isMetric(metric) ? [] : (isMetric.errors ?? [])
    return errors.map((error) => describe(error, metric))
  }
}

const mostFaults = 8

function listOf(texts: readonly string[]): string {
  const faults = [...new Set(texts)]
  const shown = faults.slice(0, mostFaults).join('; ')
  return faults.length > mostFaults ? `${shown}; and ${faults.length - mostFaults} more` : shown
}

/** The 422 for a batch of which no metric may go on. */
export function noValidMetrics({ received, errors, rejections }: Outcome): Problem {
  return new Problem('VANTAGE_NO_VALID_METRICS', `All ${received} metrics of the batch are invalid`, {
    errors,
    metricsReceived: received,
    rejections,
  })
}

/** The 422 for a batch whose envelope is wrong. @param count how many metrics it has */
export function invalidBatch(count: number, fault: Fault): Problem {
  const text = fault.text.replace(/^[. ]/, '')
  return new Problem('VANTAGE_INVALID_BATCH', `The batch is not valid: ${text}`, {
    errors: [text],
    metricsReceived: count,
    rejections: count === 0 ? noRejections : { [fault.reason]: count },
  })
}

function countMetrics(batch: unknown): number {
  if (typeof batch !== 'object' || batch === null || !('metrics' in batch)) return 0
  return Array.isArray(batch.metrics) ? batch.metrics.length : 0
}

function firstOf(errors: ErrorObject[] | null | undefined): ErrorObject {
  const error = errors?.[0]
  if (error === undefined) throw new Error('ajv refused a value without saying why')
  return error
}

const maxPathLength = 100

function faultOf(error: ErrorObject, subject: 'metric' | 'batch', value: unknown): Fault {
  const { keyword, params, instancePath } = error
  // Deeper in the path are names from the request, such as those of tags.
  const field: string | undefined = keyword === 'required' ? params.missingProperty : instancePath.split('/')[1]
  const place = field === undefined ? subject : subject === 'batch' ? `batch.${field}` : field
  return { reason: `${place}.${keyword}`, text: describe(error, value) }
}

function describe(error: ErrorObject, value: unknown): string {
  if (error.keyword === 'required') return `.${error.params.missingProperty} is required`
  const path = error.instancePath.replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
  const hint = error.instancePath === '/timestamp' ? unitHint(timestampOf(value)) : ''
  return `${excerpt(path, maxPathLength)} ${complaint(error)}${hint}`
}

function timestampOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'timestamp' in value ? value.timestamp : undefined
}

function complaint(error: ErrorObject): string {
  switch (error.keyword) {
    case 'type':
      return `must be ${[error.params.type].flat().join(' or ')}`
    case 'enum':
      return `must be one of ${error.params.allowedValues.join(', ')}`
    default:
      return error.message ?? `fails ${error.keyword}`
  }
}
