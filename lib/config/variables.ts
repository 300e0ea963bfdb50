import { schemas } from './schema.js'

const prefix = 'VANTAGE_'
/** Settings that are OpenTelemetry's have the names that it gave them, as every program that can be traced knows them. */
const sharedPrefix = 'OTEL_'
const propertyPrefix = `${prefix}KAFKA_PROPERTY_`
const fileSuffix = '_FILE'

/** The environment variable of a setting: `ackTimeoutMs` is `VANTAGE_ACK_TIMEOUT_MS`. */
export function variableOf(member: string): string {
  const name = member.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
  return name.startsWith(sharedPrefix) ? name : prefix + name
}

/** The variable that passes a property of librdkafka through. */
export function propertyVariable(name: string): string {
  return propertyPrefix + name.replaceAll('.', '_').toUpperCase()
}

/** The variable that names a file with the value of another one. */
export function fileVariable(name: string): string {
  return name + fileSuffix
}

const memberOfVariable = new Map(Object.keys(schemas).map((member) => [variableOf(member), member]))

/** Whether a variable is for this collector, whatever stands behind its prefix. */
export function isOurs(name: string): boolean {
  return name.startsWith(prefix) || memberOfVariable.has(name)
}

/** Whether a variable is set for many programs, of which this is one. */
export function isShared(name: string): boolean {
  return name.startsWith(sharedPrefix)
}

/** What a variable sets, and whether it names a file that holds the value. */
export type Source = { fromFile: boolean } & (
  | { property: string; member?: never }
  | { member: string; property?: never }
)

/** What a variable sets; undefined for one that nothing reads. */
export function locate(name: string): Source | undefined {
  const member = memberOfVariable.get(name)
  if (member !== undefined) return { member, fromFile: false }
  const fromFile = name.endsWith(fileSuffix)
  const base = fromFile ? name.slice(0, -fileSuffix.length) : name
  const fileMember = memberOfVariable.get(base)
  if (fileMember !== undefined) return { member: fileMember, fromFile }
  if (!base.startsWith(propertyPrefix) || base.length === propertyPrefix.length) return undefined
  return { property: base.slice(propertyPrefix.length).toLowerCase().replaceAll('_', '.'), fromFile }
}
