import fc from 'fast-check'
import { test } from 'tap'
import { split } from '../../../../../lib/ingest/formats/vantage/split.js'

/** The metrics' texts as split finds them. */
function slices(text: string): string[] {
  const body = Buffer.from(text)
  const ranges = split(body, JSON.parse(text).metrics.length)
  return Array.from({ length: ranges.length / 2 }, (_, i) => body.subarray(ranges[2 * i], ranges[2 * i + 1]).toString())
}

const bodies: [name: string, text: string, expected: string[]][] = [
  ['two metrics', '{"metrics":[{"a":1},{"b":2}]}', ['{"a":1}', '{"b":2}']],
  ['whitespace everywhere', ' {\n"metrics" : [ {"a": 1 } ,\t{ } ]\r\n} ', ['{"a": 1 }', '{ }']],
  ['nested objects and arrays', '{"metrics":[{"a":{"b":[1,{"c":[]}]}}]}', ['{"a":{"b":[1,{"c":[]}]}}']],
  ['brackets and braces in strings', '{"metrics":[{"a":"}],["}]}', ['{"a":"}],["}']],
  ['escaped quotes', '{"metrics":[{"a":"\\"}\\\\"},{"b":"\\\\\\""}]}', ['{"a":"\\"}\\\\"}', '{"b":"\\\\\\""}']],
  ['the key in tags', '{"tags":{"metrics":[1]},"metrics":[{"metrics":[2]}]}', ['{"metrics":[2]}']],
  ['the key as a value', '{"x":"metrics","metrics":[{}],"y":["metrics",[3]]}', ['{}']],
  ['a duplicate, the last counts', '{"metrics":[{"a":1},{"a":2}],"metrics":[{"b":1}]}', ['{"b":1}']],
  ['a duplicate of another type first', '{"metrics":"no","metrics":[{"b":1}]}', ['{"b":1}']],
  ['an escaped key', '{"m\\u0065trics":[{"a":1}]}', ['{"a":1}']],
  ['an escaped other key', '{"m\\u0065trix":[1,2],"metrics":[{"a":1}]}', ['{"a":1}']],
  [
    'huge numbers',
    '{"metrics":[{"value":1e400},{"value":123456789012345678901234567890}]}',
    ['{"value":1e400}', '{"value":123456789012345678901234567890}'],
  ],
  [
    'elements that are no objects',
    '{"metrics":[1,"a",null,true,[],-1.5e3]}',
    ['1', '"a"', 'null', 'true', '[]', '-1.5e3'],
  ],
  ['text beyond ASCII', '{"é":"ü","metrics":[{"名":"値"},{"😀":"\\ud83d"}]}', ['{"名":"値"}', '{"😀":"\\ud83d"}']],
]

for (const [name, text, expected] of bodies) {
  test(`split finds each metric's own bytes: ${name}`, async (t) => {
    t.same(slices(text), expected)
  })
}

/** JSON text for a value, with random whitespace, random escapes and random duplicates of members. */
const batchText = fc
  .record({
    metrics: fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 8 }),
    before: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
    after: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
    duplicate: fc.option(fc.jsonValue()),
    space: fc.stringMatching(/^[ \t\r\n]{0,3}$/),
    indent: fc.nat(2),
  })
  .map(({ metrics, before, after, duplicate, space, indent }) => {
    const member = (key: string, value: unknown) =>
      `${JSON.stringify(key)}${space}:${space}${JSON.stringify(value, null, indent)}`
    const others = (object: object) =>
      Object.entries(object)
        .filter(([key]) => key !== 'metrics')
        .map(([key, value]) => member(key, value))
    const first = duplicate === null ? [] : [member('metrics', duplicate)]
    const members = [...first, ...others(before), member('metrics', metrics), ...others(after)]
    return `${space}{${space}${members.join(`${space},${space}`)}${space}}${space}`
  })

test('for every batch the slices parse to what JSON.parse gives', async () => {
  fc.assert(
    fc.property(batchText, (text) => {
      return slices(text).every(
        (slice, i) => JSON.stringify(JSON.parse(slice)) === JSON.stringify(JSON.parse(text).metrics[i]),
      )
    }),
    { numRuns: 2000 },
  )
})

test('split refuses to go on when it disagrees with JSON.parse', async (t) => {
  t.throws(() => split(Buffer.from('{"metrics":[1,2]}'), 3), /found 2 metrics where JSON.parse found 3/)
})
