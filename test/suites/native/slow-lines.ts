import { isUtf8 } from 'node:buffer'
import { integerText, numberText } from '../../../lib/ingest/formats/otlp/values.js'
import { type Precision, precisions } from '../../../lib/ingest/native/binding.js'
import { defaults, type FirstRejections, type Records, readingRequest, serviceTags } from './told-reading.js'

export type LineOptions = { precision: Precision; textAsTags: boolean; database: string }

type Field = { name: string; value: string | { text: string } }
type Line = {
  measurement: string
  tags: Map<string, string>
  service: string | undefined
  fields: Field[]
  time: bigint | undefined
}

/** Why a line, or a field, is rejected. */
class Rejected extends Error {}

const maxShownRejections = 20
const maxLength = 255
const lastInstant = 8_640_000_000_000_000n
const nanoseconds: Readonly<Record<Precision, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}
const booleans = new Map([
  ...['t', 'T', 'true', 'True', 'TRUE'].map((word) => [word, '1'] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((word) => [word, '0'] as const),
])

/** Reads lines of InfluxDB's protocol, a character at a time, as a yardstick for the reader in C. */
export function readLines(body: Buffer, options: LineOptions): Records & { firstRejections: FirstRejections } {
  const found: Records & { firstRejections: FirstRejections } = {
    received: 0,
    accepted: 0,
    values: [],
    metricEnds: [],
    serviceOf: [],
    services: [],
    rejections: {},
    skips: {},
    firstRejections: [],
  }
  // A character a byte.
  const text = body.toString('latin1')
  const parser = new Parser(text)
  for (;;) {
    parser.skipBlank()
    if (parser.atEnd) return found
    if (parser.peek() === '#') {
      parser.skipLine()
      continue
    }
    const number = parser.lineNumber
    try {
      writeLine(parser.line(), options, number, found)
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
      parser.skipLine()
      receive(found, options.database)
      reject(found, number, error.message)
    }
  }
}

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length
  }

  peek(): string {
    return this.#text[this.#at] ?? ''
  }

  get lineNumber(): number {
    return this.#text.slice(0, this.#at).split('\n').length
  }

  get #atLineEnd(): boolean {
    return /^(?:\r?\n|\r?$)/.test(this.#text.slice(this.#at, this.#at + 2)) || this.atEnd
  }

  skipBlank(): void {
    while (!this.atEnd && /[ \t\r\n]/.test(this.peek())) this.#at++
  }

  skipLine(): void {
    while (!this.atEnd && this.peek() !== '\n') this.#at++
  }

  line(): Line {
    const measurement = this.#token(', ', ', ')
    if (measurement === '') throw new Rejected('line.syntax')
    const strings = [measurement]
    const given: [string, string][] = []
    while (this.peek() === ',') {
      this.#at++
      const name = this.#name()
      const value = this.#token(',= ', ',= ')
      if (value === '' || this.peek() === '=') throw new Rejected('line.syntax')
      given.push([name, value])
    }
    if (this.peek() !== ' ') throw new Rejected('line.syntax')
    this.#skipSpaces()
    const fields = this.#fields()
    if (!this.#atLineEnd && this.peek() !== ' ') throw new Rejected('line.syntax')
    this.#skipSpaces()
    const time = this.#time()
    this.#skipSpaces()
    if (!this.#atLineEnd) throw new Rejected('line.syntax')
    const { service, tags, left } = chooseService(given)
    for (const { name, value } of fields) strings.push(name, typeof value === 'string' ? '' : value.text)
    for (const pair of left) strings.push(...pair)
    if (!strings.every((string) => isUtf8(Buffer.from(string, 'latin1')))) throw new Rejected('line.utf8')
    return {
      measurement: utf8(measurement),
      tags: new Map(tags.map(([name, value]) => [utf8(name), utf8(value)])),
      service: service === undefined ? undefined : utf8(service),
      fields: fields.map(({ name, value }) => ({
        name: utf8(name),
        value: typeof value === 'string' ? value : { text: utf8(value.text) },
      })),
      time,
    }
  }

  #fields(): Field[] {
    const fields: Field[] = []
    for (;;) {
      const name = this.#name()
      fields.push({ name, value: this.peek() === '"' ? { text: this.#quoted() } : numberOf(this.#token(', ', '')) })
      if (this.peek() !== ',') return fields
      this.#at++
    }
  }

  #time(): bigint | undefined {
    if (this.#atLineEnd) return undefined
    return integerOf(this.#token(' ', ''))
  }

  /** A name, and the = behind it. */
  #name(): string {
    const name = this.#token('=, ', ',= ')
    if (name === '' || this.peek() !== '=') throw new Rejected('line.syntax')
    this.#at++
    return name
  }

  #token(ends: string, escapes: string): string {
    let token = ''
    while (!this.#atLineEnd && !ends.includes(this.peek())) {
      const escaped = this.#text[this.#at + 1]
      if (this.peek() === '\\' && escaped !== undefined && escapes.includes(escaped)) this.#at++
      token += this.peek()
      this.#at++
    }
    return token
  }

  #quoted(): string {
    let text = ''
    for (this.#at++; this.peek() !== '"'; this.#at++) {
      if (this.atEnd) throw new Rejected('line.syntax')
      const escaped = this.#text[this.#at + 1]
      if (this.peek() === '\\' && (escaped === '"' || escaped === '\\')) this.#at++
      text += this.peek()
    }
    this.#at++
    return text
  }

  #skipSpaces(): void {
    while (this.peek() === ' ') this.#at++
  }
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString()
}

