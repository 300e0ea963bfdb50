import { binding, type Kind, kinds, type NativeRule, type NativeSchema } from '../../native/binding.js'
import { envelopeSchema, metricSchema } from './metric-schema.js'
import { spliceable } from './sliced-batch.js'

/** What the addon knows of batches: a rule a member, and all of them compiled. */
export type Rules = { envelope: readonly NativeRule[]; metric: readonly NativeRule[]; schema: NativeSchema }

/** The rules of a metric end with those of `spliceable`, in its order. */
export function compileRules(maxBatchSize: number): Rules {
  const envelope = rulesOf(envelopeSchema(maxBatchSize))
  const all = rulesOf(metricSchema, 'timestamp')
  const rank = ({ name }: NativeRule) => spliceable.map(String).indexOf(name)
  const metric = all.toSorted((a, b) => rank(a) - rank(b))
  return { envelope, metric, schema: binding.compile(envelope, metric) }
}

/** What is read of a JSON schema. */
export type ObjectSchema = { properties: Record<string, object>; required?: string[] }
type Keywords = Readonly<Record<string, unknown>>

/** Keywords that say nothing of which values are valid. */
const annotations = new Set(['type', 'description', 'examples', 'default', 'title'])

/**
 * The rules by which the scan knows an object to be good, from the schema that ajv judges by. A member whose schema says
 * anything that the scan does not know has a rule that is never sure.
 *
 * @param instant which member is an instant
 */
export function rulesOf({ properties, required = [], ...rest }: ObjectSchema, instant?: string): NativeRule[] {
  const unknown = Object.keys(rest).find((keyword) => !annotations.has(keyword))
  if (unknown !== undefined) throw new Error(`The scan does not know ${unknown} of an object`)
  return Object.entries(properties).map(([name, schema]) => {
    const keywords: Keywords = { ...schema }
    const types = [keywords.type ?? []].flat()
    const rule = ruleOf(name, keywords, types.filter((type) => type !== 'null').join())
    const kind = name === instant && rule.kind === 'integer' ? 'instant' : rule.kind
    return nativeRule(name, { ...rule, kind, required: required.includes(name), nullable: types.includes('null') })
  })
}

type Rule = Partial<Omit<NativeRule, 'name' | 'kind'>> & { kind: Kind }

function nativeRule(name: string, { kind, ...rest }: Rule): NativeRule {
  const defaults = { required: false, nullable: false, boundedBelow: false, minimum: 0, maximum: 0, choices: undefined }
  return { ...defaults, ...rest, name, kind: kinds.indexOf(kind) }
}

const none: Rule = { kind: 'none' }
const unbounded = 2 ** 32 - 1

function ruleOf(name: string, schema: Keywords, type: string): Rule {
  const limits = Object.keys(schema).filter((keyword) => !annotations.has(keyword))
  const only = (...known: string[]) => limits.every((keyword) => known.includes(keyword))
  const count = (keyword: string, otherwise: number) => Number(schema[keyword] ?? otherwise)
  switch (type) {
    case '':
      return only() ? { kind: 'any' } : none
    case 'integer':
      if (!only('minimum', 'maximum') || count('minimum', -1) < 0) return none
      return { kind: 'integer', minimum: count('minimum', 0), maximum: count('maximum', Number.MAX_SAFE_INTEGER) }
    case 'number':
      return only('minimum') && count('minimum', 0) === 0 ? { kind: 'number', boundedBelow: 'minimum' in schema } : none
    case 'string':
      if (only('enum') && isShortTexts(schema.enum)) return { kind: 'choice', choices: schema.enum }
      if (!only('minLength', 'maxLength')) return none
      return { kind: 'text', minimum: count('minLength', 0), maximum: count('maxLength', unbounded) }
    case 'object':
      return only('additionalProperties') && JSON.stringify(schema.additionalProperties) === '{"type":"string"}'
        ? { kind: 'texts' }
        : none
    case 'array':
      if (name !== 'metrics' || !only('minItems', 'maxItems')) return none
      return { kind: 'metrics', minimum: count('minItems', 0), maximum: count('maxItems', unbounded) }
    default:
      return none
  }
}

/** scan.h keeps the length of each in one byte. */
function isShortTexts(choices: unknown): choices is string[] {
  return Array.isArray(choices) && choices.every((choice) => typeof choice === 'string' && choice.length < 64)
}
