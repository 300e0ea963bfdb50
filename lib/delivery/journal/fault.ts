/** What cannot be read of a journal, in the system's words. What waits there is tried again. */
export type Fault = { path: string; message: string }
