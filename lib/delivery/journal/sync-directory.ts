import { open } from 'node:fs/promises'

/** Resolves when the names in a directory are on disk: a new file's content alone is not enough to find it again. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
