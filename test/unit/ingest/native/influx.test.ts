import { test } from 'tap'
import type { Precision, ReaderOptions } from '../../../../lib/ingest/native/binding.js'
import { Reader } from '../../../../lib/ingest/native/reader.js'
import { readerOptions, takeLines } from '../../../support/reader.js'

const now = 1701878400000

function read(lines: string | Buffer, given: Partial<ReaderOptions> = {}, precision: Precision = 'ns') {
  const reader = new Reader({ ...readerOptions, ...given })
  const request = { now, oldest: -Infinity, newest: Infinity, suffix: '' }
  const reading = reader.readInflux(Buffer.from(lines), { precision, database: 'db' }, request)
  if (reading.fault !== undefined) throw new Error(reading.fault)
  return { ...reading, records: takeLines(reader, reading).lines }
}

/** Name, value and tags of each record. */
function shortly(lines: string) {
  return read(lines).records.map((record) => {
    const { metric_name, value, tags = {} } = JSON.parse(record)
    return [metric_name, value, tags]
  })
}

test('each field of a line is a record', async (t) => {
  const { records, services, received } = read(
    'cpu,host=h1,region=eu usage=1.5,idle=98i,value=-0.25e1 1701878400123456789\nmem free=18446744073709551615u,ok=t\n',
  )
  const rest = '"environment":"development","agent_version":"unknown"}'
  t.same(records, [
    `{"timestamp":1701878400123,"service_name":"h1","metric_name":"cpu_usage","metric_type":"gauge","value":1.5,"tags":{"region":"eu"},${rest}`,
    `{"timestamp":1701878400123,"service_name":"h1","metric_name":"cpu_idle","metric_type":"gauge","value":98,"tags":{"region":"eu"},${rest}`,
    `{"timestamp":1701878400123,"service_name":"h1","metric_name":"cpu","metric_type":"gauge","value":-2.5,"tags":{"region":"eu"},${rest}`,
    `{"timestamp":${now},"service_name":"db","metric_name":"mem_free","metric_type":"gauge","value":1.8446744073709552e+19,${rest}`,
    `{"timestamp":${now},"service_name":"db","metric_name":"mem_ok","metric_type":"gauge","value":1,${rest}`,
  ])
  t.same(services, [
    { name: 'h1', metrics: 3 },
    { name: 'db', metrics: 2 },
  ])
  t.equal(received, 5)
})

test('escapes stand for what they escape, in each position', async (t) => {
  t.same(shortly('a\\,b\\ c\\=d,k\\,\\ \\==v\\,\\ \\=\\x f\\,\\ \\==1'), [['a,b c\\=d_f, =', 1, { 'k, =': 'v, =\\x' }]])
  t.same(shortly('é,ü=ö ä=1'), [['é_ä', 1, { ü: 'ö' }]])
  t.same(shortly('m "quoted"=1'), [['m_"quoted"', 1, {}]])
})

test('comments, blank lines, spaces and ends of lines of either kind are no metrics', async (t) => {
  t.same(shortly('# a=1\n\n  \r\n  m   a=1   5  \r\n#\nm b=2\r\nm c=3 6\r'), [
    ['m_a', 1, {}],
    ['m_b', 2, {}],
    ['m_c', 3, {}],
  ])
  t.same(shortly(''), [])
})

test('all forms of numbers and booleans', async (t) => {
  const values: [string, number | undefined][] = [
    ['1', 1],
    ['-1.5', -1.5],
    ['1e3', 1000],
    ['1.E+2', 100],
    ['.5', 0.5],
    ['-9223372036854775808i', -(2 ** 63)],
    ['9223372036854775807i', 2 ** 63],
    ['0u', 0],
    ['T', 1],
    ['true', 1],
    ['FALSE', 0],
    ['f', 0],
    ['9223372036854775808i', undefined],
    ['18446744073709551616u', undefined],
    ['-1u', undefined],
    ['1.5i', undefined],
    ['i', undefined],
    ['NaN', undefined],
    ['inf', undefined],
    ['1e400', undefined],
    ['+1', undefined],
    ['0x1', undefined],
    ['1_', undefined],
    ['tRUE', undefined],
    ['', undefined],
    ['-', undefined],
  ]
  for (const [text, value] of values) {
    const { records, rejected } = read(`m value=${text}`)
    t.same(
      records.map((record) => JSON.parse(record).value),
      value === undefined ? [] : [value],
      text,
    )
    t.same(rejected, value === undefined ? { 'line.syntax': 1 } : {}, text)
  }
})

