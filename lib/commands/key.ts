import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { createApiKey, isKeyName, parseScopes, scopes } from '../config/api-keys.js'
import { type Command, UsageError } from './command.js'

/** Makes API keys. The collector keeps only their SHA-256, so a key is shown once and stored nowhere. */
export const keyCommand: Command = {
  usage: `vantage-collector key new NAME    make an API key; prints it and its line for VANTAGE_API_KEYS_FILE
    --scope SCOPE,...             what it may do: ${scopes.join(', ')}; ingest if not given
    --file PATH                   append the line to this file and print the key only
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
    await appendLine(flags.file, line)
    print(`${key}\n`)
    note(`${flags.file} has the key ${name}; SIGHUP makes a running collector read it`)
    return 0
  },
}

/** Adds a line, even if an editor left the last one without its newline. */
async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, 'a+', 0o600)
  try {
    const { size } = await file.stat()
    const last = Buffer.from('\n')
    if (size > 0) await file.read(last, 0, 1, size - 1)
    await file.write(`${last.toString() === '\n' ? '' : '\n'}${line}\n`)
  } finally {
    await file.close()
  }
}
