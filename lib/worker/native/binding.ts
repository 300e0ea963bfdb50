import { loadAddon } from '../../shared/addon.js'

/** The addon that binding.gyp compiles from addon.c. */
export type Binding = {
  /**
   * Shuts down the established TCP connections with the local port `port` on which nothing has come or gone for
   * `idleMs`: for their owner it is as if the other side had closed them. Looks at `count` descriptors of this process,
   * from `first` on.
   *
   * @returns how many connections were shut down
   */
  shutDownIdle(port: number, idleMs: number, first: number, count: number): number
}

export const binding = loadAddon('vantage_sockets') as Binding
