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

/** The addon that binding.gyp compiles from addon.c and scan.c. */
export type Binding = {
  /** @throws {RangeError} for more than 32 rules of one object, or a rule that says what none can */
  compile(envelope: readonly NativeRule[], metric: readonly NativeRule[]): NativeSchema
  /**
   * How many metrics the body holds, all of them good; 0 if not, or not surely. The body must be valid UTF-8.
   *
   * @param places gets three numbers a metric: where it starts, where it ends, and which rules it met, a bit each
   * @param values gets two numbers a rule of the envelope: where the member's value starts and ends; 0 where it is absent
   * @param instants gets the earliest and the latest instant
   */
  scan(schema: NativeSchema, body: Buffer, places: Uint32Array, values: Uint32Array, instants: Float64Array): number
}

export const binding = loadAddon('vantage_scan') as Binding