/**
 * The first of the settings' tags that is there says the service. `tags` are the others, the first of each name; `left` those that must
 * be text.
 */
function chooseService(given: readonly [string, string][]) {
  const tags: [string, string][] = []
  const left: [string, string][] = []
  let service: { rank: number; tag: [string, string] } | undefined
  const add = (tag: [string, string]) => {
    left.push(tag)
    if (!tags.some(([name]) => name === tag[0])) tags.push(tag)
  }
  for (const tag of given) {
    const rank = serviceTags.indexOf(tag[0])
    if (rank === -1 || (service !== undefined && rank > service.rank)) add(tag)
    else if (service === undefined || rank < service.rank) {
      if (service !== undefined) add(service.tag)
      service = { rank, tag }
      left.push(tag)
    }
  }
  return { service: service?.tag[1], tags, left }
}

/** A value as records have it. */
function numberOf(text: string): string {
  if (text.endsWith('i')) return integerOf(text.slice(0, -1)).toString()
  if (text.endsWith('u')) {
    const digits = text.slice(0, -1)
    if (!/^\d+$/.test(digits) || BigInt(digits) >= 2n ** 64n) throw new Rejected('line.syntax')
    return integerText(BigInt(digits))
  }
  const boolean = booleans.get(text)
  if (boolean !== undefined) return boolean
  const isNumber = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) && text.length <= 400
  if (!isNumber || !Number.isFinite(Number(text))) throw new Rejected('line.syntax')
  return numberText(Number(text))
}

function integerOf(text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new Rejected('line.syntax')
  const integer = BigInt(text)
  if (BigInt.asIntN(64, integer) !== integer) throw new Rejected('line.syntax')
  return integer
}

function writeLine(line: Line, { precision, textAsTags, database }: LineOptions, number: number, found: Found): void {
  const tags = new Map(line.tags)
  const fields = textAsTags ? line.fields.filter(({ value }) => typeof value === 'string') : line.fields
  if (textAsTags)
    for (const { name, value } of line.fields)
      if (typeof value !== 'string' && !tags.has(name)) tags.set(name, value.text)
  const named = line.service ?? database
  const isLong = lengthOf(named) > maxLength
  const service = isLong ? database : named
  const time = millisecondsOf(line.time, precision)
  const ofLine = isLong ? 'service_name.maxLength' : line.time === undefined ? undefined : timeFault(time)
  if (fields.length === 0) {
    receive(found, service)
    reject(found, number, 'value.type')
  }
  for (const { name, value } of fields) {
    receive(found, service)
    const metric = name === 'value' ? line.measurement : `${line.measurement}_${name}`
    const fault = ofLine ?? (lengthOf(metric) > maxLength ? 'metric_name.maxLength' : undefined)
    if (fault !== undefined) reject(found, number, fault)
    else if (typeof value !== 'string') reject(found, number, 'value.type')
    else accept(found, service, recordOf({ time, service, metric, value, tags }))
  }
}

type Found = ReturnType<typeof readLines>
type Values = { time: bigint; service: string; metric: string; value: string; tags: ReadonlyMap<string, string> }

function recordOf({ time, service, metric, value, tags }: Values): string {
  const begin = `{"timestamp":${time},"service_name":${JSON.stringify(service)},"metric_name":${JSON.stringify(metric)}`
  const members = [...tags].map(([name, text]) => `${JSON.stringify(name)}:${JSON.stringify(text)}`)
  const written = members.length === 0 ? '' : `,"tags":{${members}}`
  const { environment, agentVersion } = defaults
  const end = `,"environment":"${environment}","agent_version":"${agentVersion}"${readingRequest.suffix}}`
  return `${begin},"metric_type":"gauge","value":${value}${written}${end}`
}

function millisecondsOf(time: bigint | undefined, precision: Precision): bigint {
  if (time === undefined) return BigInt(readingRequest.now)
  const whole = time * nanoseconds[precision]
  return whole < 0n ? -((-whole + 999_999n) / 1_000_000n) : whole / 1_000_000n
}

function timeFault(time: bigint): string | undefined {
  if (time < 0n) return 'timestamp.minimum'
  if (time > lastInstant) return 'timestamp.maximum'
  if (time < BigInt(readingRequest.oldest)) return 'timestamp.age'
  return time > BigInt(readingRequest.newest) ? 'timestamp.future' : undefined
}

function lengthOf(text: string): number {
  return [...text].length
}

function receive(found: Found, service: string): void {
  found.received++
  const known = found.services.find(([name]) => name === service)
  if (known === undefined) found.services.push([service, 1])
  else known[1]++
}

function accept(found: Found, service: string, value: string): void {
  found.accepted++
  found.values.push(value)
  found.metricEnds.push(found.accepted)
  found.serviceOf.push(found.services.findIndex(([name]) => name === service))
}

function reject(found: Found, line: number, reason: string): void {
  found.rejections[reason] = (found.rejections[reason] ?? 0) + 1
  if (found.firstRejections.length < maxShownRejections) found.firstRejections.push([line, reason])
}

/** How the target of libFuzzer read a body, of what it tells. */
export function lineOptionsOf(variant: number): LineOptions {
  const precision = precisions[Math.floor(variant / 2) % precisions.length] ?? 'ns'
  return { precision, textAsTags: variant % 2 === 0, database: 'db' }
}
