import { mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** Resolves when the names in a directory are on disk: a new file's content alone is not enough to find it again. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Makes a directory, and those above it, where they are not there. Resolves when their names are on disk. */
export async function makeDirectory(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o750 })
  if (made === undefined) return
  const top = dirname(resolve(made))
  for (let above = dirname(resolve(path)); ; above = dirname(above)) {
    await syncDirectory(above)
    if (above === top) return
  }
}
