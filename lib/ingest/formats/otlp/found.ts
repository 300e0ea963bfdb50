import { excerpt } from '../../../shared/excerpt.js'
import { maxErrors } from '../../format.js'
import { recordsTooLarge } from './invalid.js'
import type { Skip } from './kinds.js'

const maxShownName = 100

/** What was found in a request, point by point; points are metrics here. */
export class Found {
  received = 0
  accepted = 0
  /** Values of the records of the good points. */
  readonly values: string[] = []
  /** For each record how many good points have begun up to and with it: a point counts with the first of its records. */
  readonly metricEnds: number[] = []
  /** For each record the number of its service. */
  readonly serviceOf: number[] = []
  readonly rejections: Record<string, number> = {}
  readonly errors: string[] = []
  readonly skips: Record<string, number> = {}
  /** Of the values, nearly: in UTF-16 units. */
  bytes = 0
  readonly #maxBytes: number
  readonly #services = new Map<string, { number: number; points: number }>()

  /** @param maxBytes of the values */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** In the order in which they came. */
  get services(): [name: string, points: number][] {
    return [...this.#services].map(([name, { points }]) => [name, points])
  }

  /** Counts a point. */
  receive(service: string): void {
    this.received++
    const known = this.#services.get(service)
    if (known === undefined) this.#services.set(service, { number: this.#services.size, points: 1 })
    else known.points++
  }

  /** @throws {Problem} VANTAGE_BODY_TOO_LARGE where there is too much of them in all */
  accept(service: string, values: readonly string[]): void {
    this.accepted++
    const { number = 0 } = this.#services.get(service) ?? {}
    for (const value of values) {
      this.values.push(value)
      this.bytes += value.length
      this.metricEnds.push(this.accepted)
      this.serviceOf.push(number)
    }
    if (this.bytes > this.#maxBytes) throw recordsTooLarge(this.#maxBytes)
  }

  skip(reason: Skip): void {
    this.skips[reason] = (this.skips[reason] ?? 0) + 1
  }

  reject(reason: string, text: string, name: string): void {
    this.rejections[reason] = (this.rejections[reason] ?? 0) + 1
    if (this.errors.length === maxErrors) return
    this.errors.push(`${nameOfPoint(this.received - 1, excerpt(name, maxShownName))}: ${text}`)
  }
}

/** What an error calls a point. @param index its number in the request, from 0 */
export function nameOfPoint(index: number, name: string): string {
  return `point ${index} (${name})`
}
