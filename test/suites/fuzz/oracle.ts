import { isUtf8 } from 'node:buffer'
import { readWritten, type Written } from './written.js'

/**
 * How many metrics of a body the contract takes: written from the contract's table and not from the schemas, so that it
 * can contradict them. 0 if the body may not be answered 202.
 */
export function goodMetricsIn(body: Buffer): number {
  const batch = read(body)
  if (batch?.kind !== 'object' || !text(only(batch, 'service_name'), 1, 255)) return 0
  if (!['environment', 'agent_version'].every((name) => optional(batch, name, (value) => text(value, 0, 50)))) return 0
  if (count(batch, 'batch_size') > 1) return 0
  const metrics = only(batch, 'metrics')
  if (metrics?.kind !== 'array' || metrics.elements.length > 1000) return 0
  return metrics.elements.filter(isGood).length
}

function read(body: Buffer): Written | undefined {
  if (!isUtf8(body)) return undefined
  try {
    JSON.parse(body.toString())
  } catch {
    return undefined
  }
  return readWritten(body.toString())
}

const ownNames = ['timestamp', 'service_name', 'metric_name', 'metric_type', 'value']
const optionalTexts = { endpoint: 500, method: 10, error: 1000 }
const freeTexts = ['environment', 'agent_version', 'trace_id', 'span_id']
const knownNames = [...ownNames, ...Object.keys(optionalTexts), ...freeTexts, 'tags', 'status_code', 'duration_ms']

function isGood(metric: Written): boolean {
  return (
    metric.kind === 'object' &&
    isSound(metric) &&
    metric.members.every(([name]) => knownNames.includes(name) || !knownNames.includes(name.toLowerCase())) &&
    integer(only(metric, 'timestamp'), 8.64e15) &&
    text(only(metric, 'service_name'), 1, 255) &&
    text(only(metric, 'metric_name'), 1, 255) &&
    oneOf(only(metric, 'metric_type'), ['counter', 'gauge', 'histogram']) &&
    only(metric, 'value')?.kind === 'number' &&
    optional(metric, 'tags', isTags) &&
    Object.entries(optionalTexts).every(([name, most]) => optional(metric, name, (value) => text(value, 0, most))) &&
    freeTexts.every((name) => optional(metric, name, ({ kind }) => kind === 'text')) &&
    optional(metric, 'status_code', (value) => integer(value, 999)) &&
    optional(metric, 'duration_ms', (value) => value.kind === 'number' && Number(value.written) >= 0)
  )
}

/** Each name once, whole characters, numbers that a double holds. */
function isSound(value: Written): boolean {
  switch (value.kind) {
    case 'object':
      return (
        new Set(value.members.map(([name]) => name)).size === value.members.length &&
        value.members.every(([name, member]) => name.isWellFormed() && isSound(member))
      )
    case 'array':
      return value.elements.every(isSound)
    case 'text':
      return value.text.isWellFormed()
    case 'number':
      return Number.isFinite(Number(value.written))
    default:
      return true
  }
}

type WrittenObject = Extract<Written, { kind: 'object' }>

function count({ members }: WrittenObject, name: string): number {
  return members.filter(([each]) => each === name).length
}

/** The member if it is there once. */
function only(object: WrittenObject, name: string): Written | undefined {
  return count(object, name) === 1 ? object.members.find(([each]) => each === name)?.[1] : undefined
}

/** Null says nothing. */
function optional(object: WrittenObject, name: string, holds: (value: Written) => boolean): boolean {
  const value = only(object, name)
  if (value === undefined) return count(object, name) === 0
  return (value.kind === 'word' && value.word === 'null') || holds(value)
}

function isTags(value: Written): boolean {
  return value.kind === 'object' && value.members.every(([, tag]) => tag.kind === 'text')
}

function oneOf(value: Written | undefined, texts: readonly string[]): boolean {
  return value?.kind === 'text' && texts.includes(value.text)
}

function text(value: Written | undefined, least: number, most: number): boolean {
  if (value?.kind !== 'text' || !value.text.isWellFormed()) return false
  const characters = [...value.text].length
  return characters >= least && characters <= most
}

function integer(value: Written | undefined, most: number): boolean {
  if (value?.kind !== 'number') return false
  const number = Number(value.written)
  return Number.isInteger(number) && number >= 0 && number <= most
}
