import { open } from 'node:fs/promises'

const newline = 0x0a

export type LineLimits = {
  /** What is read at a time. */
  pieceBytes: number
  /** A longer line is passed over: a disk has damaged what was to end it. */
  longestBytes: number
}

/** The lines of a file, those that end in the same piece of it together, so that memory does not grow with the file. */
export async function* readLines(path: string, { pieceBytes, longestBytes }: LineLimits): AsyncGenerator<string[]> {
  const file = await open(path, 'r')
  try {
    const piece = Buffer.allocUnsafe(pieceBytes)
    let begun: Buffer = Buffer.alloc(0)
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, pieceBytes)
      if (bytesRead === 0) break
      const bytes = Buffer.concat([begun, piece.subarray(0, bytesRead)])
      const end = bytes.lastIndexOf(newline) + 1
      if (end > 0) yield linesOf(bytes.subarray(0, end))
      begun = bytes.length - end > longestBytes ? Buffer.alloc(0) : bytes.subarray(end)
    }
    yield linesOf(begun)
  } finally {
    await file.close()
  }
}

function linesOf(bytes: Buffer): string[] {
  return bytes
    .toString()
    .split('\n')
    .filter((line) => line !== '')
}
