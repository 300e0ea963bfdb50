import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { uWebSocketsBuild } from '../../../lib/worker/uwebsockets.js'
import { batchOf } from '../../../tools/batches.js'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { headOf, sendRaw } from '../../support/raw-client.js'
import { readTopic } from '../../support/read-topic.js'

const good = JSON.stringify(batchOf(1))

/** Runs an attack; then the workers are the same ones, nothing is held, and a good batch gets through to Kafka. */
async function survive(t: Test, attack: (collector: Collector) => Promise<void>, env = {}): Promise<void> {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env })
  const before = await collector.workerPids()
  await attack(collector)
  await waitFor(async () => (await collector.metric('request_held_bytes')) === 0, 'nothing to be held')
  t.same((await collector.workerPids()).sort(), before.sort(), 'the workers are the same ones')
  t.equal((await collector.post(batchOf(1, { first: 4711 }))).status, 202)
  const found = () => readTopic(kafka, 1).then((records) => records.some(({ value }) => JSON.parse(value).id === 4711))
  await waitFor(found, 'the good batch in Kafka')
  t.notOk(collector.logs.some(({ level }) => level === 'error' || level === 'fatal'))
}

const olderParser = 'the uWebSockets.js of Node 20 and of glibc before 2.38 answers 505 to a split request line'

