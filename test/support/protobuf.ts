import { join } from 'node:path'
import protobuf from 'protobufjs'

const folder = join('test', 'support', 'proto')

/** A message type of the .proto files in test/support/proto, which are the protocols' own. */
export function protobufType(file: string, name: string): protobuf.Type {
  const root = new protobuf.Root()
  // Prometheus's files import each other by name, and options of gogo, which say nothing of messages.
  root.resolvePath = (origin, path) => {
    if (path.startsWith('gogoproto/')) return null
    return origin.includes('/prompb/') ? join(folder, 'prompb', path) : join(folder, path)
  }
  root.loadSync(file)
  return root.lookupType(name)
}

export const exportRequest = () =>
  protobufType(
    'opentelemetry/proto/collector/metrics/v1/metrics_service.proto',
    'opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest',
  )

/** The request of remote write 1.0 or 2.0. */
export const writeRequest = (version: 1 | 2) =>
  version === 1
    ? protobufType('prompb/remote.proto', 'prometheus.WriteRequest')
    : protobufType('prompb/io/prometheus/write/v2/types.proto', 'io.prometheus.write.v2.Request')
