import { metricsIn } from '../record-batch.js'
import { JournalDirectory } from './directory.js'
import { readLog } from './reader.js'

/** `more`: counting ended before the journal did. */
export type LeftBehind = { path: string; metrics: number; more: boolean }

/** To say that there are many is enough, and a start should not read a gibibyte for it. */
const mostCounted = 100_000

/** Which of these journals hold metrics that no process sends. What cannot be read is passed over. */
export async function findLeftBehind(paths: readonly string[]): Promise<LeftBehind[]> {
  const found: LeftBehind[] = []
  for (const path of paths) {
    const left = await countLeft(path).catch(() => undefined)
    if (left !== undefined && left.metrics > 0) found.push({ path, ...left })
  }
  return found
}

async function countLeft(path: string): Promise<Omit<LeftBehind, 'path'>> {
  const directory = await JournalDirectory.openExisting(path)
  let metrics = 0
  for (const owner of await directory.owners()) {
    if (owner.alive) continue
    for await (const { batch } of readLog(owner.path)) {
      metrics += metricsIn(batch)
      if (metrics >= mostCounted) return { metrics, more: true }
    }
  }
  return { metrics, more: false }
}
