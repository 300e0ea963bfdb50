import { connect, type Socket } from 'node:net'

/** What came back for bytes sent: the status of each answer, and whether the collector closed the connection. */
export type RawReply = { statuses: number[]; closed: boolean; text: string }

type Part = string | Uint8Array

/**
 * Sends bytes as they are on a connection of their own, each part as soon as there is one, and ends when the collector
 * closes it or nothing has come or gone for `quietMs`. With `halfClose` it closes its half behind the last part.
 */
export function sendRaw(
  url: string,
  parts: Part[] | AsyncIterable<Part>,
  { quietMs = 300, halfClose = false } = {},
): Promise<RawReply> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const socket: Socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    let text = ''
    const end = (closed: boolean) => {
      socket.destroy()
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
      resolve({ statuses, closed, text })
    }
    socket.setTimeout(quietMs, () => end(false))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => end(true))
    socket.on('end', () => end(true))
    socket.on('connect', async () => {
      for await (const part of parts) {
        if (socket.destroyed) return
        socket.write(part)
      }
      if (halfClose) socket.end()
    })
  })
}

/** The head of a POST of a batch. */
export function headOf(headers: Record<string, string | number>, path = '/v1/metrics'): string {
  const lines = Object.entries({ Host: 'collector', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}
