// A process of clients that hold connections and hardly use them; slow-clients.ts forks it and says how many.

import { connect, type Socket } from 'node:net'

export type SlowFleet = { host: string; port: number; connections: number }

/** What a client sends at first, and again and again. */
type Manner = { first: string; more: string }

const host = 'Host: collector\r\n'
const manners: readonly Manner[] = [
  // Idle, after a request that was answered.
  { first: `GET /live HTTP/1.1\r\n${host}\r\n`, more: '' },
  // Headers that do not end.
  { first: `GET /live HTTP/1.1\r\n${host}X: `, more: 'a' },
  // A body that does not end.
  { first: `POST /v1/metrics HTTP/1.1\r\n${host}Content-Length: 30000\r\n\r\n{`, more: ' ' },
  // An answer that is not read.
  { first: `GET /openapi.json HTTP/1.1\r\n${host}\r\n`, more: '' },
]
const unread = manners.length - 1

const trickleEveryMs = 2000
const reportEveryMs = 250
/** After so long uWebSockets.js turns such clients away: they come spread over that time, so as not to go all at once. */
const idleTimeoutMs = 10_000
/** It does so every four seconds, to thousands at once: they come again spread over that time, as those of slowhttptest do. */
const maxPauseMs = 4000
/** Each local address has ports for so many. */
const connectionsAnAddress = 1000

const open = new Set<Socket>()

process.on('message', ({ connections, ...address }: SlowFleet) => {
  for (let client = 0; client < connections; client++) setTimeout(hold, Math.random() * idleTimeoutMs, client, address)
  setInterval(() => process.send?.(open.size), reportEveryMs)
})

/** Keeps one client connected: whenever the collector closes its connection, it comes again. */
function hold(client: number, address: { host: string; port: number }): void {
  const which = client % manners.length
  const manner = manners[which]
  if (manner === undefined) return
  const localAddress = `127.0.0.${2 + Math.floor(client / connectionsAnAddress)}`
  const socket = connect({ ...address, localAddress }, () => {
    open.add(socket)
    socket.write(manner.first)
  })
  const trickle =
    manner.more === '' ? undefined : setInterval(() => open.has(socket) && socket.write(manner.more), trickleEveryMs)
  if (which !== unread) socket.resume()
  // Who does not read does not see the end of the connection, either.
  else setTimeout(() => socket.destroy(), idleTimeoutMs)
  // It closes afterwards, too.
  socket.on('error', () => undefined)
  socket.on('close', () => {
    open.delete(socket)
    clearInterval(trickle)
    setTimeout(hold, Math.random() * maxPauseMs, client, address)
  })
}
