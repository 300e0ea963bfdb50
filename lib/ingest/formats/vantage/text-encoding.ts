import { isAscii, isUtf8 } from 'node:buffer'

/** How the text of a body is to be decoded. */
export type TextEncoding = 'latin1' | 'utf8'

/**
 * Latin-1 decoding is a plain copy, and for ASCII it says the same as UTF-8 (bench/micro.ts: 5 times as fast). Undefined for
 * what is not UTF-8.
 */
export function encodingOf(bytes: Buffer): TextEncoding | undefined {
  if (isAscii(bytes)) return 'latin1'
  return isUtf8(bytes) ? 'utf8' : undefined
}

/** Where the first bytes stand that are not UTF-8, in a body that is not. */
export function invalidUtf8At(bytes: Buffer): number {
  let at = 0
  // Block by block, since a call for each character of 10 MiB would take a second.
  while (isUtf8(bytes.subarray(at, characterEnd(bytes, at + blockBytes)))) at = characterEnd(bytes, at + blockBytes)
  for (;;) {
    const end = characterEnd(bytes, at + 1)
    if (!isUtf8(bytes.subarray(at, end))) return at
    at = end
  }
}

const blockBytes = 4096

/** The first byte from `at` on that begins a character, or the end. */
function characterEnd(bytes: Buffer, at: number): number {
  let end = at
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end++
  return Math.min(end, bytes.length)
}
