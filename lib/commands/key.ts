import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createApiKey, isKeyName, parseApiKeys, parseScopes, scopes } from '../config/api-keys.js'
import { type Command, UsageError } from './command.js'

/** Makes API keys. The collector keeps only their SHA-256, so a key is shown once and stored nowhere. */
export const keyCommand: Command = {
  usage: `vantage-collector key new NAME    make an API key; prints it and its line for VANTAGE_API_KEYS_FILE
    --scope SCOPE,...             what it may do: ${scopes.join(', ')}; ingest if not given
    --file PATH                   append the line to this file and print the key only; a new file may be read by the
                                  group of its directory
`,

  async run(args, { print, note }) {
    const { values: flags, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { scope: { type: 'string', default: 'ingest' }, file: { type: 'string' } },
    })
    const [action, name = '', ...rest] = positionals
    if (action !== 'new' || rest.length > 0) throw new UsageError('The command is: key new NAME')
    if (!isKeyName(name)) {
      throw new UsageError('NAME must be 1 to 64 letters, digits, dots, hyphens or underscores')
    }
    const granted = parseScopes(flags.scope)
    if (granted === undefined) throw new UsageError(`--scope must be some of ${scopes.join(', ')}`)

    const { key, line } = createApiKey(name, granted)
    if (flags.file === undefined) {
      print(`key:  ${key}\nline: ${line}\n`)
      return 0
    }
    const { isNew, namesakes } = await appendLine(flags.file, line, name)
    print(`${key}\n`)
    note(`${flags.file} has the key ${name}; SIGHUP makes a running collector read it`)
    if (isNew) note(`its owner and its group may read it: the collector's user has to be one of them (chgrp, chown)`)
    if (namesakes > 0) {
      note(
        `${name} has ${namesakes + 1} keys now, and all of them hold: take the old line out when no agent sends that key`,
      )
    }
    return 0
  },
}

/**
 * Adds a line, even if an editor left the last one without its newline. The group of its directory, normally the service's, can
 * read a new file. That is safe: the file holds hashes of random keys, and a hash does not reveal its key.
 */
async function appendLine(path: string, line: string, name: string): Promise<{ isNew: boolean; namesakes: number }> {
  const isNew = !(await isThere(path))
  const file = await open(path, 'a+', 0o640)
  try {
    const text = await file.readFile('utf8')
    if (isNew) await giveToGroup(file, path)
    await file.write(`${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`)
    return { isNew, namesakes: parseApiKeys(text).keys.filter((other) => other.name === name).length }
  } finally {
    await file.close()
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Only root may, and only for root is it needed. */
async function giveToGroup(file: FileHandle, path: string): Promise<void> {
  const { gid } = await stat(dirname(resolve(path)))
  if (process.getuid?.() === 0) await file.chown(0, gid)
}
