import { parseArgs } from 'node:util'
import { meaningOf } from '../view/glossary.js'
import { readApiKey, routeUrl } from './collector-access.js'
import type { Command, CommandContext } from './command.js'
import { integerFlag } from './flags.js'
import { paint } from './top/cells.js'
import { drawPage } from './top/page.js'
import { Screen } from './top/screen.js'
import { Watch } from './top/watch.js'

const plainColumns = 80

const shownWords = [
  ...[
    'received',
    'accepted',
    'rejected',
    'deferred',
    'problem',
    'held',
    'ledger',
    'adopted',
    'skipped',
    'acknowledged',
  ],
  ...['dead lettered', 'waiting', 'in memory', 'in flight', 'left', 'abandoned', 'lost'],
]
const explainedWords = shownWords.map((word) => `      ${word.padEnd(28)}${meaningOf(word)}\n`).join('')

/** The status page for a terminal, for collectors that can be reached by ssh only. */
export const topCommand: Command = {
  usage: `vantage-collector top             the status page in a terminal: rates, latency, the ledger, workers, brokers, problems
    --url URL                     of the collector, instead of this machine's VANTAGE_API_PORT
    --key-file FILE               holds an API key with the scope read, instead of VANTAGE_API_KEY
    --interval-ms N               between two looks; default 1000
    --once                        print the page after two looks, and end; so it does, too, when its output is no terminal
    q or Ctrl-C ends. NO_COLOR=1 in the environment leaves out the colours.
    Its words:
${explainedWords}`,

  async run(args, context) {
    const { values: flags } = parseArgs({
      args,
      options: {
        url: { type: 'string' },
        'key-file': { type: 'string' },
        'interval-ms': { type: 'string', default: '1000' },
        once: { type: 'boolean', default: false },
      },
    })
    const config = context.readConfig()
    const url = routeUrl(flags.url, config, '/v1/stats')
    const apiKey = await readApiKey(flags['key-file'], config)
    const watch = new Watch({ url, apiKey }, integerFlag('--interval-ms', flags['interval-ms'], 100, 3_600_000))
    if (flags.once || context.screen === undefined) await printOnce(watch, context)
    else await fill(context.screen, watch, url, context)
    return 0
  },
}

/** A rate needs two polls. */
async function printOnce(watch: Watch, { print, signal }: CommandContext): Promise<void> {
  await watch.look(signal)
  await watch.rest(signal)
  await watch.look(signal)
  const lines = drawPage({ ...watch.view, footer: '' }, { columns: plainColumns, rows: Infinity })
  print(lines.map((line) => `${paint(line, false).trimEnd()}\n`).join(''))
}

async function fill(out: NodeJS.WriteStream, watch: Watch, url: URL, { input, signal }: CommandContext): Promise<void> {
  const quit = new AbortController()
  const draw = () => screen.draw(drawPage({ ...watch.view, footer: `q ends  ${url}` }, screen.size))
  const screen = new Screen(out, input(), { onResize: draw, onQuit: () => quit.abort() })
  screen.open()
  try {
    await watch.follow(AbortSignal.any([signal, quit.signal]), draw)
  } finally {
    screen.close()
  }
}
