import type { IncomingHttpHeaders } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { text as textOf } from 'node:stream/consumers'
import { TLSSocket } from 'node:tls'

/** What a client trusts and shows, and how it speaks. */
export type ClientTls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'minVersion' | 'maxVersion' | 'ciphers' | 'agent'>

type HttpsRequest = { method: string; headers: Record<string, string>; body?: string | Uint8Array }
export type HttpsReply = { status: number; headers: Headers; text: string; serialNumber: string }

/** As fetch, which in Node 20 takes no CA of the caller's. Returns the serial number of the server's certificate, too. */
export function fetchHttps(url: string, { body, ...rest }: HttpsRequest, tls: ClientTls): Promise<HttpsReply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ...rest, ...tls }, async (incoming) => {
      const { statusCode: status = 0, headers, socket } = incoming
      const serialNumber = socket instanceof TLSSocket ? socket.getPeerCertificate().serialNumber : ''
      try {
        resolve({ status, headers: headersOf(headers), text: await textOf(incoming), serialNumber })
      } catch (error) {
        reject(error)
      }
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function headersOf(headers: IncomingHttpHeaders): Headers {
  return new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
