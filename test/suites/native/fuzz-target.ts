/** What libFuzzer tries to break: a program in C, and another that judges what it finds. */
export type Target = {
  name: string
  /** Bytes of the longest body. */
  longest: number
  /** Of the program, the first of which has its entry. */
  sources: readonly string[]
  /** Bodies to set out from, and words that may stand in them. */
  seeds: readonly Buffer[]
  words: readonly Buffer[]
  /** The command of the judge. */
  judge: string
}
