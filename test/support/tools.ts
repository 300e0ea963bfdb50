import { join } from 'node:path'

/** The path of a tool that .ci/run installs: Helm, a Go module, and from PyPI kubernetes-validate, hadolint and schemathesis (st). */
export function tool(name: string): string {
  return join(process.env.VANTAGE_TEST_TOOLS ?? '.cache/tools/bin', name)
}
