import { readFileSync } from 'node:fs'
import type { TSchema } from 'typebox'
import { messageOf } from '../shared/errors.js'
import { schemas } from './schema.js'
import { fileVariable, isOurs, isShared, locate } from './variables.js'

/** A setting as it was written, and as what it stands for; whether it may be that is for check.ts to say. */
export type Setting = { variable: string; text: string; value: unknown }

/** What the environment sets, unchecked. */
export type Reading = {
  /** By member of the schema. */
  settings: Map<string, Setting>
  /** librdkafka properties passed through, by their own names. */
  properties: Record<string, string>
  warnings: string[]
  mistakes: string[]
}

/** Reads the variables, and the files that some of them name. Never throws: what cannot be read is a mistake. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Reading {
  const reading: Reading = { settings: new Map(), properties: {}, warnings: [], mistakes: [] }
  const names = new Map<string, string>()
  for (const [name, untrimmed] of Object.entries(env)) {
    // Of a value, as of a file, what stands around it is no part: what made it may have ended it with a newline.
    const text = untrimmed?.trim()
    // Compose files pass on what is not set as an empty text.
    const leftToFile = text === '' && env[fileVariable(name)] !== undefined
    if (!isOurs(name) || text === undefined || leftToFile) continue
    readVariable(name, text, names, reading)
  }
  return reading
}

/** @param names the variable that has set each target so far */
function readVariable(name: string, text: string, names: Map<string, string>, reading: Reading): void {
  const source = locate(name)
  if (source === undefined) {
    reading.warnings.push(`${name} is not a setting of this version and is ignored; --help lists them all`)
    return
  }
  const target = source.property ?? source.member
  const other = names.get(target)
  if (other !== undefined) {
    reading.mistakes.push(`${other} and ${name} set the same; only one of them may be there`)
  }
  names.set(target, name)
  const value = source.fromFile ? readSecret(name, text, reading.mistakes) : text
  if (value === undefined) return
  if (source.property !== undefined) reading.properties[source.property] = value
  // OpenTelemetry takes a variable that is set to nothing for one that is not set.
  else if (value !== '' || !isShared(name)) reading.settings.set(source.member, settingOf(name, source.member, value))
}

function settingOf(variable: string, member: string, text: string): Setting {
  return { variable, text, value: coerce(schemas[member], text) }
}

function readSecret(name: string, path: string, mistakes: string[]): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    mistakes.push(`${name}=${path} cannot be read: ${messageOf(error)}`)
    return undefined
  }
}

const booleans: Record<string, boolean> = {
  true: true,
  '1': true,
  yes: true,
  on: true,
  false: false,
  '0': false,
  no: false,
  off: false,
}

function coerce(schema: TSchema | undefined, text: string): unknown {
  const type = schema !== undefined && 'type' in schema ? schema.type : undefined
  if (type === 'boolean') return booleans[text.toLowerCase()] ?? text
  if ((type === 'integer' || type === 'number') && text !== '') {
    const number = Number(text)
    return Number.isNaN(number) ? text : number
  }
  return text
}
