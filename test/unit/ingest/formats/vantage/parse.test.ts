import { test } from 'tap'
import { recordValue } from '../../../../../lib/delivery/record-batch.js'
import { ByteBudget } from '../../../../../lib/ingest/byte-budget.js'
import { createParse } from '../../../../../lib/ingest/formats/vantage/parse.js'
import { createRecords } from '../../../../../lib/ingest/formats/vantage/records.js'
import { compileRules } from '../../../../../lib/ingest/formats/vantage/scan-rules.js'
import { createSurvey } from '../../../../../lib/ingest/formats/vantage/survey.js'
import { BufferPool } from '../../../../../lib/shared/buffer-pool.js'
import { createReader } from '../../../../support/body-reader.js'

const limits = { maxBatchSize: 20, maxAgeHours: 0, maxFutureHours: 0 }
const { parse, scan } = createReader(limits)
const makeRecords = createRecords(
  { kafkaPartitionKey: 'service', kafkaRecordFormat: 'metric', maxRecordBytes: 1_000_000 },
  new BufferPool(),
)
const good = '{"timestamp":1,"service_name":"s","metric_name":"m","metric_type":"gauge","value":1}'

/** The metric with this in the place of one of its members, or with one more. */
function metricWith(members: string): string {
  const [, name = ''] = /^"(\w+)":/.exec(members) ?? []
  const own = new RegExp(`"${name}":[^,}]+`)
  return own.test(good) ? good.replace(own, () => members) : good.replace(/}$/, () => `,${members}}`)
}

function batchOf(...metrics: string[]): Buffer {
  return Buffer.from(`{"service_name":"s","environment":"e","agent_version":"1","metrics":[${metrics}]}`)
}

const bad: [member: string, reason: string, error: string][] = [
  ['"value":"n/a","value":1', 'value.twice', '.value is there twice'],
  ['"value":1,"v\\u0061lue":2', 'value.twice', '.value is there twice'],
  ['"timestamp":1,"timestamp":1', 'timestamp.twice', '.timestamp is there twice'],
  ['"error":null,"error":null', 'error.twice', '.error is there twice'],
  ['"environment":"a","environment":"b"', 'environment.twice', '.environment is there twice'],
  ['"tags":{"a":"1","a":"2"}', 'tags.twice', '.tags.a is there twice'],
  ['"tags":{"a":"1"},"tags":{"b":"2"}', 'tags.twice', '.tags is there twice'],
  ['"x":1,"x":1', 'metric.twice', '.x is there twice'],
  ['"x":[0,{"y":{"z":1,"z":2}}]', 'metric.twice', '.x[1].y.z is there twice'],
  ['"__proto__":1,"__proto__":2', 'metric.twice', '.__proto__ is there twice'],
  ['"Value":2', 'metric.case', '.Value must be written value'],
  ['"TIMESTAMP":2', 'metric.case', '.TIMESTAMP must be written timestamp'],
  ['"tag\\u017f":{}', 'metric.case', '.tagſ must be written tags'],
  ['"x":1e400', 'metric.range', '.x is a number beyond the range of a double'],
  ['"x":{"y":[-1e999]}', 'metric.range', '.x.y[0] is a number beyond the range of a double'],
  ['"value":1e309', 'value.type', '.value must be number'],
  [`"x":${'9'.repeat(5000)}`, 'metric.number', '.x has a number of more than 400 characters'],
  [`"value":0.${'9'.repeat(5000)}`, 'value.number', '.value has a number of more than 400 characters'],
  [`"x":${'['.repeat(3000)}${']'.repeat(3000)}`, 'metric.depth', '.x is nested deeper than 64 levels'],
  [`"tags":${'{"a":'.repeat(80)}1${'}'.repeat(80)}`, 'tags.depth', '.tags is nested deeper than 64 levels'],
  [
    `"tags":{${Array.from({ length: 1000 }, (_, n) => `"${n}":""`)}}`,
    'tags.values',
    '.tags is more than a metric may have, which is 1000 values',
  ],
  [
    '"metric_name":"a\\ud800"',
    'metric_name.characters',
    '.metric_name has half of a surrogate pair, which is no character',
  ],
  ['"tags":{"a":"\\udc00b"}', 'tags.characters', '.tags.a has half of a surrogate pair, which is no character'],
  ['"tags":{"a\\ud83d":"b"}', 'tags.characters', '.tags.a\ufffd has half of a surrogate pair, which is no character'],
  ['"x":["\\ude00\\ud83d"]', 'metric.characters', '.x[0] has half of a surrogate pair, which is no character'],
  ['"status_code":200.5', 'status_code.type', '.status_code must be integer or null'],
  ['"timestamp":null', 'timestamp.type', '.timestamp must be integer'],
  ['"environment":true', 'environment.type', '.environment must be string or null'],
]

