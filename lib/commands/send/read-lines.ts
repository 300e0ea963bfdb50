const newline = 0x0a

/**
 * Splits a stream into lines, without their ends; the last one may lack its newline.
 *
 * @throws {Error} when a line is longer than `maxBytes`
 */
export async function* readLines(input: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)])
      parts = []
      length = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    length += chunk.length - start
    if (length > maxBytes) throw new Error(`A line is longer than ${maxBytes / 2 ** 20} MiB; write one metric a line`)
  }
  if (length > 0) yield Buffer.concat(parts)
}
