/**
 * A command as a user's shell would run it: tap puts a loader of its own into the NODE_OPTIONS of every process that a
 * test starts.
 */
export function plainly(command: string, args: readonly string[]): [command: string, args: string[]] {
  return ['env', ['-u', 'NODE_OPTIONS', command, ...args]]
}
