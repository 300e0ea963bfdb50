import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { createReadPoints } from '../../../lib/ingest/formats/otlp/points.js'
import { Reader } from '../../../lib/ingest/native/reader.js'
import { exportRequest } from '../../support/protobuf.js'
import { takeLines } from '../../support/reader.js'

type Block = { info: string; text: string }

const page = readFileSync('docs/formats.md', 'utf8')
const blocks = [...page.matchAll(/^```json (\w+)\n([^`]*)^```/gm)].map(
  ([, info = '', text = '']): Block => ({ info, text }),
)
const [{ text: stand = '' } = {}] = blocks.filter(({ info }) => info === 'resource')
const { resource, scope } = JSON.parse(stand)

const reading = { now: 0, oldest: -Infinity, newest: Infinity, suffix: '' }
const settings = { environment: 'development', agentVersion: 'unknown', maxBytes: 100_000 }
const limits = { maxAgeHours: 0, maxFutureHours: 0 }

const requestOf = (metric: string) => ({
  resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: [JSON.parse(metric)] }] }],
})

function inTypeScript(metric: string, buckets: boolean): string[] {
  return createReadPoints({ ...settings, ...limits, buckets })(requestOf(metric), reading).values
}

const type = exportRequest()
const more = { noService: 'unknown_service', ndjson: false, maxMetrics: 10, maxRecordBytes: 1000 }

function inC(metric: string, buckets: boolean): string[] {
  const reader = new Reader({ ...settings, ...more, buckets })
  const body = Buffer.from(type.encode(type.fromObject(withBytes(requestOf(metric)))).finish())
  const found = reader.readOtlp(body, reading)
  if (found.fault !== undefined) throw new Error(found.fault)
  return takeLines(reader, found).lines
}

/** protobufjs takes ids as bytes. */
function withBytes(value: unknown): never {
  const ids = /"(traceId|spanId)":"([^"]*)"/g
  const text = JSON.stringify(value)
  return JSON.parse(
    text.replaceAll(ids, (_, name, hex) => `"${name}":"${Buffer.from(hex, 'hex').toString('base64')}"`),
  ) as never
}

for (const [n, { info, text }] of blocks.entries()) {
  if (info !== 'metric') continue
  const [records, buckets] = blocks.slice(n + 1, n + 3)
  const { name } = JSON.parse(text)
  test(`docs/formats.md says what becomes of ${name}`, async (t) => {
    const lines = (records?.text ?? '').trimEnd().split('\n')
    t.same(inTypeScript(text, false), lines)
    t.same(inC(text, false), lines)
    if (buckets?.info !== 'buckets') return
    const all = [...lines, ...buckets.text.trimEnd().split('\n')]
    t.same(inTypeScript(text, true), all)
    t.same(inC(text, true), all)
  })
}
