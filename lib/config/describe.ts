import { createHash } from 'node:crypto'
import type { TSchema } from 'typebox'
import { type Config, schemas, secrets } from './schema.js'
import { propertyVariable, variableOf } from './variables.js'

/** librdkafka properties whose values are never shown: those of its login and keys, and all that are named like one. */
const secretProperty = /^(?:sasl|ssl)\.|password|secret|token|key/

/** Each setting by its environment variable, as it may be shown to anybody: of a secret only whether it is set. */
export function describeConfig(config: Config): Record<string, unknown> {
  const values: Readonly<Record<string, unknown>> = config
  const settings = Object.keys(schemas).map((member) => [
    variableOf(member),
    secrets.has(member) ? hidden(values[member]) : values[member],
  ])
  const properties = Object.entries(config.kafkaProperties).map(([name, value]) => [
    propertyVariable(name),
    secretProperty.test(name) ? hidden(value) : value,
  ])
  return Object.fromEntries([...settings, ...properties])
}

function hidden(value: unknown): string {
  return value === '' ? '' : '(set)'
}

/** A digest of the settings as they may be shown: collectors that are configured alike have the same. */
export function fingerprintOf(config: Config): string {
  const { VANTAGE_API_PORT: _, ...settings } = describeConfig(config)
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 12)
}

/** What a setting's value may be, in words: "an integer from 0 to 65535". */
export function describeLimits(schema: TSchema): string {
  const limits: Record<string, unknown> = { ...schema }
  if (Array.isArray(limits.enum)) return `one of ${limits.enum.join(', ')}`
  if (limits.type === 'boolean') return 'true or false'
  if (limits.type === 'string') {
    if (limits.pattern !== undefined) return `text matching ${limits.pattern}`
    return limits.maxLength !== undefined ? `text of at most ${limits.maxLength} characters` : 'text'
  }
  const noun = limits.type === 'integer' ? 'an integer' : 'a number'
  const lower = limits.exclusiveMinimum !== undefined ? ` above ${limits.exclusiveMinimum}` : ` from ${limits.minimum}`
  return `${noun}${lower}${limits.maximum === undefined ? '' : ` to ${limits.maximum}`}`
}
