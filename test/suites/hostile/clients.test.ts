import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { lacksNginx, startNginx } from '../../support/nginx.js'
import { runProgram } from '../../support/run-program.js'

const programs = 'test/suites/hostile/clients'
const json = 'Content-Type: application/json'
const key = 'X-API-Key: s3cret'

/** A collector that answers many requests before it has read their bodies, and files to post to it. */
async function startStrict(t: Test) {
  const env = { VANTAGE_AUTH_ENABLED: 'true', VANTAGE_API_KEY: 's3cret', VANTAGE_MAX_REQUEST_SIZE_MB: '1' }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  const folder = t.testdir()
  const small = join(folder, 'small')
  const large = join(folder, 'large')
  writeFileSync(small, JSON.stringify(batchOf(1)))
  // More than the buffers of both kernels hold.
  writeFileSync(large, JSON.stringify(batchOf(1)).padEnd(20_000_000))
  return { collector, small, large, metrics: `${collector.url}/v1/metrics` }
}

async function run(name: string, args: string[]): Promise<string[]> {
  const { output } = await runProgram(name, args, {})
  return output.trimEnd().split('\n')
}

const early: [what: string, headers: string[], answer: string][] = [
  ['a body that is too large', [json, key], '413 VANTAGE_BODY_TOO_LARGE'],
  ['a media type that is not JSON', ['Content-Type: text/plain', key], '415 VANTAGE_UNSUPPORTED_MEDIA_TYPE'],
  ['a missing key', [json], '401 VANTAGE_API_KEY_REQUIRED'],
]

const times = 20

test("an answer that comes early reaches Python's urllib, which sends everything before it reads", async (t) => {
  const { metrics, large } = await startStrict(t)
  for (const [what, headers, answer] of early) {
    const answers = await run('python3', [`${programs}/early.py`, metrics, large, String(times), ...headers])
    t.same(answers, Array(times).fill(answer), what)
  }
  const notFound = await run('python3', [`${programs}/early.py`, metrics.replace('metrics', 'logs'), large, '5', json])
  t.same(notFound, Array(5).fill('404 VANTAGE_NOT_FOUND'))
})

test('an answer that comes early reaches curl', async (t) => {
  const { metrics, large } = await startStrict(t)
  const ways: [what: string, args: string[], status: string][] = [
    ['a body that is too large', ['-H', json, '--data-binary', `@${large}`], '413'],
    ['a file for PUT', ['-T', large], '405'],
    [
      'chunks, once they are too large',
      ['-X', 'POST', '-H', json, '-H', 'Transfer-Encoding: chunked', '-T', large],
      '413',
    ],
  ]
  for (const [what, args, status] of ways) {
    for (const connection of ['close', 'keep-alive']) {
      const shown = ['-sS', '-w', '\n%{http_code}\n', '-H', `Connection: ${connection}`, '-H', key, metrics]
      for (let n = 0; n < 5; n++)
        t.equal((await run('curl', [...args, ...shown])).at(-1), status, `${what}, ${connection}`)
    }
  }
})

const proxies: [what: string, directives: string][] = [
  ['nginx without keep-alive', 'proxy_http_version 1.1;'],
  ['nginx without keep-alive that does not buffer', 'proxy_http_version 1.1; proxy_request_buffering off;'],
  ['nginx with keep-alive', 'proxy_http_version 1.1; proxy_set_header Connection "";'],
]

for (const [what, directives] of proxies) {
  test(`an answer that comes early reaches clients behind ${what}`, { skip: lacksNginx ?? false }, async (t) => {
    const { collector, large, small } = await startStrict(t)
    const url = `${await startNginx(t, collector.url, directives)}/v1/metrics`
    for (const [refusal, headers, answer] of early) {
      const answers = await run('python3', [`${programs}/early.py`, url, large, String(times), ...headers])
      t.same(answers, Array(times).fill(answer), refusal)
    }
    t.same(await run('python3', [`${programs}/early.py`, url, small, '1', json, key]), ['202'])
  })
}

test("Go's trailers, which are declared, are refused with a code", async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t) })
  const file = join(t.testdir({ batch: JSON.stringify(batchOf(1)) }), 'batch')
  const [answer = ''] = await run('go', ['run', `${programs}/trailers.go`, `${collector.url}/v1/metrics`, file])
  t.match(answer, /^400 .*VANTAGE_UNSUPPORTED_FRAMING/)
  t.equal((await collector.stats()).ingestion.batches_received, 0)
})

test("Node's trailers get no answer that says something else than what became of the batch", async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t) })
  const post = (headers: Record<string, string>) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const outgoing = request(`${collector.url}/v1/metrics`, { method: 'POST', headers }, (answer) => {
        let text = ''
        answer.on('data', (part) => {
          text += part
        })
        const end = () => resolve({ status: answer.statusCode ?? 0, text })
        answer.on('end', end).on('error', end)
      })
      outgoing.on('error', reject)
      outgoing.write(JSON.stringify(batchOf(1)))
      outgoing.addTrailers({ 'X-Checksum': '1' })
      outgoing.end()
    })
  for (let n = 0; n < times; n++) {
    const declared = await post({ Trailer: 'X-Checksum' })
    t.equal(declared.status, 400)
    t.match(declared.text, 'VANTAGE_UNSUPPORTED_FRAMING')
  }
  let accepted = 0
  for (let n = 0; n < times; n++) if ((await post({})).status === 202) accepted++
  t.equal((await collector.stats()).ingestion.batches_received, accepted, 'of those that were not declared')
})

test("Java's client, which asks to continue by another spelling, gets its batches through", async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t) })
  const file = join(t.testdir({ batch: JSON.stringify(batchOf(1)) }), 'batch')
  const answers = await run('java', [`${programs}/Expecting.java`, `${collector.url}/v1/metrics`, file])
  t.equal(answers.length, 3)
  for (const answer of answers) t.match(answer, /^202 \{"status":"accepted"/)
})
