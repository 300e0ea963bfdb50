// How long does a batch wait for its 202 when requests come at a constant rate, whether or not earlier ones are
// answered?
//
//   node dist/bench/latency.js --url http://127.0.0.1:8000 --rate 1000 --batch 100 --seconds 10
//
// Each latency counts from the moment its request was due, so a stall of the server is not hidden by requests that were
// not sent meanwhile (coordinated omission). Timers fire up to 1 ms late; that is part of the figures.

import { connect, type Socket } from 'node:net'
import { createHistogram } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { batchOf } from '../test/support/batches.js'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8000' },
    rate: { type: 'string', default: '1000' },
    batch: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' },
  },
})
const rate = Number(values.rate)
const total = rate * Number(values.seconds)
const body = Buffer.from(JSON.stringify(batchOf(Number(values.batch))))
const { hostname, port } = new URL(values.url)
const head = `POST /v1/metrics HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
const message = Buffer.concat([Buffer.from(head), body])
/** Connections without a request in flight. A raw socket costs the machine a fifth of what node:http does. */
const idle: Socket[] = []
const latency = createHistogram()
const statuses: Record<number, number> = {}

await warmUp()
const startedAt = performance.now()
const answers: Promise<void>[] = []
let latestMs = 0
while (answers.length < total) {
  const now = performance.now()
  for (let due = dueAt(answers.length); due <= now && answers.length < total; due = dueAt(answers.length)) {
    latestMs = Math.max(latestMs, now - due)
    answers.push(post(due))
  }
  await pause(1)
}
await Promise.all(answers)
for (const socket of idle) socket.destroy()

const ms = (percentile: number) => (latency.percentile(percentile) / 1e6).toFixed(2)
console.log(
  `${rate} requests/s of ${values.batch} metrics (${body.length} bytes) for ${values.seconds} s: ` +
    `p50 ${ms(50)}, p90 ${ms(90)}, p99 ${ms(99)}, p99.9 ${ms(99.9)}, max ${(latency.max / 1e6).toFixed(2)} ms; ` +
    `statuses ${JSON.stringify(statuses)}; sent at most ${latestMs.toFixed(1)} ms late`,
)

function dueAt(index: number): number {
  return startedAt + (index * 1000) / rate
}

async function warmUp(): Promise<void> {
  for (let i = 0; i < 200; i++) await post(performance.now())
  latency.reset()
  for (const status of Object.keys(statuses)) delete statuses[Number(status)]
}

async function post(due: number): Promise<void> {
  const socket = idle.pop() ?? (await open())
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.once('error', reject)
    // The answer is small and arrives in one piece.
    socket.once('data', resolve)
    socket.write(message)
  })
  socket.removeAllListeners('error')
  latency.record(Math.max(1, Math.round((performance.now() - due) * 1e6)))
  const status = Number(answer.subarray(9, 12).toString())
  statuses[status] = (statuses[status] ?? 0) + 1
  idle.push(socket)
}

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}
