/** A word of the product: in code, /v1/stats, Prometheus' names, pages, logs and docs it means this and nothing else. */
export type GlossaryEntry = {
  word: string
  meaning: string
  /** Words that are not used for it. */
  not?: readonly string[]
}

/** One word for one thing, in the order in which a metric meets them. docs/glossary.md is written from this. */
export const glossary: readonly GlossaryEntry[] = [
  { word: 'metric', meaning: 'one measured value with its name, time and tags', not: ['event', 'item'] },
  { word: 'batch', meaning: 'the metrics of one request' },
  { word: 'record', meaning: 'what Kafka stores: key, value, headers', not: ['message'] },
  { word: 'received', meaning: 'in a batch that could be parsed' },
  {
    word: 'rejected',
    meaning: 'not valid, or refused by the brokers before the answer; its agent must not send it again',
  },
  { word: 'skipped', meaning: 'a valid metric without a value to store', not: ['dropped'] },
  {
    word: 'deferred',
    meaning: 'answered 429 or 503: its agent keeps it and sends it again',
    not: ['unavailable', 'sent back'],
  },
  { word: 'accepted', meaning: 'answered with a success: acknowledged, journaled, or promised from memory' },
  { word: 'in flight', meaning: 'in a request that is not answered yet' },
  { word: 'acknowledged', meaning: 'all in-sync replicas have the record', not: ['delivered'] },
  { word: 'journaled', meaning: "on this machine's disk with its promise given", not: ['queued'] },
  { word: 'waiting', meaning: 'still in the journal, and not acknowledged yet' },
  { word: 'replayed', meaning: 'acknowledged, sent from the journal' },
  { word: 'adopted', meaning: 'found in the journal of a process that has ended' },
  { word: 'in memory', meaning: 'promised from memory (VANTAGE_DURABILITY=memory), and not acknowledged yet' },
  { word: 'refused', meaning: 'a record that the brokers will never take' },
  {
    word: 'dead letter',
    meaning: 'a record refused after its promise was given, or a rejected metric where that is asked for',
    not: ['letter', 'reject'],
  },
  { word: 'dead lettered', meaning: 'kept as a dead letter' },
  { word: 'late', meaning: 'acknowledged after its request was answered 503: a retry duplicates it' },
  { word: 'left', meaning: 'in the journal of a worker that has ended; the process that adopts it counts it again' },
  { word: 'abandoned', meaning: 'in flight in a worker that ended before it answered' },
  { word: 'lost', meaning: 'promised and gone; it never happens, or is reported' },
  { word: 'held', meaning: 'bytes that count against the byte budget' },
  { word: 'ledger', meaning: 'the account of where each received metric is; it balances', not: ['books'] },
  { word: 'settle', meaning: 'to learn the fate of all records of a batch' },
  { word: 'drain', meaning: 'to finish what is in flight and go' },
  { word: 'outcome', meaning: 'what became of a batch, before it is an answer' },
  { word: 'answer', meaning: 'an HTTP response' },
  { word: 'problem', meaning: 'an answer that is an error, or a batch that was taken in part' },
]

/** What a word means; undefined for one that is not in the glossary. */
export function meaningOf(word: string): string | undefined {
  return glossary.find((entry) => entry.word === word.toLowerCase())?.meaning
}
