import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Fault, faults, rejectionReasons, skipReasons } from '../../../lib/ingest/native/binding.js'
import { folder } from './compile.js'
import { type Told, Wrong } from './judging.js'

/** When each body is read, and what each record gets, as judged-reading.h has it. */
export const readingRequest = {
  now: 1701878400000,
  oldest: 1701878000000,
  newest: 1701879000000,
  suffix: ',"trace_id":"t"',
}
export const defaults = { environment: 'development', agentVersion: 'unknown' }
export const serviceTags = ['service', 'host']

/** What a reader finds in a body. */
export type Records = {
  received: number
  accepted: number
  values: string[]
  metricEnds: number[]
  serviceOf: number[]
  services: [name: string, metrics: number][]
  rejections: Record<string, number>
  skips: Record<string, number>
}

/** The first metrics that were rejected: what each is named by, and why. */
export type FirstRejections = [place: number, reason: string][]
export type ToldReading = {
  body: Buffer
  /** How it was read. */
  variant: number
  fault: Fault
  records: Records
  firstRejections: FirstRejections
}

/** A message as judged-reading.h tells it. */
export function toldReading(told: Told): ToldReading {
  const [length = 0, variant = 0, fault = 0, received = 0, accepted = 0, size = 0, count = 0] = told.numbers(7)
  const [serviceCount = 0, namesSize = 0, rejectionCount = 0] = told.numbers(3)
  const rejections = byReason(rejectionReasons, told)
  const skips = byReason(skipReasons, told)
  const ends = told.numbers(count)
  const metricEnds = told.numbers(count)
  const serviceOf = told.numbers(count)
  const named = Array.from({ length: serviceCount }, () => ({ end: told.number(), metrics: told.number() }))
  const firstRejections = Array.from({ length: rejectionCount }, (): [number, string] => [
    told.number(),
    rejectionReasons[told.number()] ?? 'unknown',
  ])
  const body = told.bytes(length)
  const text = told.bytes(size)
  const names = told.bytes(namesSize)
  const values = ends.map((end, n) => text.toString('utf8', ends[n - 1] ?? 0, end))
  const services = named.map(({ end, metrics }, n): [string, number] => [
    names.toString('utf8', named[n - 1]?.end ?? 0, end),
    metrics,
  ])
  const records = { received, accepted, values, metricEnds, serviceOf, services, rejections, skips }
  return { body, variant, fault: faults[fault] ?? 'none', records, firstRejections }
}

function byReason(reasons: readonly string[], told: Told): Record<string, number> {
  const counts = reasons.map((reason): [string, number] => [reason, told.number()])
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

/** @throws {Wrong} where something is otherwise, and names the first record that is */
export function compare(body: Buffer, found: object, expected: object, by: string): void {
  const others = new Map(Object.entries(found))
  for (const [name, should] of Object.entries(expected)) {
    const is = others.get(name)
    if (isDeepStrictEqual(is, should)) continue
    const at = Array.isArray(should) ? should.findIndex((value, n) => !isDeepStrictEqual(value, is?.[n])) : -1
    const texts = at === -1 ? [should, is] : [should[at], is?.[at]]
    throw wrong(body, `${name} by ${by}: ${texts.map((text) => JSON.stringify(text)).join(', but in C ')}`)
  }
}

/** Keeps the body, so that it can be looked at. */
export function wrong(body: Buffer, text: string): Wrong {
  const path = join(folder, 'wrong')
  writeFileSync(path, body)
  return new Wrong(`${text}; the body is in ${path}`)
}