test('times are of the precision that is said', async (t) => {
  const cases: [Precision, string, number][] = [
    ['ns', '1701878400999999999', 1701878400999],
    ['us', '1701878400123456', 1701878400123],
    ['ms', '1701878400123', 1701878400123],
    ['s', '1701878400', 1701878400000],
    ['m', '28364640', 1701878400000],
    ['h', '472744', 1701878400000],
  ]
  for (const [precision, time, timestamp] of cases) {
    const [record = '{}'] = read(`m value=1 ${time}`, {}, precision).records
    t.equal(JSON.parse(record).timestamp, timestamp)
  }
  const far = ['-1', '-1000001', '9223372036854775807', '9223372036854775808'].map((time) => `m value=1 ${time}`)
  t.match(read(far.join('\n'), {}, 'h').rejected, { 'timestamp.minimum': 2, 'timestamp.maximum': 1, 'line.syntax': 1 })
})

test('the first of the tags for a service that is there says it, and the others are tags', async (t) => {
  const given = { serviceTags: ['app', 'host'] }
  const [record = '{}'] = read('m,host=h,app=a,zone=z value=1', given).records
  t.match(JSON.parse(record), { service_name: 'a', tags: { host: 'h', zone: 'z' } })
  const [other = '{}'] = read('m,app=a,host=h,app=b value=1', given).records
  t.match(JSON.parse(other), { service_name: 'a', tags: { host: 'h' } })
})

test('text fields are rejected, or tags', async (t) => {
  const lines = 'm,a=tag text="say \\"hi\\", \\\\ \\x\nand = more",v=1,a="field"\nm only="text"\nm w=2'
  const { records, rejected, rejections } = read(lines)
  t.equal(records.length, 2)
  t.same(rejected, { 'value.type': 3 })
  t.same(rejections, [
    { index: 1, reason: 'value.type', name: 'text' },
    { index: 1, reason: 'value.type', name: 'a' },
    { index: 3, reason: 'value.type', name: 'only' },
  ])
  const asTags = read(lines, { textAsTags: true })
  t.match(JSON.parse(asTags.records[0] ?? '{}').tags, { a: 'tag', text: 'say "hi", \\ \\x\nand = more' })
  t.same(asTags.rejections, [{ index: 3, reason: 'value.type', name: 'm' }])
})

test('a line that is none is rejected alone, by its number', async (t) => {
  const bad = [
    'm',
    'm ',
    'm,a f=1',
    'm,a= f=1',
    'm,=b f=1',
    'm,a=b=c f=1',
    ',a=b f=1',
    'm f',
    'm f=',
    'm =1',
    'm f=1,',
    'm f=1 x',
    'm f=1 1 1',
    'm f=1 1.5',
    'm f="a"b',
    'm f=1,g="open',
  ]
  const lines = ['ok value=1', ...bad.slice(0, -1), 'ok value=2', ...bad.slice(-1)]
  const { records, rejected, rejections, received } = read(lines.join('\n'))
  t.equal(records.length, 2)
  t.same(rejected, { 'line.syntax': bad.length })
  t.equal(received, lines.length)
  t.same(rejections.slice(0, 2), [
    { index: 2, reason: 'line.syntax', name: 'm' },
    { index: 3, reason: 'line.syntax', name: 'm ' },
  ])
  const notUtf8 = Buffer.from(
    'ok value=1\nm\xff value=1\nm,a=\xff value=1\nm,host=\xff value=1\nm \xff=1\nm a="\xff"\nok value=2',
    'latin1',
  )
  const found = read(notUtf8)
  t.equal(found.records.length, 2)
  t.same(found.rejected, { 'line.utf8': 5 })
})

test('names and services of more than 255 characters are rejected', async (t) => {
  const [long, longest] = ['é'.repeat(254), 'é'.repeat(253)]
  const lines = [`${long} f=1`, `${longest} f=1`, `${long}é value=1`, `m,host=${long}éé f=1`].join('\n')
  t.match(read(lines), { accepted: 2, rejected: { 'metric_name.maxLength': 1, 'service_name.maxLength': 1 } })
})
