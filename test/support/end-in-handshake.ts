// Ends while librdkafka's threads shake hands with a broker that closes each connection: by `process.exit`, or by an exception.

import { Producer } from '../../lib/delivery/producer.js'

const [brokers = '', how] = process.argv.slice(2)
const producers = 16
const longestWaitMs = 100

const global = {
  'bootstrap.servers': brokers,
  'security.protocol': 'ssl',
  'enable.ssl.certificate.verification': false,
  'reconnect.backoff.ms': 1,
  'reconnect.backoff.max.ms': 2,
} as const
const deaf = { onConnectionError: () => undefined, onFatal: () => undefined }
for (let n = 0; n < producers; n++) new Producer({ global: { ...global }, topic: {}, saslToken: '' }, 'none', deaf)

setTimeout(() => {
  if (how === 'exit') process.exit(7)
  throw new Error('as an error that nobody catches')
}, Math.random() * longestWaitMs)