const malformed: [what: string, bytes: string][] = [
  ['noise', '\x00\x01\xff\xfe\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(600, 'x')],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/1.0', 'GET /live HTTP/1.0\r\n\r\n'],
  ['no version', 'GET /live\r\n\r\n'],
  ['no host', 'GET /live HTTP/1.1\r\n\r\n'],
  ['a header without a colon', 'GET /live HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n'],
  ['a space before the colon', 'GET /live HTTP/1.1\r\nHost : a\r\n\r\n'],
  ['a control character in a header', 'GET /live HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n'],
  ['large headers', `GET /live HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`],
  ['many headers', `GET /live HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(5000)}\r\n`],
  ['a long path', `GET /${'a'.repeat(40_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['a negative length', headOf({ 'Content-Length': -1 })],
  ['a length that is no number', headOf({ 'Content-Length': '12abc' }) + good],
  ['an overflowing length', headOf({ 'Content-Length': '99999999999999999999999' }) + good],
  ['two lengths, the first too long', headOf({ 'Content-Length': 30_000, 'content-length': good.length }) + good],
  ['a length and chunks', headOf({ 'Content-Length': 3, 'Transfer-Encoding': 'chunked' }) + good],
  ['a chunk size that is no number', `${headOf({ 'Transfer-Encoding': 'chunked' })}zz\r\n${good}\r\n0\r\n\r\n`],
  ['an overflowing chunk size', `${headOf({ 'Transfer-Encoding': 'chunked' })}ffffffffffffffffff\r\n${good}`],
  ['an unknown transfer encoding', headOf({ 'Transfer-Encoding': 'gzip' }) + good],
]

test('malformed HTTP gets an error or a closed connection, never a 202', async (t) => {
  await survive(t, async (collector) => {
    // What uWebSockets.js takes for incomplete it closes after its idle time-out, within 12 s.
    const send = async ([what, bytes]: (typeof malformed)[number]) => {
      const { statuses, closed } = await sendRaw(collector.url, [Buffer.from(bytes, 'latin1')], { quietMs: 20_000 })
      t.notOk(statuses.includes(202), what)
      t.ok(closed || statuses.length > 0, `${what}: ${statuses}, closed ${closed}`)
    }
    await Promise.all(malformed.map(send))
  })
})

const newer = uWebSocketsBuild.startsWith('@uwsjs/')

const unreadable: [what: string, lines: string][] = [
  ['no host', ''],
  ['a header without a colon', 'Host: a\r\nnonsense\r\n'],
  ['a space before the colon', 'Host: a\r\nX : a\r\n'],
  ['a header that is continued', 'Host: a\r\nX: a\r\n b\r\n'],
  ['NUL in a header', 'Host: a\r\nX: a\x00b\r\n'],
  ['a control character in a header', 'Host: a\r\nX: a\x01b\r\n'],
]

test('headers that are none get 400 at once, or of the older uWebSockets.js no answer, and are closed', async (t) => {
  await survive(t, async (collector) => {
    const send = async ([what, lines]: (typeof unreadable)[number]) => {
      const bytes = Buffer.from(`GET /live HTTP/1.1\r\n${lines}\r\n`, 'latin1')
      const reply = await sendRaw(collector.url, [bytes], { quietMs: 20_000 })
      t.match(reply, { statuses: newer ? [400] : [], closed: true }, what)
    }
    await Promise.all(unreadable.map(send))
    const twoHosts = await sendRaw(collector.url, ['GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'])
    t.same(twoHosts.statuses, [newer ? 400 : 200], 'two hosts')
  })
})

test('a request that comes in as many packets as it has bytes is answered', {
  skip: !newer && olderParser,
}, async (t) => {
  await survive(t, async (collector) => {
    async function* bytewise() {
      for (const byte of `${headOf({ 'Content-Length': good.length })}${good}`) {
        yield byte
        await pause(1)
      }
    }
    t.same((await sendRaw(collector.url, bytewise())).statuses, [202])
  })
})

const withHeaders = (count: number) => `GET /live HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(count - 1)}\r\n`

const unread: [what: string, bytes: string, status: number][] = [
  ['HTTP/1.0, as nginx speaks unless told otherwise', 'GET /ready HTTP/1.0\r\nHost: a\r\n\r\n', 505],
  ["HAProxy's check unless told otherwise", 'OPTIONS / HTTP/1.0\r\n\r\n', 505],
  ['an absolute-form target', 'GET http://a/live HTTP/1.1\r\nHost: a\r\n\r\n', 505],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 505],
  ['headers beyond 16 KiB', `GET /live HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(16_384)}\r\n\r\n`, 431],
  ['more than 98 headers', withHeaders(99), 431],
  ['a length that is no number', headOf({ 'Content-Length': '12abc' }) + good, 400],
]

test('what uWebSockets.js refuses unread gets the HTML that docs/errors.md tells of, and is closed', async (t) => {
  await survive(t, async (collector) => {
    for (const [what, bytes, status] of unread) {
      const reply = await sendRaw(collector.url, [bytes], { quietMs: 20_000 })
      t.match(reply, { statuses: [status], closed: true, text: /\r\nConnection: close\r\n\r\n<h1>/ }, what)
      t.notMatch(reply.text, 'problem+json', what)
    }
    t.match(await sendRaw(collector.url, [withHeaders(98)]), { statuses: [200], closed: false })
  })
})

const post = headOf({ 'Content-Length': good.length }) + good
const chunkedHead = headOf({ 'Transfer-Encoding': 'chunked' })
const chunkOf = (text: string, extension = '') => `${text.length.toString(16)}${extension}\r\n${text}\r\n`
const inChunks = `${chunkedHead}${chunkOf(good.slice(0, 50))}${chunkOf(good.slice(50))}`
const http10 = 'GET /live HTTP/1.0\r\nHost: a\r\n\r\n'

const behindBodies: [what: string, bytes: string][] = [
  ['trailers that were not declared', `${inChunks}0\r\nX: y\r\n\r\n`],
  ['a pipelined request in HTTP/1.0', post + http10],
  ['one behind chunks', `${inChunks}0\r\n\r\n${http10}`],
  ['a rest that is no HTTP', `${post}the rest of it\r\n\r\n`],
  ['a pipelined request with a length that is none', post + headOf({ 'Content-Length': 'x' })],
  ['a pipelined batch', post + post],
  ['a chunk with an extension that is not hexadecimal', chunkedHead + chunkOf(good, ';name=value')],
]

test('what is wrong behind a body is noticed before anything of its batch is delivered', async (t) => {
  await survive(t, async (collector) => {
    for (const [what, bytes] of behindBodies) {
      const { statuses, closed } = await sendRaw(collector.url, [bytes], { quietMs: 20_000 })
      t.ok(closed && statuses.every(isHtmlError), `${what}: ${statuses}, closed ${closed}`)
    }
    t.equal((await collector.stats()).ingestion.batches_received, 0)
  })
})

/** uWebSockets.js answers so by itself: which of them, its versions do not agree on. */
function isHtmlError(status: number): boolean {
  return status === 400 || status === 505
}

/** So long does Kafka leave a batch unanswered. */
const acknowledgedLate = { VANTAGE_KAFKA_LINGER_MS: '1000' }

const behindLater: [what: string, head: string, rest: string][] = [
  ['trailers', `${inChunks}0\r\n`, 'X: y\r\n\r\n'],
  ['a rest that is no HTTP, behind chunks', `${inChunks}0\r\n\r\n`, 'the rest of it\r\n\r\n'],
  ['a second batch in chunks', `${inChunks}0\r\n\r\n`, `${inChunks}0\r\n\r\n`],
  ['a rest, where the client closes', headOf({ 'Content-Length': good.length, Connection: 'close' }) + good, '!'],
]

test('what comes later behind a body in chunks, or that of a client that closes, leaves the batch its answer', async (t) => {
  await survive(
    t,
    async (collector) => {
      const send = async ([what, head, rest]: (typeof behindLater)[number]) => {
        async function* inTwo() {
          yield head
          await pause(300)
          yield rest
        }
        const reply = await sendRaw(collector.url, inTwo(), { quietMs: 3000 })
        t.equal(reply.statuses[0], 202, what)
      }
      await Promise.all(behindLater.map(send))
      t.equal((await collector.stats()).ledger.difference, 0)
    },
    acknowledgedLate,
  )
})

test('a client that has closed its half of the connection gets its answer', async (t) => {
  await survive(
    t,
    async (collector) => {
      const heads = [
        headOf({ 'Content-Length': good.length, Connection: 'close' }) + good,
        headOf({ 'Content-Length': good.length, Connection: 'TE, close' }) + good,
        `${inChunks}0\r\n\r\n`,
      ]
      const replies = await Promise.all(
        heads.map((head) => sendRaw(collector.url, [head], { quietMs: 20_000, halfClose: true })),
      )
      for (const { statuses, closed } of replies) t.same({ statuses, closed }, { statuses: [202], closed: true })
    },
    acknowledgedLate,
  )
})

const refused: [what: string, bytes: string, status: number, code: string][] = [
  [
    'trailers that were declared',
    `${headOf({ 'Transfer-Encoding': 'chunked', Trailer: 'X' })}${chunkOf(good)}0\r\nX: y\r\n\r\n`,
    400,
    'VANTAGE_UNSUPPORTED_FRAMING',
  ],
  [
    'a chunk extension that looks like a size',
    `${chunkedHead}${chunkOf(good, ';a=b')}0\r\n\r\n`,
    400,
    'VANTAGE_UNSUPPORTED_FRAMING',
  ],
  ['an extension that is empty', `${chunkedHead}${chunkOf(good, ';')}0\r\n\r\n`, 400, 'VANTAGE_UNSUPPORTED_FRAMING'],
  [
    'an expectation',
    headOf({ 'Content-Length': good.length, Expect: '200-ok' }),
    417,
    'VANTAGE_UNSUPPORTED_EXPECTATION',
  ],
  [
    'two expectations',
    headOf({ 'Content-Length': 1, Expect: '100-continue, a' }),
    417,
    'VANTAGE_UNSUPPORTED_EXPECTATION',
  ],
]

test('what uWebSockets.js cannot read is refused at once, with a code', async (t) => {
  await survive(t, async (collector) => {
    const send = async ([what, bytes, status, code]: (typeof refused)[number]) => {
      // The time-outs for idle and slow clients would take 7.5 s.
      const { statuses, text } = await sendRaw(collector.url, [bytes], { quietMs: 5000 })
      t.equal(statuses[0], status, what)
      t.match(text, `"code":"${code}"`, what)
    }
    await Promise.all(refused.map(send))
    t.equal((await collector.stats()).ingestion.batches_received, 0)
  })
})

test('the connection of a body that is refused half-way is closed when the rest has come', async (t) => {
  await survive(
    t,
    async (collector) => {
      async function* inParts() {
        yield chunkedHead + chunkOf(' '.repeat(1_200_000))
        await pause(500)
        yield `${chunkOf(good)}0\r\n\r\n`
      }
      // uWebSockets.js would not even close it for being idle.
      const reply = await sendRaw(collector.url, inParts(), { quietMs: 5000 })
      t.match(reply, { statuses: [413], closed: true, text: /\r\nConnection: close\r\n/ })
    },
    { VANTAGE_MAX_REQUEST_SIZE_MB: '1' },
  )
})

test('a client that waits for 100 Continue gets it, however it writes that', async (t) => {
  await survive(t, async (collector) => {
    for (const expect of ['100-continue', '100-Continue', '100-CONTINUE']) {
      const head = headOf({ 'Content-Length': good.length, Expect: expect })
      const { statuses, closed, text } = await sendRaw(collector.url, [head + good], { quietMs: 3000 })
      t.same({ statuses, closed }, { statuses: [100, 202], closed: false }, expect)
      t.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202 Accepted\r\n/)
    }
  })
})

test('a declared trailer without chunks, and chunks with white space behind their size, are harmless', async (t) => {
  await survive(t, async (collector) => {
    const trailer = headOf({ 'Content-Length': good.length, Trailer: 'X' }) + good
    const spaced = `${chunkedHead}${chunkOf(good, ' ')}0\r\n\r\n`
    for (const bytes of [trailer, spaced])
      t.same((await sendRaw(collector.url, [bytes], { quietMs: 3000 })).statuses, [202])
  })
})

test('a body that is shorter or longer than it says is no batch', async (t) => {
  await survive(t, async (collector) => {
    const shorter = await sendRaw(collector.url, [headOf({ 'Content-Length': good.length + 1 }), good])
    t.same(shorter.statuses, [])
    const longer = await sendRaw(collector.url, [headOf({ 'Content-Length': good.length - 1 }), good])
    t.notOk(longer.statuses.includes(202))
  })
})

test('pipelined requests do not mix up answers', async (t) => {
  await survive(t, async (collector) => {
    const request = headOf({ 'Content-Length': good.length }) + good
    const { statuses, closed } = await sendRaw(collector.url, [request.repeat(5)])
    t.ok(closed || statuses.length === 5, `${statuses}, closed ${closed}`)
    t.ok(statuses.every((status) => status === 202))
    const gets = await sendRaw(collector.url, ['GET /live HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5)])
    t.same(gets.statuses, [200, 200, 200, 200, 200])
  })
})

test('uploads that are aborted at each stage leave nothing behind', async (t) => {
  await survive(t, async (collector) => {
    const request = headOf({ 'Content-Length': good.length }) + good
    const { port } = new URL(collector.url)
    const stages = Array.from({ length: request.length }, (_, at) => at)
    const abort = (at: number) =>
      new Promise<void>((resolve) => {
        const socket = connect(Number(port), '127.0.0.1', () => {
          socket.write(request.slice(0, at), () => socket.resetAndDestroy())
        })
        socket.on('error', () => undefined)
        socket.on('close', () => resolve())
      })
    await Promise.all(stages.map(abort))
  })
})

test('clients that trickle headers or a body, or read no answer, are closed, and hold nothing', async (t) => {
  await survive(t, async (collector) => {
    const { port } = new URL(collector.url)
    const trickle = (first: string) =>
      new Promise<void>((resolve) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.write(first))
        const timer = setInterval(() => socket.write('a'), 200)
        socket.on('error', () => undefined)
        socket.resume().on('close', () => {
          clearInterval(timer)
          resolve()
        })
      })
    const slow = [...Array(20).fill('GET /live?'), ...Array(20).fill(headOf({ 'Content-Length': 1000 }))]
    const closed = Promise.all(slow.map(trickle))
    // One answer fits into the buffers of the kernel, and so does a second; the third, asked for then, does not.
    const unread = Array.from({ length: 20 }, () => {
      const request = 'GET /assets/pages/vendor/swagger-ui-bundle.js HTTP/1.1\r\nHost: collector\r\n\r\n'
      const socket = connect(Number(port), '127.0.0.1').pause()
      socket.on('error', () => undefined)
      for (const afterMs of [0, 500, 1000]) setTimeout(() => socket.write(request), afterMs)
      return socket
    })
    const inTime = await Promise.race([closed.then(() => true), pause(40_000, false, { ref: false })])
    t.ok(inTime, 'each that trickles is closed within 40 s')
    const stalled = async () => (await collector.metric('requests_stalled_total')) > 20
    await waitFor(stalled, 'the bodies and some answers to be counted')
    for (const socket of unread) socket.destroy()
  })
})

const live = 'GET /live HTTP/1.1\r\nHost: collector\r\n\r\n'
const idlers = [
  ['are idle', [live]],
  ['trickle headers', ['GET /live HTTP/1.1\r\nX: ', ...Array(10).fill('a')]],
] as const

for (const [manner, parts] of idlers) {
  test(`of many connections those that ${manner} are closed a few at a time, not those in use`, async (t) => {
    await survive(
      t,
      async (collector) => {
        let open = 700
        let sent = 0
        async function* regularly() {
          for (; open > 0; sent++) {
            yield live
            await pause(500)
          }
        }
        // A request that begins while its connection is still kept has all the time again.
        async function* late() {
          yield live
          await pause(6500)
          yield headOf({ 'Content-Length': good.length })
          await pause(2000)
          yield good
        }
        const inUse = [
          sendRaw(collector.url, late(), { quietMs: 7400 }),
          sendRaw(collector.url, regularly(), { quietMs: 5000 }),
        ]
        // Were these mistaken for idle ones, they would be closed before the others, while there are many.
        await pause(1000)

        async function* idly() {
          for (const part of parts) {
            yield part
            await pause(1000)
          }
        }
        const idle = Array.from({ length: open }, () => sendRaw(collector.url, idly(), { quietMs: 60_000 }))
        for (const connection of idle) void connection.then(({ closed }) => closed && open--)

        const [lateReply, regularReply] = await Promise.all(inUse)
        t.same(lateReply?.statuses, [200, 202])
        t.same(regularReply?.statuses, Array(sent).fill(200))
        // Where no more than 500 are left, the time-out of uWebSockets.js is left to close them.
        t.ok((await collector.metric('idle_connections_closed_total')) >= 150)
      },
      { VANTAGE_API_WORKERS: '1' },
    )
  })
}

test('a body that comes at more than 16 KiB a second is taken, however long it takes', async (t) => {
  await survive(t, async (collector) => {
    const body = `${' '.repeat(1_200_000)}${good}`
    async function* steadily() {
      yield headOf({ 'Content-Length': body.length })
      for (let at = 0; at < body.length; at += 16_384) {
        yield body.slice(at, at + 16_384)
        await pause(250)
      }
    }
    const { statuses } = await sendRaw(collector.url, steadily(), { quietMs: 10_000 })
    t.same(statuses, [202])
  })
})

test('connections over the limit are closed at once, and those below it work', async (t) => {
  const env = { VANTAGE_MAX_CONNECTIONS: '20', VANTAGE_API_WORKERS: '1' }
  await survive(
    t,
    async (collector) => {
      const { port } = new URL(collector.url)
      let closed = 0
      const sockets = Array.from({ length: 200 }, () => {
        const socket = connect(Number(port), '127.0.0.1')
        socket.on('error', () => undefined)
        return socket.on('close', () => closed++)
      })
      await waitFor(() => closed >= 180, 'the connections over the limit')
      for (const socket of sockets) socket.destroy()
      await waitFor(
        () =>
          collector.get('/live').then(
            ({ status }) => status === 200,
            () => false,
          ),
        'room again',
      )
      t.ok((await collector.metric('connections_over_limit_total')) >= 180)
    },
    env,
  )
})
