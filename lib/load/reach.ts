import { once } from 'node:events'
import { connect } from 'node:net'

const timeoutMs = 5000

/**
 * Why nothing takes connections at the address of a URL, in the system's words; undefined where something does. Percentiles of
 * refused connections look like those of a very fast server.
 */
export async function whyUnreachable(address: string): Promise<string | undefined> {
  const { protocol, hostname, port } = new URL(address)
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
    timeout: timeoutMs,
  })
  socket.once('timeout', () => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
  try {
    await once(socket, 'connect')
    return undefined
  } catch (error) {
    return error instanceof AggregateError
      ? error.errors.map(({ message }) => message).join('; ')
      : error instanceof Error
        ? error.message
        : String(error)
  } finally {
    socket.destroy()
  }
}
