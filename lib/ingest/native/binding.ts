import { loadAddon } from '../../shared/addon.js'

/** The kinds of scan.h, in its order. */
export const kinds = ['none', 'any', 'integer', 'instant', 'number', 'text', 'choice', 'texts', 'metrics'] as const
export type Kind = (typeof kinds)[number]

/** What scan.h says of a rule. */
export type NativeRule = {
  name: string
  kind: number
  required: boolean
  nullable: boolean
  boundedBelow: boolean
  minimum: number
  maximum: number
  choices: readonly string[] | undefined
}

declare const schema: unique symbol
/** Rules that were compiled. */
export type NativeSchema = { [schema]: true }

/** What the survey finds wrong with a body, in the order of survey.h. */
export const surveyEnds = [
  'done',
  'value expected',
  'name expected',
  'colon expected',
  'comma expected',
  'end expected',
  'control character',
  'no such escape',
  'no number',
  'too deep',
] as const
export type SurveyEnd = (typeof surveyEnds)[number]

/** Why a metric must not be parsed, in the order of survey.h. */
export const flaws = ['none', 'depth', 'values', 'number'] as const

/** The limits of scan.h and survey.h. */
export const maxDepth = 64
export const maxMetricValues = 1000
export const maxNumberLength = 400

/** Numbers a metric, as scan.h has them: start, end, and which rules it met, a bit each. */
export const placeSize = 3
/** Numbers a null: start, end. */
export const nullSize = 2
/** Numbers a metric, as survey.h has them: start, end, names, flaw, where the flaw is, whether it is odd. */
export const surveyedSize = 6
/** Numbers of the report before those of the members of the envelope, as survey.h has them, from end to twice. */
export const reportSize = 7

/** The addon that binding.gyp compiles from addon.c, scan.c and survey.c. */
export type Binding = {
  /** @throws {RangeError} for more than 32 rules of one object, or a rule that says what none can */
  compile(envelope: readonly NativeRule[], metric: readonly NativeRule[]): NativeSchema
  /**
   * How many metrics the body holds, all of them good; 0 if not, or not surely. The body must be valid UTF-8. If it is sure, it
   * overwrites known members of metrics that are null by spaces.
   *
   * @param places gets `placeSize` numbers a metric
   * @param nulls is room for `nullSize` numbers a null
   * @param values gets two numbers a rule of the envelope: where the member's value starts and ends; 0 where it is absent or
   *   null
   * @param figures gets the earliest and the latest instant, the number of values, and 1 if there are line breaks, else 0
   */
  scan(
    schema: NativeSchema,
    body: Buffer,
    places: Uint32Array,
    nulls: Uint32Array,
    values: Uint32Array,
    figures: Float64Array,
  ): number
  /**
   * Walks a body, which must be valid UTF-8, before it is parsed.
   *
   * @param places gets `surveyedSize` numbers a metric, for as many metrics as there is room
   * @param report gets `reportSize` numbers, and two a rule of the envelope: where the member's value starts and ends
   */
  survey(schema: NativeSchema, body: Buffer, places: Uint32Array, report: Uint32Array): void
  /** Makes spaces of the line breaks of a body that is JSON. */
  toOneLine(body: Buffer): void
}

export const binding = loadAddon('vantage_scan') as Binding
