import fc from 'fast-check'
import { test } from 'tap'
import { surveyedSize } from '../../../../../lib/ingest/native/binding.js'
import { Problem } from '../../../../../lib/shared/errors.js'
import { batchOf } from '../../../../../tools/batches.js'
import { createReader } from '../../../../support/body-reader.js'

const { survey } = createReader({ maxBatchSize: 20, maxAgeHours: 0, maxFutureHours: 0 })

/** What the survey finds of metrics; undefined where it says that the text is not JSON. */
function surveyed(text: string) {
  const body = Buffer.from(text)
  try {
    const { places, metrics, values, twice } = survey(body)
    const found = Array.from({ length: Math.min(metrics, 20) }, (_, n) => {
      const [start, end, names = 0, flaw = 0] = places.subarray(surveyedSize * n)
      return { text: body.toString('utf8', start, end), names, flaw }
    })
    return { metrics: found, values, twice }
  } catch (error) {
    if (error instanceof Problem && error.code === 'VANTAGE_INVALID_JSON') return undefined
    throw error
  }
}

function parsed(text: string): unknown {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum: number, member) => sum + valuesIn(member), 1)
}

test('whatever bytes are changed: what the survey takes for JSON is JSON, and nothing else is', async (t) => {
  const odd = '{"__proto__":[1,-0,1.5e-7,1E+2,true,false,null,"\\\\\\"\\u00e9\\n/"],"":{"a":[[],{}]}}'
  const plain = JSON.stringify({ ...batchOf(2), extra: 1 }).replace('"id":0', `"x":${odd},"y":"é😀"`)
  const structure = [
    ...'{}[]",:\\ \n\t0123456789eE.-+tfnu/',
    '\u0000',
    'é',
    '1,',
    '"a":',
    'null',
    'tru',
    '\\ud8',
    '//',
    "'",
  ]
  const edit = fc.record({
    at: fc.nat(plain.length),
    drop: fc.nat(3),
    put: fc.oneof(fc.constantFrom(...structure), fc.string({ maxLength: 2, unit: 'binary' })),
  })
  let taken = 0
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 3 }), (edits) => {
      let text = plain
      for (const { at, drop, put } of edits) text = text.slice(0, at) + put + text.slice(at + drop)
      text = text.toWellFormed()
      const found = surveyed(text)
      const expected = parsed(text) as { value: { metrics?: unknown } } | undefined
      if ((found === undefined) !== (expected === undefined)) t.fail(`${found ? 'took' : 'refused'} ${text}`)
      if (found === undefined || expected === undefined || found.twice !== undefined) return
      taken++
      const metrics = expected.value?.metrics
      if (!Array.isArray(metrics)) return
      t.same(
        found.metrics.map((metric) => JSON.parse(metric.text)),
        metrics,
        text,
      )
    }),
    { numRuns: 20_000 },
  )
  t.ok(taken > 500, `${taken} were JSON`)
})

test('values and names are counted as JSON.parse makes them', async () => {
  const value = fc.jsonValue({ maxDepth: 5 })
  fc.assert(
    fc.property(fc.array(value, { maxLength: 5 }), fc.nat(2), (metrics, indent) => {
      const batch = { service_name: 's', metrics }
      const found = surveyed(JSON.stringify(batch, null, indent))
      if (found?.values !== valuesIn(batch)) return false
      return found.metrics.every(
        ({ text, flaw }, n) => flaw === 0 && JSON.stringify(JSON.parse(text)) === JSON.stringify(metrics[n]),
      )
    }),
    { numRuns: 1000 },
  )
})

const good = '{"timestamp":1,"service_name":"s","metric_name":"m","metric_type":"gauge","value":1}'
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
/** Of the batch, the array of metrics and the metric itself. */
const levelsAbove = 3