for (const [member, reason, error] of bad) {
  test(`a metric that consumers cannot read, or read otherwise, is rejected alone: ${member.slice(0, 60)}`, async (t) => {
    const body = batchOf(good, metricWith(member), good)
    t.notOk(scan(Buffer.from(body), 'utf8'))
    const { verdict } = parse(body)
    t.same(verdict.errors, [`metrics[1]${error}`])
    t.same(verdict.rejections, { [reason]: 1 })
    t.same(verdict.indexes, [0, 2])
  })
}

test('a metric of more values than it may have is rejected by the scan, too', async (t) => {
  const tags = (count: number) => `"tags":{${Array.from({ length: count }, (_, n) => `"${n}":""`)}}`
  t.ok(scan(batchOf(metricWith(tags(60))), 'latin1'))
  t.notOk(scan(batchOf(metricWith(tags(65))), 'latin1'), 'more names than it compares')
  t.equal(parse(batchOf(metricWith(tags(994)))).verdict.accepted, 1)
})

/** What stands in the record of what was sent. */
const rewritten: [sent: string, stored: string][] = [
  ['"timestamp":1701878400000.0', '"timestamp":1701878400000'],
  ['"timestamp":17018784e5', '"timestamp":1701878400000'],
  ['"timestamp":1701878400000.00000000001', '"timestamp":1701878400000'],
  ['"timestamp":1.7018784E+12', '"timestamp":1701878400000'],
  ['"timestamp":-0', '"timestamp":0'],
  ['"timestamp":-0.0', '"timestamp":0'],
  ['"status\\u005fcode":2e2', '"status\\u005fcode":200'],
  ['"status_code":200.0', '"status_code":200'],
  ['"status_code":2e2', '"status_code":200'],
  ['"status_code":-0', '"status_code":0'],
  ['"value":18446744073709551616', '"value":1.8446744073709552e+19'],
  ['"value":-9223372036854775809', '"value":-9.223372036854776e+18'],
  ['"value":9223372036854775807', '"value":9223372036854775807'],
  ['"value":-9223372036854775808', '"value":-9223372036854775808'],
  ['"value":12345678901234567.50', '"value":12345678901234567.50'],
  [`"value":1${'0'.repeat(300)}`, '"value":1e+300'],
  [`"duration_ms":1${'0'.repeat(300)}`, '"duration_ms":1e+300'],
  ['"value":-0', '"value":-0'],
  ['"value":1.50E+01', '"value":1.50E+01'],
  ['"x":18446744073709551616', '"x":18446744073709551616'],
  ['"x":[1.0,-0,1e2]', '"x":[1.0,-0,1e2]'],
  ['"x":null', '"x":null'],
  ['"tags":null', ''],
  ['"endpoint":null,"method":null,"status_code":null', ''],
  ['"endpoint":null,"x":"\\n","duration_ms":null', '"x":"\\n"'],
  ['"endpoint" : null , "x" : 1.0 , "error" : null', '"x" :1.0'],
  ['"environment":null,"agent_version":null,"trace_id":null', ''],
]

