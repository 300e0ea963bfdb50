import type { Command } from './command.js'
import { readSendOptions } from './send/options.js'
import { Sending } from './send/sending.js'

/** Turns anything that has a shell into an agent. */
export const sendCommand: Command = {
  usage: `vantage-collector send FILE|-     post metrics: a batch, an array, or JSON a line; - reads standard input
    --url URL                     of the collector, instead of this machine's VANTAGE_API_PORT
    --key-file FILE               holds the API key, instead of VANTAGE_API_KEY
    --gzip                        compress the requests
    --batch-size N                most metrics in a batch; default 1000
    --linger-ms N                 longest a metric waits for its batch to fill; default 1000
    --connections N               batches under way at a time; more than 1 gives up their order; default 1
    --max-wait-seconds N          try a batch again for so long, on 429, 5xx and broken connections; default 300
    --undelivered FILE            append batches that were given up, for send to read; without it, the first one ends
    --service NAME                service_name of the batches, instead of what the input says
    --environment NAME            likewise
    --agent-version TEXT          likewise
    --json                        the summary as JSON
    Ends with 0 when all are accepted, 1 when some are not delivered, 3 when the collector rejected some for good.
`,

  async run(args, context) {
    return new Sending(await readSendOptions(args, context.readConfig), context).run()
  },
}
