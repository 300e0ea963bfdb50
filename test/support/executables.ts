import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Processors by their numbers in the header of an ELF file, `e_machine`. */
const processors: Record<number, string> = { 3: 'x86', 40: 'arm', 62: 'x64', 183: 'arm64' }

/** Which platforms the programs and libraries below a folder are for: "elf x64", "mach-o", "windows"; sorted, each once. */
export async function platformsIn(folder: string): Promise<string[]> {
  const found = new Set<string>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const platform = entry.isFile() ? await platformOf(join(entry.parentPath, entry.name)) : undefined
    if (platform !== undefined) found.add(platform)
  }
  return [...found].sort()
}

async function platformOf(path: string): Promise<string | undefined> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(20), 0, 20, 0)
    if (bytesRead < 20) return undefined
    if (buffer.readUInt32BE(0) === 0x7f454c46) return `elf ${processors[buffer.readUInt16LE(18)] ?? 'other'}`
    if ([0xcffaedfe, 0xcefaedfe, 0xcafebabe].includes(buffer.readUInt32BE(0))) return 'mach-o'
    return buffer.toString('latin1', 0, 2) === 'MZ' ? 'windows' : undefined
  } finally {
    await file.close()
  }
}
