/** What a command may see and touch of the world outside: the streams, the folder, the environment, and Ctrl-C. Handed in, so that nothing below reads globals. */

import { createInterface } from 'node:readline/promises'
import { type Readable, Writable } from 'node:stream'
import { shownText } from '../primitives/index.ts'

export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

export interface Terminal {
  /** The result of the command, and nothing else: what a pipe is fed. */
  readonly out: Output
  /** Progress, and errors. */
  readonly err: Output
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Calls `interrupted` at each Ctrl-C (and SIGTERM) instead of ending the process. Returns how to stop. */
  onInterrupt(interrupted: () => void): () => void
  /** Everything that is piped in. */
  readInput(): Promise<string>
  /** Asks the person who sits there; absent where nobody does. `undefined` when they closed the input instead. */
  readonly ask?: ((question: string) => Promise<string | undefined>) | undefined
  /** The streams themselves, for a protocol: from now on whatever else writes to standard output (a `console.log` of an app) writes to standard error. */
  takeStreams(): { readonly input: Readable; readonly output: Writable }
  /** Ends the process at once. */
  exit(code: number): never
}

/** The terminal this process was started in. */
export function systemTerminal(): Terminal {
  return {
    out: process.stdout,
    err: process.stderr,
    cwd: process.cwd(),
    env: process.env,
    onInterrupt(interrupted) {
      process.on('SIGINT', interrupted).on('SIGTERM', interrupted)
      return () => void process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
    },
    async readInput() {
      let text = ''
      for await (const part of process.stdin.setEncoding('utf8')) text += part
      return text
    },
    ...(process.stdin.isTTY && process.stderr.isTTY ? { ask: askAtTerminal } : {}),
    takeStreams,
    exit: (code) => process.exit(code),
  }
}

function takeStreams(): { input: Readable; output: Writable } {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write
  const output = new Writable({ write: (chunk: Buffer, _, done) => void write(chunk, (error) => done(error)) })
  return { input: process.stdin, output }
}

async function askAtTerminal(question: string): Promise<string | undefined> {
  const face = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const closed = new Promise<undefined>((resolve) => face.once('close', () => resolve(undefined)))
    return await Promise.race([face.question(question), closed])
  } finally {
    face.close()
  }
}

/** `text` and a line end, or one JSON document. */
export const printLine = (output: Output, text: string): void => void output.write(`${text}\n`)
export const printJson = (output: Output, value: unknown): void => printLine(output, shownText(value, 2) ?? 'null')

/** What is piped is not cut. */
export const columnsOf = ({ columns }: Output): number => columns ?? Number.POSITIVE_INFINITY
