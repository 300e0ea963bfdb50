import type { Config } from '../config/config.js'
import { codeOf, messageOf } from '../shared/errors.js'
import { commands } from './commands.js'

/** How a command ended: its exit code, or the message to print if it failed. */
export type CommandEnd = { kind: 'done'; exitCode: number } | { kind: 'usage' | 'failure'; message: string }

/** Runs `vantage-collector NAME ...`. Never throws: an error of the command becomes a message of one line. */
export async function runCommand(name: string, args: string[], readConfig: () => Config): Promise<CommandEnd> {
  if (name === 'help') return help(args, readConfig)
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load === undefined) return { kind: 'usage', message: `There is no command ${name}` }
  const aborter = new AbortController()
  process.once('SIGINT', () => aborter.abort())
  process.once('SIGTERM', () => aborter.abort())
  const print = (text: string) => void process.stdout.write(text)
  const note = (text: string) => void process.stderr.write(`${text}\n`)
  try {
    const command = await load()
    if (args.includes('--help') || args.includes('-h')) {
      print(command.usage)
      return { kind: 'done', exitCode: 0 }
    }
    const exitCode = await command.run(args, {
      readConfig,
      print,
      note,
      input: () => process.stdin,
      terminal: process.stderr.isTTY ? process.stderr : undefined,
      screen: process.stdout.isTTY ? process.stdout : undefined,
      signal: aborter.signal,
    })
    return { kind: 'done', exitCode }
  } catch (error) {
    return { kind: isUsageError(error) ? 'usage' : 'failure', message: messageOf(error) }
  }
}

/** `help`, and `help NAME`, which is what they are mostly asked for by. */
async function help([name]: string[], readConfig: () => Config): Promise<CommandEnd> {
  if (name !== undefined && name !== 'help') return runCommand(name, ['--help'], readConfig)
  process.stdout.write(await (await import('./help.js')).helpText())
  return { kind: 'done', exitCode: 0 }
}

/** Whether it is a UsageError, or one of parseArgs. */
function isUsageError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return error.name === 'UsageError' || String(codeOf(error)).startsWith('ERR_PARSE_ARGS')
}
