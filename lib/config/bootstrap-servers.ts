import { isIPv6 } from 'node:net'

/** PROTOCOL://HOST:PORT, as librdkafka reads it (rdkafka_broker.c, rd_kafka_broker_name_parse); only HOST must be there. */
const serverForm = /^ *(?:(plaintext|ssl|sasl_plaintext|sasl_ssl):\/\/)?([\w.-]+|\[[^[\]]+\])(?::(\d{1,5}) *)?$/i
const defaultPort = '9092'

type Server = { protocol: string | undefined }

/** What is wrong with a comma-separated list of brokers, which librdkafka would only log, or not even that. */
export function serverMistakes(variable: string, text: string, securityProtocol: string): string[] {
  const servers = text.split(',').map(parseServer)
  const shown = `${variable}=${JSON.stringify(text)}`
  if (servers.includes(undefined)) {
    return [`${shown} is not allowed; it must be HOST:PORT,... with ports from 1 to 65535, IPv6 addresses in brackets`]
  }
  const other = servers.find((server) => (server?.protocol ?? securityProtocol) !== securityProtocol)?.protocol
  return other === undefined ? [] : [`${shown} needs VANTAGE_KAFKA_SECURITY_PROTOCOL=${other}`]
}

function parseServer(entry: string): Server | undefined {
  const [matched, protocol, host = '', port = defaultPort] = serverForm.exec(entry) ?? []
  const isPort = Number(port) >= 1 && Number(port) <= 65535
  const isHost = !host.startsWith('[') || isIPv6(host.slice(1, -1))
  return matched !== undefined && isPort && isHost ? { protocol: protocol?.toLowerCase() } : undefined
}
