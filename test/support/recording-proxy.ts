import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { readAll, serveLocally } from './local-server.js'

/** A request that has passed, inflated, and the status of its answer. */
export type Passed = { path: string; contentType: string; body: Buffer; status: number }

/** Stands between an agent and a collector, and notes what the one has sent and the other has answered. */
export async function startRecordingProxy(t: Test, target: string): Promise<{ url: string; passed: Passed[] }> {
  const passed: Passed[] = []
  const url = await serveLocally(t, (request, response) => {
    // A client that gives up has no answer to read.
    pass(request, response).catch(() => response.destroy())
  })
  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request)
    const outgoing = send(target + request.url, { method: request.method, headers: request.headers })
    outgoing.end(body)
    const [answer]: [IncomingMessage] = (await once(outgoing, 'response')) as [IncomingMessage]
    const text = await readAll(answer)
    const isGzip = request.headers['content-encoding'] === 'gzip'
    const contentType = request.headers['content-type'] ?? ''
    const inflated = isGzip ? gunzipSync(body) : body
    passed.push({ path: request.url ?? '', contentType, body: inflated, status: answer.statusCode ?? 0 })
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    response.end(text)
  }
  return { url, passed }
}
