import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { text as textOf } from 'node:stream/consumers'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { parseConfig } from '../../../lib/config/config.js'
import { recordValue } from '../../../lib/delivery/record-batch.js'
import { ByteBudget } from '../../../lib/ingest/byte-budget.js'
import { createJudge } from '../../../lib/ingest/formats/vantage/judge.js'
import { createRecords } from '../../../lib/ingest/formats/vantage/records.js'
import { BufferPool } from '../../../lib/shared/buffer-pool.js'
import { Problem } from '../../../lib/shared/errors.js'
import { tool } from '../../support/tools.js'

const { config } = parseConfig({})
const judge = createJudge(config)
const makeRecords = createRecords(
  { kafkaPartitionKey: 'service', kafkaRecordFormat: 'metric', maxRecordBytes: 1_000_000 },
  new BufferPool(),
)
const hold = new ByteBudget(Number.POSITIVE_INFINITY, { requestHeldBytes: 0 }).open('test')

/** The records that the collector makes of a body; none for one that it refuses. */
function recordsOf(body: Buffer): string[] {
  try {
    const records = makeRecords(judge(body, hold).batch, {})
    return Array.from(records.ends, (_, n) => recordValue(records, n).toString())
  } catch (error) {
    if (error instanceof Problem) return []
    throw error
  }
}

/** JSON text for a string, some characters of which are escapes. */
const text = fc
  .tuple(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.nat(4),
    fc.constantFrom('', '', '', '\\ud800', '\\u0000', '\\udc00\\ud800'),
  )
  .map(([value, escaped, odd]) => {
    const written = JSON.stringify(value)
      .slice(0, -1)
      .replaceAll(/[a-z\u0080-\uffff]/g, (character) =>
        escaped === 0 ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : character,
      )
    return `${written}${odd}"`
  })
const double = fc.double({ noNaN: true, noDefaultInfinity: true })
const number = fc.oneof(
  double.map(String),
  double.map((value) => value.toExponential().replace('e', 'E')),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.constantFrom(
    '0',
    '-0',
    '-0.0',
    '1e2',
    '1E+2',
    '1e400',
    '-1e400',
    '1e-400',
    '1e-99999999999',
    '18446744073709551615',
  ),
  fc.constantFrom('9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809'),
  fc.constantFrom('1'.repeat(300), '1'.repeat(401), '9'.repeat(5000), `0.${'1'.repeat(390)}`, `1${'0'.repeat(308)}`),
)
const timestamp = fc.constantFrom(
  ...[
    '1701878400000',
    '1701878400000.0',
    '17018784e5',
    '1.7018784E+12',
    '1701878400000.00000000001',
    '8640000000000000',
  ],
  ...['0', '-0', '-0.0', '0e5', '8.64e15', '1e0', '1.5', '9007199254740993', '1701878400000', '1701878400000'],
)
const status = fc.constantFrom('200', '200.0', '2e2', '-0', '0.0', '999', 'null', '1000', '99900e-2')
const space = fc.constantFrom('', '', ' ', '\n', '\r\n\t')
const any: fc.Arbitrary<string> = fc.letrec<{ any: string; nested: string }>((tie) => ({
  any: fc.oneof({ maxDepth: 4 }, number, text, fc.constantFrom('null', 'true', 'false'), tie('nested')),
  nested: fc.oneof(
    fc.array(tie('any'), { maxLength: 3 }).map((elements) => `[${elements}]`),
    fc
      .array(fc.tuple(text, tie('any')), { maxLength: 3 })
      .map((members) => `{${members.map((each) => each.join(':'))}}`),
    fc.nat(70).map((depth) => '['.repeat(depth) + ']'.repeat(depth) || '[]'),
  ),
})).any
const tags = fc.oneof(
  fc.array(fc.tuple(text, text), { maxLength: 3 }).map((members) => `{${members.map((each) => each.join(' : '))}}`),
  fc.constantFrom('null', '{}', '{"a":"1","a":"2"}'),
)
/** No dots: a column of type JSON takes a.b for a member b of a. */
const name = fc.oneof(
  text.map((written) => written.replaceAll('.', '')),
  fc.constantFrom(
    '"x"',
    '"id"',
    '"Value"',
    '"TAGS"',
    '"\\u0076alue"',
    '"tag\u017f"',
    '"__proto__"',
    '"trace_id"',
    '"environment"',
  ),
)
const own = fc.record({
  timestamp,
  service_name: fc.oneof(fc.constant('"s"'), text),
  metric_name: fc.oneof(fc.constant('"m"'), text),
  metric_type: fc.constantFrom('"gauge"', '"counter"', '"c\\u006funter"'),
  value: number,
})
const optional = fc.record(
  {
    tags,
    status_code: status,
    duration_ms: fc.oneof(number, fc.constant('null')),
    error: fc.constantFrom('null', '"e"'),
  },
  { requiredKeys: [] },
)
const metric = fc
  .tuple(own, optional, fc.array(fc.tuple(name, any), { maxLength: 3 }), space, fc.nat(9))
  .map(([known, more, unknown, gap, twice]) => {
    const members = Object.entries({ ...known, ...more }).map(([each, value]) => `"${each}"${gap}:${gap}${value}`)
    if (twice === 0) members.push('"value":1')
    members.push(...unknown.map(([each, value]) => `${each}:${value}`))
    return `{${gap}${members.join(`${gap},`)}${gap}}`
  })

