// The collector's in-memory Kafka in a process of its own, so that it can be stopped; forked by kafka.ts.

import { DevBroker } from '../lib/primary/dev-broker.js'

const broker = await DevBroker.start()
process.once('disconnect', () => process.exit(0))
process.send?.(broker.address)
