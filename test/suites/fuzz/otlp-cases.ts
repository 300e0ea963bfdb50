import { otlpJson, otlpProtobuf } from '../../../lib/load/otlp.js'
import { batchOf } from '../../../tools/batches.js'
import type { FuzzCase } from './cases.js'

const render = { 'application/json': otlpJson, 'application/x-protobuf': otlpProtobuf }
const valid = [200]
/** 422: what begins otherwise than an export request is judged as Vantage JSON on /v1/metrics. */
const mutated = [200, 400, 413, 422]

/** Makes export requests of OTLP at random, valid and mutated ones, in both encodings and on both routes. */
export function createOtlpCases(random: () => number): { next: () => FuzzCase } {
  const below = (n: number) => Math.floor(random() * n)
  const pick = <T>(list: readonly [T, ...T[]]): T => list[below(list.length)] ?? list[0]

  function next(): FuzzCase {
    const mediaType = pick(['application/json', 'application/x-protobuf'] as const)
    const route = pick(['/v1/metrics', '/otlp/v1/metrics'])
    const body = render[mediaType]('api', batchOf(1 + below(3)).metrics)
    const isValid = random() < 0.2
    const sent = isValid ? body : mutate(body)
    const head = `POST ${route} HTTP/1.1\r\nHost: a\r\nContent-Type: ${mediaType}\r\nContent-Length: ${sent.length}\r\n\r\n`
    return {
      kind: `${isValid ? 'valid' : 'mutated'} OTLP, ${mediaType}`,
      bytes: Buffer.concat([Buffer.from(head), sent]),
      good: 0,
      allowed: isValid ? valid : mutated,
    }
  }

  function mutate(body: Buffer): Buffer {
    if (random() < 0.1) return body.subarray(0, below(body.length))
    for (let n = 1 + below(3); n > 0; n--) body[below(body.length)] = below(256)
    return body
  }

  return { next }
}
