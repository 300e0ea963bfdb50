import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { type Test, test } from 'tap'
import { Authority } from '../../support/certificates.js'
import { runProgram } from '../../support/run-program.js'

/** One in five crashed: that none of so many would is as likely as one in a hundred, of both kinds together. */
const runs = 10

/** Port of a server that shakes hands and closes, again and again. */
async function startFleetingBroker(t: Test): Promise<number> {
  const { cert, key } = await (await Authority.create(t)).issue('broker')
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
    socket.on('error', () => undefined)
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port }: Pick<AddressInfo, 'port'> = Object(server.address())
  return port
}

test('a process that ends during TLS handshakes with Kafka ends with its own status', async (t) => {
  const brokers = `127.0.0.1:${await startFleetingBroker(t)}`
  for (const [how, status] of [
    ['exit', 7],
    ['exception', 1],
  ] as const) {
    const end = () => runProgram(process.execPath, ['dist/test/support/end-in-handshake.js', brokers, how], {})
    const codes: (number | null)[] = []
    while (codes.length < runs) for (const { code } of await Promise.all([end(), end()])) codes.push(code)
    t.same(codes, Array(runs).fill(status), how)
  }
})
