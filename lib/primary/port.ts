import { createServer } from 'node:net'

/**
 * Proves that nothing listens on the port, and gives its number, which for port 0 is a free one. The workers share the
 * port with SO_REUSEPORT, so a second collector would silently take part of the first one's connections.
 *
 * @throws {Error} with the system's code, such as EADDRINUSE or EACCES
 */
export function claimPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address()
      const claimed = typeof address === 'object' && address !== null ? address.port : port
      probe.close(() => resolve(claimed))
    })
  })
}