for (const [sent, stored] of rewritten) {
  test(`a record has integers as integers, and no null for a known member: ${sent.slice(0, 60)}`, async (t) => {
    const other = metricWith('"x":"ü"')
    for (const batch of [
      scan(batchOf(metricWith(sent), other), 'utf8')?.batch,
      parse(batchOf(metricWith(sent), other)).batch,
    ]) {
      if (batch === undefined) continue
      const records = makeRecords(batch, {})
      const spliced = ',"environment":"e","agent_version":"1"}'
      const expected = metricWith(stored).replace(/,?}$/, spliced)
      const compact = (text: string) => text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, '$1')
      t.equal(compact(recordValue(records, 0).toString()), compact(expected))
      t.equal(recordValue(records, 1).toString(), other.replace(/}$/, spliced))
    }
  })
}

test('nulls of known members do not keep the scan from being sure', async (t) => {
  for (const [sent] of rewritten.filter(([sent]) => sent.includes('null') && !sent.includes('\\'))) {
    t.ok(scan(batchOf(metricWith(sent), good), 'latin1'), sent)
  }
})

const envelopes: [what: string, body: string, error: string][] = [
  ['metrics twice', `{"metrics":[${good}],"service_name":"s","metrics":[${good}]}`, 'metrics is there twice'],
  ['metrics twice, by an escape', `{"metrics":[],"service_name":"s","m\\u0065trics":[]}`, 'metrics is there twice'],
  ['a service twice', `{"service_name":"a","service_name":"b","metrics":[${good}]}`, 'service_name is there twice'],
  [
    'an environment twice',
    `{"environment":null,"environment":"b","service_name":"b","metrics":[]}`,
    'environment is there twice',
  ],
  [
    'half a character',
    `{"service_name":"\\ud800","metrics":[${good}]}`,
    'service_name has half of a surrogate pair, which is no character',
  ],
  ['a service that is null', `{"service_name":null,"metrics":[${good}]}`, 'service_name must be string'],
  ['a list', '[]', 'must be object'],
  ['a number', '7', 'must be object'],
  ['metrics that are no list', '{"service_name":"s","metrics":{"a":[1]}}', 'metrics must be array'],
  ['too many', `{"metrics":[${Array(21).fill(good)}]}`, 'metrics must NOT have more than 20 items'],
]

for (const [what, body, error] of envelopes) {
  test(`an envelope that can be read in two ways, or in none, is refused: ${what}`, async (t) => {
    t.notOk(scan(Buffer.from(body), 'latin1'))
    t.throws(() => parse(Buffer.from(body)), {
      code: 'VANTAGE_INVALID_BATCH',
      message: `The batch is not valid: ${error}`,
    })
  })
}

test('unknown members of the envelope may be anything, since no record has them', async (t) => {
  const { verdict } = parse(Buffer.from(`{"x":1e999,"x":"\\ud800","service_name":"s","metrics":[${good}]}`))
  t.equal(verdict.accepted, 1)
})

test('a batch of too many values is refused before anything is parsed', async (t) => {
  const some = `[${Array(99_980).fill('{}')}]`
  const body = (values: string) => Buffer.from(`{"service_name":"s","metrics":[${good}],"x":${values}}`)
  t.equal(parse(body(some)).verdict.accepted, 1)
  t.throws(() => parse(body(`[${some},${some}]`)), {
    code: 'VANTAGE_BODY_TOO_LARGE',
    message: 'The batch has more than 100000 values',
    extras: { metricsReceived: 1, rejections: { 'batch.values': 1 } },
  })
})

test('what is parsed counts against the byte budget before it is parsed', async (t) => {
  const rules = compileRules(limits.maxBatchSize)
  const parseWithin = createParse(createSurvey(rules, limits.maxBatchSize), limits)
  const gauges = { requestHeldBytes: 0 }
  const budget = new ByteBudget(1_000_000, gauges)
  const other = budget.open('other')
  other.growTo(100_000)
  const body = batchOf(metricWith(`"x":[${Array(900).fill('0')}]`))
  const hold = budget.open('client')
  parseWithin(body, 'latin1', hold)
  t.ok(gauges.requestHeldBytes > 100_000 + 90_000, `${gauges.requestHeldBytes} bytes`)
  const many = Buffer.from(`{"service_name":"s","metrics":[${good}],"x":[${Array(20_000).fill('0')}]}`)
  t.throws(() => parseWithin(many, 'latin1', budget.open('client')), { code: 'VANTAGE_OVERLOADED' })
})
