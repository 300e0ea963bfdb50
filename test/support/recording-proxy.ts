import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'

/** A request that has passed, inflated, and the status of its answer. */
export type Passed = { path: string; contentType: string; body: Buffer; status: number }

/** Stands between an agent and a collector, and notes what the one has sent and the other has answered. */
export async function startRecordingProxy(t: Test, target: string): Promise<{ url: string; passed: Passed[] }> {
  const passed: Passed[] = []
  const server = createServer((request, response) => {
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
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port }: Pick<AddressInfo, 'port'> = Object(server.address())
  return { url: `http://127.0.0.1:${port}`, passed }
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
