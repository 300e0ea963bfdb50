import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { batchSchema } from '../../../lib/ingest/formats/vantage/metric-schema.js'
import { compileRules } from '../../../lib/ingest/formats/vantage/scan-rules.js'
import { kinds, type NativeRule } from '../../../lib/ingest/native/binding.js'
import { batchOf } from '../../../tools/batches.js'
import { folder } from './compile.js'
import type { Target } from './fuzz-target.js'

const maxMetrics = 5
const schemaInC = `static const schema batch_schema = {{envelope_rules, envelope_count, envelope_required},
                                     {metric_rules, metric_count, metric_required}};\n`
const { envelope, metric } = compileRules(maxMetrics)

/** Is the scan of bodies right whenever it is sure? Python's json judges that. */
export function scanTarget(): Target {
  const schema = join(folder, 'schema.json')
  const names = join(folder, 'names.json')
  const good = bodies()
  writeFileSync(
    join(folder, 'rules.h'),
    `${rulesInC('envelope', envelope)}${rulesInC('metric', metric)}${schemaInC}${textsInC('words', valueWords())}${textsInC('good', good)}`,
  )
  writeFileSync(schema, JSON.stringify(batchSchema(maxMetrics)))
  writeFileSync(names, JSON.stringify({ envelope: envelope.map(nameOf), metric: metric.map(nameOf) }))
  return {
    name: 'scan',
    longest: 4096,
    sources: ['test/suites/native/scan-fuzz.c', 'lib/ingest/native/scan.c', 'lib/ingest/native/survey.c'],
    seeds: good.map((body) => Buffer.from(body)),
    words: words().map((word) => Buffer.from(word)),
    judge: `exec python3 test/suites/native/judge.py ${schema} ${names}`,
  }
}

function nameOf({ name }: NativeRule): string {
  return name
}

/** The rules as the addon reads them (addon.c). */
function rulesInC(variable: string, rules: readonly NativeRule[]): string {
  const lines = rules.map(({ name, kind, nullable, boundedBelow, minimum, maximum, choices = [] }) => {
    const packed = Buffer.concat(choices.flatMap((choice) => [Buffer.of(choice.length), Buffer.from(choice)]))
    const rule = `RULE_${kinds[kind]?.toUpperCase()}, ${nullable}, ${boundedBelow}, ${minimum}u, ${maximum}u`
    return `  {${textInC(Buffer.from(name))}, ${name.length}, ${rule}, ${textInC(packed)}, ${packed.length}},\n`
  })
  const required = rules.reduce((bits, rule, n) => bits | (Number(rule.required) << n), 0) >>> 0
  return `static rule ${variable}_rules[] = {\n${lines.join('')}};
enum { ${variable}_count = ${rules.length} };
static const uint32_t ${variable}_required = ${required}u;\n`
}

function textsInC(variable: string, texts: readonly string[]): string {
  return `static const char *const ${variable}[] = {\n${texts.map((text) => `  ${textInC(Buffer.from(text))},\n`).join('')}};\n`
}

function textInC(bytes: Buffer): string {
  return `"${[...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"`
}

/** Values that a member may have, or may not. */
function valueWords(): string[] {
  const choices = metric.flatMap(({ choices = [] }) => choices.map((choice) => `"${choice}"`))
  const texts = ['""', '"a"', '"é"', '"\\u0000"', '"\\ud800"', '"\t"']
  const numbers = ['0', '-0', '01', '-1', '5.', '.5', '1.5', '200.0', '1e5', '1e99', '1e999', '-1e-99', '999', '1000']
  const instants = ['1701878400000', '8640000000000000', '8640000000000001', '99999999999999999999']
  return [
    ...choices,
    ...texts,
    ...numbers,
    ...instants,
    'null',
    'true',
    'false',
    '{}',
    '[]',
    '{"a":"b"}',
    '{"a":1}',
    '[null]',
  ]
}

/** What bodies are made of. */
function words(): string[] {
  const names = [...envelope, ...metric].map(({ name }) => `"${name}":`)
  return [...names, ...valueWords(), 'é', '{"', '"}', '],', '},{', ',"', '":"', '":{"', '\\"']
}

/** Good batches, from which it sets out. */
function bodies(): string[] {
  const [first] = batchOf(1).metrics
  const { timestamp, service_name, metric_name, metric_type, value } = first ?? {}
  const short = { timestamp, service_name, metric_name, metric_type, value }
  // At their limits, so that a step goes beyond.
  const long = {
    service_name: 'é'.repeat(255),
    metric_name: 'n'.repeat(255),
    endpoint: 'e'.repeat(500),
    method: 'm'.repeat(10),
  }
  const most = { ...short, ...long, error: 'x'.repeat(1000), status_code: 999, duration_ms: 0, value: 1e99 }
  const envelopeLimits = { service_name: 's'.repeat(255), environment: 'v'.repeat(50), agent_version: 'ü'.repeat(50) }
  return [
    JSON.stringify({ ...envelopeLimits, metrics: [most] }),
    JSON.stringify({ ...envelopeLimits, metrics: Array(maxMetrics).fill(short) }),
    JSON.stringify(batchOf(1)),
    JSON.stringify(batchOf(maxMetrics), null, 1),
    JSON.stringify({ service_name: 's', metrics: [short, { ...short, tags: null, error: null, trace_id: 't' }] }),
    JSON.stringify({
      metrics: [{ ...short, tags: { é: 'ü' } }],
      service_name: 's',
      batch_size: [{}],
      more: { a: [1] },
    }),
  ]
}
