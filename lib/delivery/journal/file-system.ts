import { statfs } from 'node:fs/promises'

const inMemory = 'in memory: a 202 with durability journal is lost when this machine goes down'
const onNetwork = 'on a network: another machine may take it for a journal that nobody writes'

/** What a journal on a file system is worth less for, by the file system's number. Source: statfs(2), linux/magic.h. */
const doubts: ReadonlyMap<number, string> = new Map([
  [0x01021994, `tmpfs, ${inMemory}`],
  [0x858458f6, `ramfs, ${inMemory}`],
  [0x6969, `NFS, ${onNetwork}`],
  [0xff534d42, `CIFS, ${onNetwork}`],
  [0xfe534d42, `SMB, ${onNetwork}`],
  [0x00c36400, `Ceph, ${onNetwork}`],
  [0x01021997, `9p, ${onNetwork}`],
])

/** Why a journal in this directory does not keep all of its promise; undefined where nothing is known against it. */
export async function doubtAbout(directory: string): Promise<string | undefined> {
  return doubts.get((await statfs(directory)).type)
}