/** What a consumer must take a record for: what JavaScript takes it for, without the members that only JavaScript has. */
function meaningOf(record: string): Record<string, unknown> {
  const all: Record<string, unknown> = JSON.parse(record)
  const names = [
    'timestamp',
    'status_code',
    'value',
    'duration_ms',
    'service_name',
    'metric_name',
    'metric_type',
    'environment',
  ]
  const known = names.filter((each) => each in all).map((each) => [each, all[each] === 0 ? 0 : all[each]])
  return { ...Object.fromEntries(known), tags: all.tags ?? {} }
}

const seed = Date.now() % 1e9
const metrics = fc.sample(metric, { numRuns: 30_000, seed })
const records = metrics.flatMap((each) =>
  recordsOf(Buffer.from(`{"service_name":"s","environment":"é","metrics":[${each}]}`)),
)
const meanings = records.map(meaningOf)

const consumers: [name: string, command: string, args: string[], needs: string][] = [
  ["Python's json", 'python3', ['test/suites/hostile/consumers/read.py'], ''],
  ["Go's encoding/json", 'go', ['run', 'test/suites/hostile/consumers/read.go'], ''],
  ['ClickHouse', tool('python'), ['test/suites/hostile/consumers/clickhouse.py'], 'chdb'],
]

test('of metrics at random, some are accepted and some are not', async (t) => {
  t.ok(records.length > 2000, `${records.length} of ${metrics.length} are accepted, with seed ${seed}`)
  t.ok(records.length < metrics.length / 2)
})

for (const [consumer, command, args, needs] of consumers) {
  const skip = whyNot(command, needs) ?? false
  test(`every record is read by ${consumer} as it was validated, with seed ${seed}`, { skip }, async (t) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    // One that cannot read a record ends there.
    child.stdin.on('error', () => undefined)
    child.stdin.end(`${records.join('\n')}\n`)
    const output = await textOf(child.stdout)
    compare(t, output.trimEnd().split('\n'))
  })
}

/** Why a consumer cannot be asked. */
function whyNot(command: string, needs: string): string | undefined {
  const found = command.includes('/') ? existsSync(command) : spawnSync(command, ['help']).error === undefined
  if (!found) return `${command} is not installed`
  if (needs === '' || spawnSync(command, ['-c', `import ${needs}`]).status === 0) return undefined
  return `${needs} is not installed`
}

function compare(t: Test, lines: string[]): void {
  t.equal(lines.length, records.length)
  for (const [n, line] of lines.entries()) {
    const read: Record<string, unknown> = JSON.parse(line)
    const present = Object.entries(read).filter(([, value]) => value !== null)
    const known = present.map(([each, value]) => [each, value === 0 ? 0 : value])
    const meaning = { tags: {}, ...Object.fromEntries(known) }
    if (JSON.stringify(sorted(meaning)) !== JSON.stringify(sorted(meanings[n])))
      t.same(meaning, meanings[n], records[n] ?? '')
  }
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([each, member]) => [each, sorted(member)])
}
