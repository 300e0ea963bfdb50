import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JournalEntry } from './entry.js'
import { scan } from './find-entries.js'

/** What a reader met: an entry, and where it lies. */
export type ReadEntry = JournalEntry & { file: string; offset: number; bytes: number }

/**
 * Reads the entries of a log that are not noted as finished, without changing anything: the process that writes it may
 * be running. Finished ones may be among them, since that is noted now and then only.
 */
export async function* readLog(directory: string): AsyncGenerator<ReadEntry> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.log')).sort()
  for (const name of names) {
    const file = join(directory, name)
    const source = await readFile(file).catch(() => undefined)
    // Finished and deleted meanwhile.
    if (source === undefined) continue
    const noted = Number(await readFile(`${file}.done`, 'utf8').catch(() => '0'))
    const { entries } = scan(source, Number.isInteger(noted) ? noted : 0, { follows: false })
    for (const { batch, firstSeenMs, start, end } of entries) {
      yield { batch, firstSeenMs, file, offset: start, bytes: end - start }
    }
  }
}
