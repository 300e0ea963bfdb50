import { join } from 'node:path'
import protobuf from 'protobufjs'

const folder = join('test', 'support', 'proto')

/** A message type of the .proto files in test/support/proto, which are the protocols' own. */
export function protobufType(file: string, name: string): protobuf.Type {
  const root = new protobuf.Root()
  root.resolvePath = (_, path) => join(folder, path)
  root.loadSync(file)
  return root.lookupType(name)
}

export const exportRequest = () =>
  protobufType(
    'opentelemetry/proto/collector/metrics/v1/metrics_service.proto',
    'opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest',
  )