const flawed: [what: string, member: string, flaw: number][] = [
  ['61 levels', deep(64 - levelsAbove), 0],
  ['62 levels', deep(65 - levelsAbove), 1],
  ['62 levels of objects', `${'{"a":'.repeat(62)}1${'}'.repeat(62)}`, 1],
  ['100,000 levels', deep(100_000), 1],
  ['995 values beside its own five', `[${Array(994).fill('0')}]`, 0],
  ['996 values', `[${Array(995).fill('0')}]`, 2],
  ['half a million values', `[${Array(500_000).fill('{}')}]`, 2],
  ['a number of 400 digits', '9'.repeat(400), 0],
  ['a number of 401 digits', '9'.repeat(401), 3],
  ['a fraction of 100,000 digits', `0.${'1'.repeat(100_000)}`, 3],
  ['an exponent of 500 digits', `1e-${'9'.repeat(500)}`, 3],
  ['a nested number of 5,000 digits', `{"a":[${'1'.repeat(5000)}]}`, 3],
]

for (const [what, member, flaw] of flawed) {
  test(`what JSON.parse and consumers can bear is found before anything is parsed: ${what}`, async (t) => {
    const metric = good.replace(/}$/, `,"x":${member}}`)
    const found = surveyed(`{"service_name":"s","metrics":[${good},${metric},${good}]}`)
    t.same(
      found?.metrics.map((each) => each.flaw),
      [0, flaw, 0],
    )
    t.equal(found?.metrics[1]?.text.length, metric.length)
  })
}

test('what is nested too deep outside of metrics is refused as a whole', async (t) => {
  t.ok(surveyed(`{"x":${deep(63)},"metrics":[${good}]}`))
  for (const text of [deep(5_000_000), '['.repeat(5_000_000), `{"x":${deep(64)},"metrics":[${good}]}`]) {
    t.throws(() => survey(Buffer.from(text)), { code: 'VANTAGE_INVALID_JSON', message: /nested deeper than 64 levels/ })
  }
})

/** The batch with something else in the place of the second value of metric 2. */
function broken(value: string): string {
  const metric = good.replace('"value":1', `"value":${value}`)
  return `{"service_name":"s","metrics":[${good},${good},${metric},${good}]}`
}

