import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export type Received = { path: string; headers: IncomingMessage['headers']; body: Buffer; at: number }

/** Answers request n. */
export type Respond = (response: ServerResponse, n: number) => void

/** A server that answers as the test says, for what a collector does only when something is wrong with it. */
export async function startStub(t: Test, respond: Respond): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    received.push({
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks),
      at: performance.now(),
    })
    respond(response, received.length - 1)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port }: Pick<AddressInfo, 'port'> = Object(server.address())
  return { url: `http://127.0.0.1:${port}`, received }
}
