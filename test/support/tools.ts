import { join } from 'node:path'

/**
 * The path of a tool that .ci/run installs: Helm, a Go module, and from PyPI kubernetes-validate, hadolint, schemathesis (st) and the
 * python that has chdb, which is ClickHouse.
 */
export function tool(name: string): string {
  return join(process.env.VANTAGE_TEST_TOOLS ?? '.cache/tools/bin', name)
}
