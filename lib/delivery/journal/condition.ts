import type { Logger } from '../../shared/logger.js'

/**
 * - ok: it takes batches
 * - full: until replay has freed a tenth of it
 * - unavailable: its directory or disk does not work, until a trial can be written as a batch is
 */
export type JournalState = 'ok' | 'full' | 'unavailable'

/** A batch that the journal did not take. */
export class NotJournaled extends Error {
  override name = 'NotJournaled'
  readonly state: Exclude<JournalState, 'ok'>

  constructor({ state, message }: { state: JournalState; message: string }) {
    super(message)
    this.state = state === 'full' ? 'full' : 'unavailable'
  }
}

const notOpenedYet = 'Not opened yet'

/** Whether the journal takes batches, and why it does not. Changes are logged. */
export class Condition {
  readonly #logger: Logger
  #state: JournalState = 'unavailable'
  #message = notOpenedYet

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get state(): JournalState {
    return this.#state
  }

  get message(): string {
    return this.#message
  }

  takesBatches(): void {
    this.#set('ok', 'Takes batches')
  }

  full(message: string): NotJournaled {
    this.#set('full', message)
    return new NotJournaled(this)
  }

  unavailable(message: string): NotJournaled {
    this.#set('unavailable', message)
    return new NotJournaled(this)
  }

  /** Something that a batch needs has failed. */
  failed(reason: string): NotJournaled {
    return this.unavailable(`The journal cannot be written: ${reason}`)
  }

  #set(state: JournalState, message: string): void {
    const isFirst = this.#message === notOpenedYet
    const isChange = state !== this.#state
    this.#state = state
    this.#message = message
    if (isFirst || isChange) this.#log(isFirst)
  }

  #log(isFirst: boolean): void {
    if (this.#state !== 'ok') this.#logger.error({ journal: this.#message }, 'the journal takes no batches')
    else if (!isFirst) this.#logger.info('the journal takes batches again')
  }
}
