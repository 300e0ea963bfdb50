import { excerpt } from '../../../shared/excerpt.js'
import type { Fault } from '../../metric.js'
import { flaws, maxDepth, maxMetricValues, maxNumberLength } from '../../native/binding.js'
import { findTwice } from './members.js'
import { metricSchema } from './metric-schema.js'

const maxPathLength = 100
const known = new Set(Object.keys(metricSchema.properties))
const foldedNames = new Map([...known].map((name) => [fold(name), name]))

/** What is wrong with a value, in words; the first ones by the survey's names. */
export const flawTexts = {
  none: '',
  depth: `is nested deeper than ${maxDepth} levels`,
  values: `is more than a metric may have, which is ${maxMetricValues} values`,
  number: `has a number of more than ${maxNumberLength} characters`,
  characters: 'has half of a surrogate pair, which is no character',
  range: 'is a number beyond the range of a double',
  twice: 'is there twice',
} satisfies Record<(typeof flaws)[number] | 'characters' | 'range' | 'twice', string>

/** The fault of a metric that must not be parsed. @param path of the member that is at fault, such as "tags"; '' for none */
export function flawFault(flaw: number, member: string): Fault {
  const name = flaws[flaw] ?? 'none'
  return faultAt(member === '' ? '' : `.${member}`, name, flawTexts[name])
}

/**
 * What no schema says of a parsed metric, but consumers need: names once in an object, numbers that a double can hold, whole
 * characters, and no name that some readers take for a known one.
 *
 * @param names how many names stand in its bytes, which start at `from`
 */
export function inspect(metric: unknown, names: number, body: Buffer, from: number): Fault | undefined {
  const seen: Seen = { names: 0, path: '', flaw: undefined }
  look(metric, seen)
  if (seen.flaw !== undefined) return faultAt(seen.path, seen.flaw, flawTexts[seen.flaw])
  if (seen.names !== names) return faultAt(findTwice(body, from) ?? '', 'twice', flawTexts.twice)
  return misnamed(metric)
}

type Seen = { names: number; path: string; flaw: 'characters' | 'range' | undefined }

/** Counts names until a flaw is found. It goes as deep as the survey lets metrics be. */
function look(value: unknown, seen: Seen): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) seen.flaw = 'characters'
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) seen.flaw = 'range'
  } else if (Array.isArray(value)) {
    for (let n = 0; n < value.length && seen.flaw === undefined; n++) lookAt(value[n], `[${n}]`, seen)
  } else if (isRecord(value)) {
    // Not Object.entries: for a thousand objects of many names, its pairs cost as much as half of JSON.parse.
    for (const name in value) {
      seen.names++
      if (!name.isWellFormed()) seen.flaw = 'characters'
      else look(value[name], seen)
      if (seen.flaw === undefined) continue
      seen.path = `.${name}${seen.path}`
      return
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function lookAt(value: unknown, step: string, seen: Seen): void {
  look(value, seen)
  if (seen.flaw !== undefined) seen.path = `${step}${seen.path}`
}

/** Go and ClickHouse read members whatever the case of their names. */
function misnamed(metric: unknown): Fault | undefined {
  if (typeof metric !== 'object' || metric === null) return undefined
  for (const name in metric) {
    if (known.has(name)) continue
    const meant = foldedNames.get(fold(name))
    if (meant !== undefined) return faultAt(`.${name}`, 'case', `must be written ${meant}`)
  }
  return undefined
}

/** The upper case of some letters beyond ASCII, such as the long s, is in ASCII; so is the lower case of the sign for kelvin. */
function fold(name: string): string {
  return name.length > maxPathLength ? name : name.toUpperCase().toLowerCase()
}

function faultAt(path: string, kind: string, text: string): Fault {
  const [, member = ''] = /^\.([^.[]*)/.exec(path) ?? []
  return {
    reason: `${known.has(member) ? member : 'metric'}.${kind}`,
    text: `${excerpt(path, maxPathLength)} ${text}`,
  }
}
