import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** An empty directory for one test. */
export async function makeDirectory(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'vantage-test-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}
