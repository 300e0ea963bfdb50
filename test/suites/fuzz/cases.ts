import { gunzipSync, gzipSync } from 'node:zlib'
import { goodMetricsIn } from './oracle.js'
import { createOtlpCases } from './otlp-cases.js'

/**
 * A request to send. `good`: how many metrics a 202 must count; 0 where there must be none. `allowed`: the only statuses that it may be
 * answered with, beside 503.
 */
export type FuzzCase = { kind: string; bytes: Buffer; good: number; allowed?: readonly number[]; ends?: 'abort' }

type Random = () => number

const names = ['api', 'ünï', 'a"b\\c', '名前', '😀', 'x'.repeat(255)]
const values = [
  '1',
  '-0',
  '1e3',
  '123.45',
  '1e400',
  '"1"',
  'null',
  '[1]',
  '{}',
  '0.1e-7',
  '12345678901234567890',
  '1.0',
  '1e2',
  'tru',
]
const extras = [
  '"x":1',
  '"__proto__":{"value":1}',
  '"constructor":"a"',
  '"value":2',
  '"value":"no"',
  '"tags":{"a":"b"}',
  '"tags":{"a":1}',
  '"tags":null',
  '"metrics":[{}]',
  '"\\ud800":"\\udfff"',
  '"status_code":200',
  '"status_code":1000',
  '"method":"ABCDEFGHIJK"',
  '"endpoint":null',
  '"x":[[[[[{"metrics":[]}]]]]]',
  '"x":[{"y":{"z":1,"\\u007a":2}}]',
  '"Value":1',
  '"environment":null',
  '"agent_version":1',
  '"method":null ',
  '"x":"]}],\\"metrics\\":[{"',
]
const heads = [
  'Content-Type: text/plain\r\n',
  'Content-Type: application/json; charset=utf-8\r\n',
  'Content-Type: application/jsonx\r\n',
  'Content-Encoding: br\r\n',
  'Content-Encoding: gzip\r\n',
  'Content-Encoding: identity\r\n',
  'Accept: text/html\r\n',
  'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n',
  'traceparent: 00-zz\r\n',
  'X-Vantage-Trace-Id: a"b\\\r\n',
  'X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n',
  'X-API-Key: guess\r\n',
  'Authorization: Basic Og==\r\n',
  'Origin: https://evil.example\r\n',
  'Expect: nonsense\r\n',
]
const broken = [
  '\x00\x01\x02\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  'POST /v1/metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\n',
  'POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n{}',
  'POST /v1/metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
  'POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n{"metrics":[',
  'GET /live HTTP/1.1\r\nHost: a\r\n\r\nGET /live HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /live HTTP/1.1\r\nHost\r\n\r\n',
]

/** Makes requests at random; the same seed makes the same ones. */
export function createCases(random: Random): () => FuzzCase {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const below = (n: number) => Math.floor(random() * n)

  const otlp = createOtlpCases(random)

  return function next(): FuzzCase {
    const dice = random()
    if (dice < 0.06) return posted('valid', batch(1 + below(3), false))
    if (dice < 0.12) return otlp.next()
    if (dice < 0.4) return posted('odd members', batch(1 + below(3), true))
    if (dice < 0.75) return posted('mutated bytes', mutate(batch(1, dice < 0.5)))
    if (dice < 0.85) return posted('truncated', truncate(batch(1, false)))
    if (dice < 0.89) return gzipped(dice < 0.87)
    if (dice < 0.93) return posted('odd headers', batch(1, false), pick(heads))
    if (dice < 0.97) return otherRoute()
    return malformed()
  }

  function metric(odd: boolean): string {
    const members = [
      `"timestamp":${odd && random() < 0.1 ? pick(values) : 1701878400000}`,
      `"service_name":${JSON.stringify(odd ? pick(names) : 'api')}`,
      '"metric_name":"m"',
      `"metric_type":"${odd && random() < 0.1 ? 'sum' : 'gauge'}"`,
      `"value":${odd && random() < 0.4 ? pick(values) : below(1000)}`,
    ]
    if (odd) for (let n = below(3); n > 0; n--) members.splice(below(members.length + 1), 0, pick(extras))
    return `{${members.join(odd ? pick([',', ' ,\n', ',']) : ',')}}`
  }

  function batch(metrics: number, odd: boolean): Buffer {
    const list = Array.from({ length: metrics }, () => (odd && random() < 0.03 ? pick(values) : metric(odd)))
    const members = [`"metrics":[${list.join(',')}]`, '"service_name":"api"']
    if (odd && random() < 0.2)
      members.splice(below(3), 0, pick(['"metrics":[]', '"m\\u0065trics":1', '"tags":["metrics"]']))
    if (odd && random() < 0.5) members.reverse()
    return Buffer.from(`{${members.join(',')}}`)
  }

  function mutate(body: Buffer): Buffer {
    for (let n = 1 + below(3); n > 0; n--) body[below(body.length)] = random() < 0.5 ? below(256) : pick(structure)
    return body
  }

  function truncate(body: Buffer): Buffer {
    return body.subarray(0, below(body.length))
  }

  function posted(kind: string, body: Buffer, header = ''): FuzzCase {
    return { kind, bytes: request(body, header), good: takes(header) ? goodMetricsIn(body) : 0 }
  }

  function gzipped(whole: boolean): FuzzCase {
    const body = batch(1, false)
    const packed = gzipSync(body, { level: 1 })
    const at = 10 + below(packed.length - 10)
    if (!whole) packed.writeUInt8(packed.readUInt8(at) ^ (1 + below(255)), at)
    const good = inflatesTo(body, packed) ? goodMetricsIn(body) : 0
    return { kind: whole ? 'gzip' : 'broken gzip', bytes: request(packed, 'Content-Encoding: gzip\r\n'), good }
  }

  function otherRoute(): FuzzCase {
    const path = pick([
      '/',
      '/health',
      '/ready',
      '/v1/metric',
      '/v1/metrics/',
      '/v1/metrics%00',
      '/%2e%2e/etc/passwd',
      '/live',
    ])
    const method = pick(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'BREW', 'get'])
    return { kind: 'other routes', bytes: Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`), good: 0 }
  }

  function malformed(): FuzzCase {
    const bytes = mutate(Buffer.from(pick(broken), 'latin1'))
    return { kind: 'malformed HTTP, then aborted', bytes, good: 0, ends: 'abort' }
  }
}

const structure = [...Buffer.from('{}[]",:\\ \n0e-t')]

/**
 * Whether the gzip stream still says the same. One changed byte rarely leaves it so, but it can: another distance that
 * copies the same bytes, the idle bits before the checksum.
 */
function inflatesTo(body: Buffer, packed: Buffer): boolean {
  try {
    return gunzipSync(packed).equals(body)
  } catch {
    return false
  }
}

function request(body: Buffer, header: string): Buffer {
  const head = `POST /v1/metrics HTTP/1.1\r\nHost: a\r\n${header}Content-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

function takes(header: string): boolean {
  return !/text\/plain|jsonx|: br|: gzip|Expect:/.test(header)
}
