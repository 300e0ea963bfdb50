import { loadAddon } from '../../shared/addon.js'

/** The addon that binding.gyp compiles from addon.c. */
export type Binding = {
  /**
   * Shuts down the established TCP connections with the local port `port` that have not moved for `idleMs`: neither was
   * anything of an answer acknowledged, nor did a request begin, nor have `leastBytes` of it come. For their owner it is
   * as if the other side had closed them. Looks at `count` descriptors of this process, from `first` on; to be called so
   * that each is looked at a few times in `idleMs`.
   *
   * @returns how many connections were shut down
   */
  shutDownIdle(port: number, idleMs: number, leastBytes: number, first: number, count: number): number
}

export const binding = loadAddon('vantage_sockets') as Binding
