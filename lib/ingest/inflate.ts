import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { messageOf, Problem } from '../shared/errors.js'
import { excerpt } from '../shared/excerpt.js'
import { membersOf } from '../shared/header-lists.js'

const gunzipAsync = promisify(gunzip)

/**
 * Whether the body is gzip; it is as it is, if not.
 *
 * @param contentEncoding the codings in the order in which they were applied
 * @throws {Problem} VANTAGE_UNSUPPORTED_ENCODING for any other, and for gzip twice
 */
export function isGzip(contentEncoding: string): boolean {
  if (contentEncoding === '') return false
  const encoding = membersOf(contentEncoding)
    .filter((coding) => coding !== 'identity')
    .join(', ')
  if (encoding === '') return false
  if (encoding === 'gzip' || encoding === 'x-gzip') return true
  throw new Problem(
    'VANTAGE_UNSUPPORTED_ENCODING',
    `Content-Encoding ${JSON.stringify(excerpt(encoding, 100))} is not supported`,
    {
      headers: { 'Accept-Encoding': 'gzip' },
    },
  )
}

/**
 * Inflates a gzip body. The result is never larger than `maxBytes`: inflating stops there.
 *
 * @throws {Problem} VANTAGE_BODY_TOO_LARGE or VANTAGE_INVALID_ENCODING
 */
export async function inflate(body: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await gunzipAsync(body, { maxOutputLength: maxBytes })
  } catch (error) {
    if (error instanceof RangeError) throw bodyTooLarge(maxBytes)
    throw new Problem('VANTAGE_INVALID_ENCODING', `The gzip data is broken: ${messageOf(error)}`)
  }
}

/** The problem of a body that is larger than `maxBytes`, as it was sent or inflated. */
export function bodyTooLarge(maxBytes: number): Problem {
  const mebibytes = Math.round((maxBytes / 2 ** 20) * 1000) / 1000
  return new Problem('VANTAGE_BODY_TOO_LARGE', `The body is larger than ${mebibytes} MiB`)
}
