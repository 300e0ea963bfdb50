import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Dialect, defaultLoad, dialects, type LoadOptions } from './options.js'

export const usage = `vantage-bench: puts a collector under load and says how fast and how late it answers.

Usage:
  vantage-bench --url http://127.0.0.1:8000 --rate 100k --duration 30

  --url URL              where to post; of one that ends with a slash or its port, /v1/metrics (default http://127.0.0.1:8000)
  --rate N|max           metrics a second that fall due, answered or not, such as 100k (default max: each connection
                         posts again as soon as it has its answer)
  --duration SECONDS     of the measurement (default 10)
  --warm-up SECONDS      before it (default 2)
  --format FORMAT        vantage, otlp-protobuf or otlp-json (default vantage)
  --batch N              metrics in a batch (default 100)
  --connections N        keep-alive connections (default 16)
  --processes N          of the load generator (default 2, or 1 where there is one CPU)
  --services N           services that the metrics come from (default 64)
  --bad SHARE            share of metrics that must be rejected, from 0 to 1 (default 0)
  --header 'NAME: VALUE' beside the usual ones; may be given several times
  --max-lag-ms MS        how late the load generator may be to send 1 % of the requests (default 5)
  --json                 the whole result, as JSON
  --max-p99-ms MS        exit with 1 where the 99th percentile is above
  --min-rate N           exit with 1 where fewer metrics a second were accepted
  --max-failures SHARE   exit with 1 where more of the answers are not 2xx (default 0)

Latency counts from when a request was due, so that a stall of the collector is not hidden by what was not sent
meanwhile. Where the load generator itself was late, or too busy, it says so, tells no percentiles and exits with 3.
`

export type Thresholds = { maxP99Ms: number; minRate: number; maxFailures: number }
export type CommandLine = { load: LoadOptions; thresholds: Thresholds; json: boolean; help: boolean }

/** @throws {Error} that says which argument makes no sense */
export function readCommandLine(args: string[]): CommandLine {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:8000' },
      rate: { type: 'string', default: 'max' },
      duration: { type: 'string', default: '10' },
      'warm-up': { type: 'string', default: '2' },
      format: { type: 'string', default: defaultLoad.dialect },
      batch: { type: 'string', default: '100' },
      connections: { type: 'string', default: '16' },
      processes: { type: 'string', default: String(Math.min(2, availableParallelism())) },
      services: { type: 'string', default: '64' },
      bad: { type: 'string', default: '0' },
      header: { type: 'string', multiple: true, default: [] },
      'max-lag-ms': { type: 'string', default: String(defaultLoad.maxLagMs) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      'max-p99-ms': { type: 'string', default: 'Infinity' },
      'min-rate': { type: 'string', default: '0' },
      'max-failures': { type: 'string', default: '0' },
    },
  })
  return {
    json: values.json,
    help: values.help,
    load: {
      ...defaultLoad,
      url: batchUrl(values.url),
      metricsPerSecond: values.rate === 'max' ? null : positive('rate', values.rate),
      seconds: positive('duration', values.duration),
      warmUpSeconds: share('warm-up', values['warm-up'], Infinity),
      dialect: dialect(values.format),
      batchSize: whole('batch', values.batch),
      connections: whole('connections', values.connections),
      processes: whole('processes', values.processes),
      services: whole('services', values.services),
      badShare: share('bad', values.bad, 1),
      headers: Object.fromEntries(values.header.map(header)),
      maxLagMs: positive('max-lag-ms', values['max-lag-ms']),
    },
    thresholds: {
      maxP99Ms: positive('max-p99-ms', values['max-p99-ms']),
      minRate: share('min-rate', values['min-rate'], Infinity),
      maxFailures: share('max-failures', values['max-failures'], 1),
    },
  }
}

const multiples: Record<string, number> = { k: 1e3, m: 1e6 }

/** "100k" is 100,000; NaN for what is no number. */
function number(text: string): number {
  const multiple = multiples[text.slice(-1).toLowerCase()]
  return multiple === undefined ? Number(text || NaN) : Number(text.slice(0, -1) || NaN) * multiple
}

function positive(name: string, text: string): number {
  const value = number(text)
  if (!(value > 0)) throw new Error(`--${name} ${text} is not above 0`)
  return value
}

function whole(name: string, text: string): number {
  const value = positive(name, text)
  if (!Number.isInteger(value)) throw new Error(`--${name} ${text} is no whole number`)
  return value
}

function share(name: string, text: string, most: number): number {
  const value = number(text)
  if (!(value >= 0 && value <= most)) throw new Error(`--${name} ${text} is not between 0 and ${most}`)
  return value
}

function dialect(text: string): Dialect {
  const known = dialects.find((name) => name === text)
  if (known === undefined) throw new Error(`--format ${text} is none of ${dialects.join(', ')}`)
  return known
}

function header(text: string): [name: string, value: string] {
  const [, name, value] = /^([\w-]+):\s*([^\r\n]*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new Error(`--header ${text} is not NAME: VALUE`)
  return [name, value]
}

function batchUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new Error(`--url ${text} is no http or https address`)
  if (url.pathname.endsWith('/')) url.pathname += 'v1/metrics'
  return url.href
}