const valueAt = `metrics[2], byte ${broken('').indexOf('"value":}') + '"value":'.length}`
const batch = `{"service_name":"s","metrics":[${good}]}`
const faults: [body: string, detail: string | RegExp][] = [
  [broken('NaN'), `${valueAt}: NaN is not JSON: leave out the metric or send a number`],
  [broken('nan'), `${valueAt}: NaN is not JSON: leave out the metric or send a number`],
  [broken('-NaN'), `${valueAt}: NaN is not JSON: leave out the metric or send a number`],
  [broken('Infinity'), `${valueAt}: Infinity is not JSON: leave out the metric or send a number`],
  [broken('-Infinity'), `${valueAt}: Infinity is not JSON: leave out the metric or send a number`],
  [broken('inf'), `${valueAt}: Infinity is not JSON: leave out the metric or send a number`],
  [broken('None'), `${valueAt}: None is Python, not JSON: write null`],
  [broken('True'), `${valueAt}: True is Python, not JSON: write true`],
  [broken('False'), `${valueAt}: False is Python, not JSON: write false`],
  [broken('undefined'), `${valueAt}: undefined is JavaScript, not JSON: leave out the member`],
  [broken("'1'"), `${valueAt}: JSON has double quotes only, no single quotes`],
  [broken('“1”'), `${valueAt}: JSON has straight double quotes only, no typographic quotes`],
  [broken('`1`'), `${valueAt}: JSON has double quotes only, no backticks`],
  [broken('/* one */1'), `${valueAt}: JSON has no comments`],
  [broken('1,}'), /^metrics\[2\], byte \d+: a comma before "}": JSON has no trailing comma$/],
  [broken('[1,]'), /^metrics\[2\], byte \d+: a comma before "]": JSON has no trailing comma$/],
  [batch.replace(']}', ',]}'), /^metrics\[1\], byte \d+: a comma before "]": JSON has no trailing comma$/],
  [batch.replace(/}$/, ', }'), /^byte \d+: a comma before "}": JSON has no trailing comma$/],
  [broken('1 // one\n'), /^metrics\[2\], byte \d+: JSON has no comments$/],
  [broken('1,x:2'), /^metrics\[2\], byte \d+: the name x is not in double quotes$/],
  [broken("1,'x':2"), /^metrics\[2\], byte \d+: JSON has double quotes only, no single quotes$/],
  [broken('+1'), `${valueAt}: a number does not begin with "+" in JSON`],
  [broken('.5'), `${valueAt}: a number does not begin with "." in JSON`],
  [broken('007'), `${valueAt}: a number does not begin with 0 in JSON`],
  [broken('1.'), `${valueAt}: a number that is not JSON`],
  [broken('1e'), `${valueAt}: a number that is not JSON`],
  [broken('0x1F'), /^metrics\[2\], byte \d+: a hexadecimal number is not JSON$/],
  [broken('1 "x":2'), /^metrics\[2\], byte \d+: "\\"" where a comma or the end of the object or array was expected$/],
  [broken('1,"x" 2'), /^metrics\[2\], byte \d+: "2" where a colon was expected$/],
  [broken('"a\nb"'), /^metrics\[2\], byte \d+: a line break in a text: write it as an escape$/],
  [broken('"NaN\tb"'), /^metrics\[2\], byte \d+: a tab in a text: write it as an escape$/],
  [broken('"\u0000"'), /^metrics\[2\], byte \d+: the control character 0 in a text: write it as an escape$/],
  [broken('"\\x41"'), /^metrics\[2\], byte \d+: "\\\\x" is no escape in JSON$/],
  [broken('"\\u12"'), /^metrics\[2\], byte \d+: "\\\\u" is no escape in JSON$/],
  [broken('nul'), `${valueAt}: nul where a value was expected`],
  [broken('😀'), `${valueAt}: "😀" where a value was expected`],
  [broken('1').slice(0, 200), 'metrics[2], byte 200: the body ends too early'],
  [broken('"abc'), /^metrics\[2\], byte \d+: /],
  [
    `${batch}\n${batch}`,
    `byte ${batch.length + 1}: more after the end of the batch, "{": send one JSON object a request`,
  ],
  [`\ufeff${batch}`, 'byte 0: the body begins with a byte order mark: send it without'],
  [' \n ', 'byte 3: there is nothing but white space'],
  ['<html>', 'byte 0: this is HTML or XML, not JSON'],
  ['metrics=1', 'byte 0: metrics where a value was expected'],
  [Buffer.from(batch, 'utf16le').toString(), 'byte 1: a NUL byte: send UTF-8, not UTF-16'],
]

for (const [body, detail] of faults) {
  test(`what is not JSON is named, with its metric and byte: ${detail}`, async (t) => {
    t.throws(() => survey(Buffer.from(body)), { code: 'VANTAGE_INVALID_JSON', message: detail })
  })
}

test('what is not UTF-8 is named with its metric and byte, too', async (t) => {
  const latin1 = Buffer.from(broken('"é"'), 'latin1')
  const at = latin1.indexOf(0xe9)
  t.equal(survey.notUtf8(latin1).message, `metrics[2], byte ${at}: the body is not valid UTF-8`)
  const long = Buffer.concat([Buffer.from(`{"x":"${'é😀名'.repeat(5000)}`), Buffer.from([0xc3, 0x28])])
  t.equal(survey.notUtf8(long).message, `byte ${long.length - 2}: the body is not valid UTF-8`)
  t.match(survey.notUtf8(Buffer.from([0x1f, 0x8b, 8, 0])).message, /gzip/)
  for (const short of [[0xff], [0xc3], [0x1f, 0xff]]) {
    t.match(survey.notUtf8(Buffer.from(short)).message, /^byte \d: the body is not valid UTF-8$/)
  }
})
