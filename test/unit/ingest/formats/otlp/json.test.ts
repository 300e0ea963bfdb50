import fc from 'fast-check'
import { test } from 'tap'
import { parseJson } from '../../../../../lib/ingest/formats/otlp/json.js'

const hold = { grow: () => undefined }
const read = (text: string) => parseJson(Buffer.from(text), hold)

test('integers of many digits are read as text, since JavaScript would round them', async (t) => {
  const text = '{"a":9007199254740993,"b":[-9007199254740993, 9007199254740993],"c":"9007199254740993"}'
  t.same(read(text), { a: '9007199254740993', b: ['-9007199254740993', '9007199254740993'], c: '9007199254740993' })
})

test('nothing else is read otherwise than JSON.parse does', async (t) => {
  const texts = [
    '{"a":0.14285714285714285,"b":9007199254740993}',
    '{"a":1e-0000000000000000001,"b":9007199254740993}',
    '{"a":12345678901234567890.5,"b":12345678901234567890e1,"c":9007199254740993}',
    '{"a":"x, 12345678901234567890 \\" ,12345678901234567890","b":9007199254740993}',
    '{"a":-0.12345678901234567890123,"b":[1.12345678901234567,1234567890123456789]}',
  ]
  for (const text of texts) t.same(rounded(read(text)), JSON.parse(text), text)
  const values = fc.dictionary(fc.string(), fc.jsonValue())
  fc.assert(
    fc.property(values, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }), (value, integer) => {
      const text = `{"value":${JSON.stringify(value)},"integer":${integer}}`
      t.same(rounded(read(text)), rounded(JSON.parse(text)))
    }),
  )
})

/** Integers that were read as text as the numbers that JSON.parse makes of them. */
function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, member) =>
    typeof member === 'string' && /^-?\d{16,}$/.test(member) ? Number(member) : member,
  )
}

test('what is no JSON object is a problem with a code', async (t) => {
  for (const [text, code] of [
    ['', 'VANTAGE_INVALID_JSON'],
    ['{', 'VANTAGE_INVALID_JSON'],
    ['[]', 'VANTAGE_INVALID_OTLP'],
    ['null', 'VANTAGE_INVALID_OTLP'],
  ] as const)
    t.throws(() => read(text), { code })
  t.throws(() => parseJson(Buffer.from([0x7b, 0xff, 0x7d]), hold), { code: 'VANTAGE_INVALID_UTF8' })
  t.throws(() => read(`{"a":[${'0,'.repeat(600_000)}0]}`), { code: 'VANTAGE_BODY_TOO_LARGE' })
})
