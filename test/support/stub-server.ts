import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { readAll, serveLocally } from './local-server.js'

export type Received = { path: string; headers: IncomingMessage['headers']; body: Buffer; at: number }

/** Answers request n. */
export type Respond = (response: ServerResponse, n: number) => void

/** A server that answers as the test says, for what a collector does only when something is wrong with it. */
export async function startStub(t: Test, respond: Respond): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = []
  const url = await serveLocally(t, async (request, response) => {
    const body = await readAll(request)
    received.push({ path: request.url ?? '', headers: request.headers, body, at: performance.now() })
    respond(response, received.length - 1)
  })
  return { url, received }
}
