import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { parseArgs } from 'node:util'
import { JournalDirectory, type LogOwner } from '../delivery/journal/directory.js'
import { type Command, type CommandContext, UsageError } from './command.js'
import { replayJournal } from './journal/replay.js'
import { countDead, deadRecords, describeJournal, entriesOf } from './journal/state.js'
import { headerOf, lineOf, replayText, runningText, statusText } from './journal/text.js'
import { terminalText } from './terminal-text.js'

type Flags = { json: boolean; dead: boolean; yes: boolean; limit: number }
type Action = (directory: JournalDirectory, flags: Flags, context: CommandContext, file: string) => Promise<number>

const exitRefused = 1
const exitUnreadable = 1

/** Shows and empties the journal. It is safe to run beside a collector. */
export const journalCommand: Command = {
  usage: `vantage-collector journal status  what waits in the journal, and whose it is
vantage-collector journal list    a line for each batch that waits, oldest of each process first
    --dead                        the dead letters instead
    --limit N                     at most so many; default 100
vantage-collector journal export FILE|-
                                  write the metrics that wait, a line each, and change nothing; send reads such a file
    --dead                        the dead letters instead
vantage-collector journal replay  send to Kafka what processes have left that ended, and wait until it is there
    --dead                        try the dead letters once more, too, for instance when the topic's limits were raised
vantage-collector journal drop-dead
                                  what would be deleted; with --yes, delete the dead letters for good
    --json                        with any of these: the result as JSON
`,

  async run(args, context) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        dead: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
        limit: { type: 'string', default: '100' },
      },
    })
    const [name = '', file = ''] = positionals
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (action === undefined) throw new UsageError('journal needs one of status, list, export, replay, drop-dead')
    const limit = Number(values.limit)
    if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit must be an integer from 1')
    const { journalDir } = context.readConfig()
    if (journalDir === '') throw new Error('There is no journal: VANTAGE_JOURNAL_DIR is empty')
    return action(await JournalDirectory.openExisting(journalDir), { ...values, limit }, context, file)
  },
}

const actions: Record<string, Action> = {
  async status(directory, { json }, { print, readConfig }) {
    const state = await describeJournal(directory, readConfig().journalMaxMb)
    print(json ? `${JSON.stringify(state)}\n` : statusText(state))
    return 0
  },

  async list(directory, { json, dead, limit }, { print, note }) {
    let shown = 0
    const unreadable = new Unreadable(note)
    for await (const row of dead ? deadRows(directory) : entryRows(directory, unreadable)) {
      if (shown === limit) {
        if (!json) print(`... more; --limit shows them\n`)
        break
      }
      if (shown++ === 0 && !json) print(`${headerOf(row)}\n`)
      print(`${json ? JSON.stringify(row) : terminalText(lineOf(row))}\n`)
    }
    return unreadable.exitCode
  },

  async export(directory, { dead }, { print, note }, file) {
    if (file === '') throw new UsageError('journal export needs a file, or - for standard output')
    const out = file === '-' ? undefined : createWriteStream(file, { flags: 'wx' })
    if (out !== undefined) await once(out, 'open')
    let lines = 0
    const unreadable = new Unreadable(note)
    for await (const line of dead ? deadLines(directory) : entryLines(directory, unreadable)) {
      lines++
      if (out === undefined) print(`${line}\n`)
      else if (!out.write(`${line}\n`)) await once(out, 'drain')
    }
    if (out !== undefined) await new Promise((resolve) => out.end(resolve))
    note(`${lines} records written; the journal is unchanged`)
    return unreadable.exitCode
  },

  async replay(directory, { dead, json }, context) {
    const replayed = await replayJournal(directory, dead, context)
    if (json) context.print(`${JSON.stringify(replayed)}\n`)
    else context.print(replayText(replayed) + runningText(await describeJournal(directory, 0)))
    const { left, refused, unreadable, elsewhere } = replayed
    return left + refused + unreadable + elsewhere === 0 ? 0 : exitRefused
  },

  async 'drop-dead'(directory, { yes, json }, { print }) {
    const { dead } = directory
    const files = await dead.list()
    const records = await countDead(dead, files)
    if (yes) for (const file of files) await dead.drop(file)
    const done = yes ? 'deleted' : 'would be deleted; --yes does it'
    print(json ? `${JSON.stringify({ records, deleted: yes })}\n` : `${records} dead letters ${done}\n`)
    return yes || records === 0 ? 0 : exitRefused
  },
}

/** Reports logs that cannot be read. */
class Unreadable {
  readonly tell: (owner: LogOwner, reason: string) => void
  exitCode = 0

  constructor(note: CommandContext['note']) {
    this.tell = ({ path }, reason) => {
      this.exitCode = exitUnreadable
      note(`${path} cannot be read: ${reason}`)
    }
  }
}

async function* entryRows(directory: JournalDirectory, { tell }: Unreadable) {
  for await (const { owner, firstSeenMs, metrics, bytes, service, topic } of entriesOf(directory, tell)) {
    yield { first_seen: new Date(firstSeenMs).toISOString(), metrics, bytes, service, process: owner.pid, topic }
  }
}

async function* entryLines(directory: JournalDirectory, { tell }: Unreadable) {
  for await (const { values } of entriesOf(directory, tell)) yield* values
}

async function* deadRows(directory: JournalDirectory) {
  for await (const { firstSeenMs, errorCode, reason, key, value } of deadRecords(directory)) {
    yield { first_seen: new Date(firstSeenMs).toISOString(), error_code: errorCode, reason, key, bytes: value.length }
  }
}

async function* deadLines(directory: JournalDirectory) {
  for await (const { value } of deadRecords(directory)) yield value
}
