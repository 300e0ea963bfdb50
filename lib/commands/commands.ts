import type { Command } from './command.js'

/** Every command by name. A command is loaded only when it runs, so the server starts without them. */
export const commands: Record<string, () => Promise<Command>> = {
  journal: async () => (await import('./journal.js')).journalCommand,
  key: async () => (await import('./key.js')).keyCommand,
  send: async () => (await import('./send.js')).sendCommand,
  tail: async () => (await import('./tail.js')).tailCommand,
  top: async () => (await import('./top.js')).topCommand,
}
