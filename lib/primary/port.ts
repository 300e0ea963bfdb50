import { once } from 'node:events'
import { createServer, type ListenOptions, type Server } from 'node:net'

/**
 * Proves that nothing listens on the port, and gives its number, which for port 0 is a free one. The workers share the
 * port with SO_REUSEPORT, so a second collector would silently take part of the first one's connections. The claim lasts as long as
 * this process.
 *
 * @throws {Error} with the system's code, such as EADDRINUSE or EACCES
 */
export async function claimPort(host: string, port: number): Promise<number> {
  const probe = await listen({ host, port, exclusive: true })
  const address = probe.address()
  const claimed = typeof address === 'object' && address !== null ? address.port : port
  try {
    // The port is free again until the workers listen: of two collectors that start at the same moment, each would find it so.
    if (process.platform === 'linux') (await listen({ path: `\0vantage-collector ${host}:${claimed}` })).unref()
  } finally {
    probe.close()
    await once(probe, 'close')
  }
  return claimed
}

async function listen(options: ListenOptions): Promise<Server> {
  const server = createServer()
  server.listen(options)
  await once(server, 'listening')
  return server
}
